"""URLs as curl reads them."""

from __future__ import annotations

import pytest

from socks5client.cli.urls import MalformedUrl, UnsupportedScheme, Url


@pytest.mark.parametrize(
    ("text", "shown", "authority"),
    [
        ("origin.test", "http://origin.test/", "origin.test"),
        ("origin.test:81/a", "http://origin.test:81/a", "origin.test:81"),
        ("HTTPS://h:443/x", "https://h:443/x", "h"),
        ("http://h?q=1", "http://h/?q=1", "h"),
        ("http://h/a/./b/../c/..#frag", "http://h/a/", "h"),
        ("http://h/../../x", "http://h/x", "h"),
        ("http://h/a?b=../c#d", "http://h/a?b=../c", "h"),
        ('http://h/|"<>^`', 'http://h/|"<>^`', "h"),
        ("http://h/\u00e9", "http://h/%c3%a9", "h"),
        ("http://[::1]:8080/", "http://[::1]:8080/", "[::1]:8080"),
        ("http://h:/x", "http://h/x", "h"),
        ("http:/h/x", "http://h/x", "h"),
        ("http:///h/x", "http://h/x", "h"),
        ("http://H.Test/x", "http://H.Test/x", "H.Test"),
        ("http://us:p%40w@h/x", "http://h/x", "h"),
        ("http://b\u00fccher.test/", "http://b\u00fccher.test/", "xn--bcher-kva.test"),
    ],
)
def test_what_is_understood(text: str, shown: str, authority: str) -> None:
    url = Url.parse(text)
    assert str(url) == shown
    assert url.authority == authority


def test_user_info_is_decoded_and_not_shown() -> None:
    url = Url.parse("http://us%3Aer:p%40w@h/")
    assert (url.user, url.password) == ("us:er", "p@w")
    assert "p@w" not in repr(url) + str(url)


@pytest.mark.parametrize(
    "text",
    [
        *[
            "",
            "http://",
            "http:////x",
            "http://u%0d%0a:p@h/",
            "http://u:%00@h/",
            "http://:80/",
            "http://h:99999/",
            "http://h:ab/",
            "http://h/a b",
        ],
        *["http://[::1/", "http://[zz]/", "http://h\x00/", "http://h:1:2/", "http://a..b\u00e9/"],
    ],
)
def test_what_is_malformed(text: str) -> None:
    with pytest.raises(MalformedUrl):
        Url.parse(text)


@pytest.mark.parametrize("text", ["gopher://h/", "socks5://h/", "file:///etc/passwd", "foo://"])
def test_other_schemes(text: str) -> None:
    with pytest.raises(UnsupportedScheme, match="not supported"):
        Url.parse(text)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/x", "http://h:81/x"),
        ("x", "http://h:81/a/x"),
        ("../x", "http://h:81/x"),
        ("?q", "http://h:81/a/b?q"),
        ("?", "http://h:81/a/b"),
        ("//other/x", "http://other/x"),
        ("https://other", "https://other/"),
        ("/x y\u00e9?a b", "http://h:81/x%20y%c3%a9?a+b"),
        ("#f", "http://h:81/a/b?c"),
        ("", "http://h:81/a/b?c"),
        ("./y/../z", "http://h:81/a/z"),
    ],
)
def test_redirects(location: str, target: str) -> None:
    assert str(Url.parse("http://u:p@h:81/a/b?c#d").follow(location)) == target


@pytest.mark.parametrize("location", ["mailto:me", "gopher://h/", "javascript:alert(1)"])
def test_redirects_out_of_http(location: str) -> None:
    with pytest.raises(UnsupportedScheme):
        Url.parse("http://h/").follow(location)


def test_what_is_shown_of_it() -> None:
    assert Url.parse("http://u:p@h/a?#").effective == "http://h/a"
    assert Url.parse("http://h/a??#b#").effective == "http://h/a??#b#"


def test_dots_may_stay() -> None:
    url = Url.parse("http://h/a/../b/./c", as_is=True)
    assert str(url) == "http://h/a/../b/./c"
    assert str(url.follow("../d", as_is=True)) == "http://h/a/../b/./../d"
    assert str(url.follow("../d")) == "http://h/d"


@pytest.mark.parametrize(
    ("text", "shown", "port"),
    [
        ("ftp.h/x", "ftp://ftp.h/x", 21),
        ("ftps://h/x", "ftps://h/x", 990),
        ("tftp://h/x", "tftp://h/x", 69),
        ("tcp://h:7", "tcp://h:7/", 7),
        ("udp://[::1]:7", "udp://[::1]:7/", 7),
    ],
)
def test_schemes_besides_http(text: str, shown: str, port: int) -> None:
    url = Url.parse(text)
    assert (str(url), url.effective_port) == (shown, port)


def test_pipes_need_a_port() -> None:
    with pytest.raises(MalformedUrl, match="needs a port"):
        Url.parse("tcp://h")


def test_names_for_uploads() -> None:
    assert str(Url.parse("http://h/d/?q").with_file_name("a b/c")) == "http://h/d/a%20b%2Fc?q"
    assert str(Url.parse("http://h/d/e").with_file_name("f")) == "http://h/d/e"


def test_data_in_the_query() -> None:
    assert str(Url.parse("http://h/#f").with_query("a=b")) == "http://h/?a=b"
    assert str(Url.parse("http://h/?x").with_query("a=b")) == "http://h/?x&a=b"
    assert str(Url.parse("http://h/?").with_query("a=b")) == "http://h/?a=b"
    assert str(Url.parse("http://h/?x&").with_query("a=b")) == "http://h/?x&a=b"
    with pytest.raises(MalformedUrl, match="-G"):
        Url.parse("http://h/").with_query("a b")
