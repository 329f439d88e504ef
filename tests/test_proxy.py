from __future__ import annotations

import copy
import pickle
import ssl
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socks5client import GSSAPI, NoAuth, Proxy, UsernamePassword
from tests.protocol.fake_gssapi import Library

ALICE = (UsernamePassword("alice", "s3cret"), NoAuth())

URLS: list[tuple[str, Proxy, str]] = [
    ("socks5h://proxy", Proxy("proxy"), "socks5h://proxy:1080"),
    ("socks5h://proxy/", Proxy("proxy"), "socks5h://proxy:1080"),
    ("socks5h://proxy:9050", Proxy("proxy", 9050), "socks5h://proxy:9050"),
    ("SOCKS5H://Proxy:1", Proxy("Proxy", 1), "socks5h://Proxy:1"),
    ("socks5://proxy", Proxy("proxy", remote_dns=False), "socks5://proxy:1080"),
    ("socks://proxy", Proxy("proxy"), "socks5h://proxy:1080"),
    ("proxy:1081", Proxy("proxy", 1081), "socks5h://proxy:1081"),
    ("proxy", Proxy("proxy"), "socks5h://proxy:1080"),
    ("127.0.0.1:65535", Proxy("127.0.0.1", 65535), "socks5h://127.0.0.1:65535"),
    ("socks5h://[::1]", Proxy("::1"), "socks5h://[::1]:1080"),
    ("socks5h://[::1]:1", Proxy("::1", 1), "socks5h://[::1]:1"),
    ("[2001:DB8::1]:1", Proxy("2001:db8::1", 1), "socks5h://[2001:db8::1]:1"),
    ("socks5h://[fe80::1%25eth0]:1", Proxy("fe80::1%eth0", 1), "socks5h://[fe80::1%eth0]:1"),
    ("socks5h://alice:s3cret@proxy", Proxy("proxy", auth=ALICE), "socks5h://***@proxy:1080"),
    ("alice:s3cret@proxy:1", Proxy("proxy", 1, auth=ALICE), "socks5h://***@proxy:1"),
    (
        "socks5h://al%69ce:s3cr%65t@proxy",
        Proxy("proxy", auth=ALICE),
        "socks5h://***@proxy:1080",
    ),
    (
        "socks5h://%C3%BC:%3A%40%2F%3f%25@proxy",
        Proxy("proxy", auth=[UsernamePassword("ü", ":@/?%"), NoAuth()]),
        "socks5h://***@proxy:1080",
    ),
    (
        "socks5h://alice:a:b@c@proxy",
        Proxy("proxy", auth=[UsernamePassword("alice", "a:b@c"), NoAuth()]),
        "socks5h://***@proxy:1080",
    ),
    (
        "socks5h://alice:@proxy",
        Proxy("proxy", auth=[UsernamePassword("alice", ""), NoAuth()]),
        "socks5h://***@proxy:1080",
    ),
    (
        "socks5h://alice@proxy",
        Proxy("proxy", auth=[UsernamePassword("alice", ""), NoAuth()]),
        "socks5h://***@proxy:1080",
    ),
    ("socks5h+tls://proxy:443", Proxy("proxy", 443, tls=True), "socks5h+tls://proxy:443"),
    (
        "socks5+tls://proxy",
        Proxy("proxy", tls=True, remote_dns=False),
        "socks5+tls://proxy:1080",
    ),
    ("socks5h+unix:///run/proxy", Proxy("", unix_path="/run/proxy"), "socks5h+unix:///run/proxy"),
    (
        "socks5h+unix://alice:s3cret@/run/a%20proxy",
        Proxy("", unix_path="/run/a proxy", auth=ALICE),
        "socks5h+unix://***@/run/a proxy",
    ),
    (
        "socks5+unix://localhost/run/proxy",
        Proxy("", unix_path="/run/proxy", remote_dns=False),
        "socks5+unix:///run/proxy",
    ),
    (
        "socks5h://localhost/run/proxy",
        Proxy("", unix_path="/run/proxy"),
        "socks5h+unix:///run/proxy",
    ),
    ("socks5h://localhost", Proxy("localhost"), "socks5h://localhost:1080"),
]


@pytest.mark.parametrize(("url", "proxy", "text"), URLS)
def test_url(url: str, proxy: Proxy, text: str) -> None:
    parsed = Proxy.from_url(url)
    assert parsed == proxy
    assert hash(parsed) == hash(proxy)
    assert str(parsed) == text
    assert repr(parsed) == f"Proxy({text!r})"
    assert parsed.auth == proxy.auth


BAD_URLS = [
    ("", "no host"),
    ("socks5h://", "no host"),
    ("socks5h://:1080", "no host"),
    ("socks5h://alice:s3cret@", "no host"),
    ("http://alice:s3cret@proxy", "scheme is none of"),
    ("socks4://s3cret", "scheme is none of"),
    ("socks5h+ssh://s3cret", "scheme is none of socks5h, socks5, socks, socks5h"),
    ("://s3cret", "scheme is none of"),
    ("socks5h:/proxy", "path"),
    ("socks5h:proxy:1080", "colons"),
    ("socks5h://alice:s3cret", "port is not a number"),
    ("socks5h://proxy:", "^the proxy URL's port is empty$"),
    ("socks5h://[::1]:", "^the proxy URL's port is empty$"),
    ("socks5h://proxy:0", "port is not a number from 1 to 65535"),
    ("socks5h://proxy:65536", "port is not a number"),
    ("socks5h://proxy:-1", "port is not a number"),
    ("socks5h://proxy:+1", "port is not a number"),
    ("socks5h://proxy:1_0", "port is not a number"),
    ("socks5h://proxy:\u0661", "port is not a number"),
    ("socks5h://proxy:" + "9" * 5000, "port is not a number"),
    ("socks5h://::1:1080", "^the proxy URL's host has colons; write an IPv6 literal in brackets$"),
    ("socks5h://[::1", "^the proxy URL's host is not an IPv6 literal in brackets$"),
    ("socks5h://[::1]:1]", "port is not a number"),
    ("socks5h://[::1]1080", "brackets"),
    ("socks5h://[proxy]:1080", "brackets"),
    ("socks5h://[::g]", "not an IPv6 address"),
    ("socks5h://[fe80::1%25]", "percent sign"),
    ("socks5h://[fe80::1%25a.b]", "zone"),
    ("socks5h://pro%78y", "^the proxy URL's host has a percent sign$"),
    ("socks5h://proxy/path", "^the proxy URL has a path$"),
    ("socks5h://proxy://s3cret", "^the proxy URL has a path$"),
    ("socks5h://proxy:1/?s3cret", "query"),
    (
        "socks5h://alice:s3cret#@proxy",
        "^the proxy URL has a query or a fragment; in a password write %3F for [?] and %23 for #$",
    ),
    ("socks5h://alice:s3/cret@proxy", "path"),
    ("socks5h://:s3cret@proxy", "user name is empty"),
    ("socks5h://@proxy", "user name is empty"),
    ("socks5h://alice:s3cret%@proxy", "password has a percent sign without two hex digits"),
    ("socks5h://alice:s3cret%zz@proxy", "password has a percent sign without two hex digits"),
    ("socks5h://alice:s3cret%X0@proxy", "password has a percent sign without two hex digits"),
    ("socks5h://al%ice:s3cret@proxy", "user name has a percent sign"),
    ("socks5h://alice:s3cret%ff@proxy", "password is not UTF-8"),
    ("socks5h://alice:s3cret%00@proxy", "password has a control character"),
    ("socks5h://alice:" + "s3cret" * 50 + "@proxy", "password is 300 bytes long"),
    ("socks5h://alice:s3 cret@proxy", "space"),
    ("socks5h://alice:s3cret@pro\nxy", "control character"),
    ("socks5h://proxy\0", "control character"),
    ("socks5h://" + "n" * 256, "256 bytes"),
    ("socks5h+unix://proxy/run/proxy", "^the proxy URL has a host and a unix socket's path$"),
    (
        "socks5h+tls://alice:s3cret@localhost/run/proxy",
        "^TLS to a proxy on a unix socket is not supported$",
    ),
    ("socks5h://alice:0123456789", "port is not a number"),
    ("socks5h://alice:0655351234", "port is not a number"),
    ("socks5h://proxy:000", "port is not a number"),
    ("socks5h+unix://", "^the path of the proxy's unix socket is empty or has a control char"),
    ("socks5h+unix:///s3cret%0aINFO:", "control character$"),
    ("socks5h+unix:///s3cret%7f", "control character$"),
    ("socks5h://pro[xy", "^the proxy URL's host has a bracket in it$"),
    ("socks5h://]", "bracket"),
    ("socks5h+unix:///run/%00", "control character"),
    ("socks5h+unix:///run/%s3", "^the proxy URL's path has a percent sign without two hex digits$"),
    ("socks5h+unix:///run/\x7f", "space or a control character"),
]


@pytest.mark.parametrize(("url", "match"), BAD_URLS)
def test_malformed_url(url: str, match: str) -> None:
    with pytest.raises(ValueError, match=match) as caught:
        Proxy.from_url(url)
    assert "s3" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_url_of_another_type() -> None:
    with pytest.raises(TypeError, match="is a str, not bytes"):
        Proxy.from_url(b"socks5h://proxy")  # type: ignore[arg-type]


@given(st.text(max_size=60) | st.from_regex(r"socks5h?://.{0,40}", fullmatch=True))
def test_any_url_parses_or_is_a_value_error(url: str) -> None:
    try:
        proxy = Proxy.from_url(url)
    except ValueError:
        return
    if proxy.auth == (NoAuth(),) and proxy.unix_path is None and "%" not in proxy.host:
        assert Proxy.from_url(str(proxy)) == proxy


@pytest.mark.parametrize(
    ("arguments", "options", "error", "match"),
    [
        (("",), {}, ValueError, "host is empty"),
        (("proxy", 0), {}, ValueError, "^port 0 is outside 1 to 65535$"),
        (("proxy", 65536), {}, ValueError, "65536"),
        (("proxy", "1080"), {}, TypeError, "int"),
        ((None,), {}, TypeError, "str"),
        (("proxy%eth0",), {}, ValueError, "zone"),
        (("proxy",), {"auth": ()}, ValueError, r"^auth is empty: pass NoAuth\(\) to offer no"),
        (("proxy",), {"auth": [NoAuth(), NoAuth()]}, ValueError, "same code"),
        (("",), {"unix_path": ""}, ValueError, "unix socket is empty"),
        (("",), {"unix_path": "/run/proxy", "tls": True}, ValueError, "TLS"),
    ],
)
def test_impossible(arguments: Any, options: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        Proxy(*arguments, **options)


class Private(NoAuth):
    """A method of another number, and whose messages nobody knows the number of."""

    one_message = False

    def __init__(self, code: int) -> None:
        self.code = code  # type: ignore[assignment,misc]


def test_method_codes() -> None:
    for code in (0, 254):
        assert [method.code for method in Proxy("proxy", auth=Private(code)).auth] == [code]
    for code in (-1, 255):
        with pytest.raises(ValueError, match=r"^the code of an authentication method is outside 0"):
            Proxy("proxy", auth=Private(code))


def test_pipelined() -> None:
    password = UsernamePassword("alice", "s3cret")
    for auth in (None, NoAuth(), password, [password]):
        proxy = Proxy("proxy", auth=auth, pipelined=True)
        assert proxy.pipelined is True
        assert proxy != Proxy("proxy", auth=auth)
    for auth in (ALICE, [password, NoAuth(), Private(0x80)], Private(0x80)):
        assert Proxy("proxy", auth=auth).pipelined is False
        with pytest.raises(ValueError) as caught:
            Proxy("proxy", auth=auth, pipelined=True)
        assert str(caught.value) == (
            "pipelined takes exactly one method, NoAuth or UsernamePassword: pass it as auth"
        )


def test_pipelined_takes_no_method_that_says_nothing_of_it() -> None:
    class Silent:
        code = 0x80

    with pytest.raises(ValueError, match="pipelined takes exactly one method"):
        Proxy("proxy", auth=Silent(), pipelined=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", ["socks5h+gssapi", "SOCKS5+GSSAPI"])
def test_gssapi(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setitem(sys.modules, "gssapi", Library())
    for user_info, principal in (("", None), ("b%6Fb@", "bob"), ("@", None)):
        proxy = Proxy.from_url(f"{scheme}://{user_info}proxy")
        assert proxy == Proxy(
            "proxy", auth=GSSAPI(principal=principal), remote_dns=scheme == "socks5h+gssapi"
        )
    with pytest.raises(ValueError, match=r"^the proxy URL's principal has a percent sign"):
        Proxy.from_url(f"{scheme}://%s3@proxy")
    with pytest.raises(ValueError) as caught:
        Proxy.from_url(f"{scheme}://bob:s3cret@proxy")
    assert str(caught.value) == "the proxy URL has a password, which GSSAPI has no use for"


def test_auth_replaces_what_the_url_says() -> None:
    only = UsernamePassword("alice", "s3cret")
    assert Proxy.from_url("socks5h://proxy", only).auth == (only,)
    assert Proxy.from_url("socks5h://proxy", [only, NoAuth()]).auth == ALICE
    with pytest.raises(ValueError, match=r"^the proxy URL has user info, and auth is given too$"):
        Proxy.from_url("socks5h://bob:s3cret@proxy", only)


def test_as_a_value() -> None:
    proxy = Proxy.from_url("socks5h://alice:s3cret@proxy")
    assert proxy != Proxy.from_url("socks5h://alice:other@proxy")
    assert proxy != Proxy.from_url("socks5h://bob:s3cret@proxy")
    assert proxy != Proxy.from_url("socks5://alice:s3cret@proxy")
    assert proxy != "socks5h://alice:s3cret@proxy"
    context = ssl.create_default_context()
    with_context = Proxy.from_url("socks5h+tls://proxy", ssl_context=context)
    assert with_context.ssl_context is context
    assert with_context != Proxy.from_url("socks5h+tls://proxy")
    assert pickle.loads(pickle.dumps(proxy)) == copy.copy(proxy) == proxy
    assert len({proxy, copy.copy(proxy), Proxy("proxy"), Proxy("proxy", 1)}) == 3
    assert hash(proxy) != hash(Proxy("proxy"))
    with pytest.raises(AttributeError, match="frozen: port cannot be set"):
        proxy.port = 1
    with pytest.raises(AttributeError, match="frozen: port cannot be deleted"):
        del proxy.port


def test_replace() -> None:
    proxy = Proxy.from_url("socks5://alice:s3cret@proxy:1")
    assert proxy.replace(port=2) == Proxy.from_url("socks5://alice:s3cret@proxy:2")
    assert proxy.replace(auth=NoAuth()) == Proxy.from_url("socks5://proxy:1")
    with pytest.raises(ValueError, match="65536"):
        proxy.replace(port=65536)
    unix = Proxy.from_url("socks5h+unix:///run/proxy")
    assert unix.replace(remote_dns=False) == Proxy.from_url("socks5+unix:///run/proxy")


ENVIRONMENTS: list[tuple[dict[str, str], Proxy | None]] = [
    ({}, None),
    ({"SOCKS5CLIENT_PROXY": "", "ALL_PROXY": ""}, None),
    ({"ALL_PROXY": "socks5h://a"}, Proxy("a")),
    ({"all_proxy": "socks5://b"}, Proxy("b", remote_dns=False)),
    ({"ALL_PROXY": "socks5h://a", "all_proxy": "socks5h://b"}, Proxy("a")),
    ({"SOCKS5CLIENT_PROXY": "c", "ALL_PROXY": "socks5h://a"}, Proxy("c")),
    ({"ALL_PROXY": "http://a:3128", "all_proxy": "socks5h://b"}, Proxy("b")),
    ({"ALL_PROXY": "http://a:3128"}, None),
    ({"ALL_PROXY": "socks4://a"}, None),
    ({"ALL_PROXY": "a:1"}, Proxy("a", 1)),
    ({"HTTPS_PROXY": "socks5h://a", "http_proxy": "socks5h://a"}, None),
]


@pytest.mark.parametrize(("environ", "proxy"), ENVIRONMENTS)
def test_environment(environ: dict[str, str], proxy: Proxy | None) -> None:
    assert Proxy.from_env(environ) == proxy


@pytest.mark.parametrize(
    ("environ", "match"),
    [
        ({"SOCKS5CLIENT_PROXY": "http://s3cret"}, "SOCKS5CLIENT_PROXY: the proxy URL's scheme"),
        ({"ALL_PROXY": "socks5h://a:s3cret"}, "ALL_PROXY: the proxy URL's port"),
        ({"all_proxy": "socks5h://"}, "all_proxy: the proxy URL has no host"),
        ({"ALL_PROXY": "socks5h://a://s3cret"}, "ALL_PROXY: the proxy URL has a path"),
        ({"ALL_PROXY": "socks5h://a\n"}, "ALL_PROXY: the proxy URL has a space or a control"),
    ],
)
def test_malformed_environment(environ: dict[str, str], match: str) -> None:
    with pytest.raises(ValueError, match=match) as caught:
        Proxy.from_env(environ)
    assert "s3cret" not in str(caught.value)


def test_the_environment_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKS5CLIENT_PROXY", "socks5h://from-env")
    assert Proxy.from_env() == Proxy("from-env")


class _Silent(NoAuth):
    """It negotiates in its own way, perhaps."""


@pytest.mark.parametrize(
    ("proxy", "usual"),
    [
        (Proxy("proxy.example"), True),
        (Proxy("proxy.example", remote_dns=False), True),
        (Proxy("", unix_path="/run/proxy"), True),
        (Proxy("proxy.example", auth=UsernamePassword("alice", "secret")), False),
        (Proxy("proxy.example", auth=(UsernamePassword("alice", "secret"), NoAuth())), False),
        (Proxy("proxy.example", auth=_Silent()), False),
        (Proxy("proxy.example", tls=True), False),
        (Proxy("proxy.example", pipelined=True), False),
    ],
)
def test_whether_its_negotiation_is_the_usual_exchange(proxy: Proxy, usual: bool) -> None:
    assert proxy.is_usual is usual
    assert pickle.loads(pickle.dumps(proxy)).is_usual is usual
    assert proxy.replace(auth=UsernamePassword("bob", "secret")).is_usual is False
