"""The jar: what it takes, what it gives, and to whom."""

from __future__ import annotations

import os
import stat
import threading
import time
from http.cookiejar import MozillaCookieJar
from typing import TYPE_CHECKING

import pytest

from socks5client.cli.http.cookies import Jar

from .origin import OK, Origin, redirect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Result


def _jar(
    *lines: str, host: str = "www.example.org", path: str = "/a/b", secure: bool = False
) -> Jar:
    jar = Jar()
    jar.learn([(b"Set-Cookie", line.encode()) for line in lines], host, path, secure)
    return jar


def _setting(*cookies: str) -> bytes:
    lines = "".join(f"Set-Cookie: {cookie}\r\n" for cookie in cookies)
    return f"HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nhi".encode()


@pytest.mark.parametrize(
    ("line", "host", "path", "secure", "given"),
    [
        ("a=1", "www.example.org", "/a/x", False, True),
        ("a=1", "WWW.Example.ORG", "/a/", False, True),
        ("a=1", "www.example.org", "/a", False, True),
        ("a=1", "www.example.org", "/", False, False),
        ("a=1", "www.example.org", "/ab", False, False),
        ("a=1", "example.org", "/a", False, False),
        ("a=1", "x.www.example.org", "/a", False, False),
        ("a=1; domain=.example.org", "x.example.org", "/a", False, True),
        ("a=1; domain=example.org", "example.org", "/a", False, True),
        ("a=1; domain=example.org", "badexample.org", "/a", False, False),
        ("a=1; domain=www.example.org", "x.www.example.org", "/a", False, True),
        ("a=1; path=/", "www.example.org", "/", False, True),
        ("a=1; path=/\tTRUE\t0\tb\t2", "www.example.org", "/\tTRUE\t0\tb\t2", False, False),
        ("a=1; path=/c/", "www.example.org", "/c", False, True),
        ("a=1; path=/c", "www.example.org", "/c?d", False, False),  # paths come without it
        ("a=1; max-age=100", "www.example.org", "/a", False, True),
        ("a=1; max-age=0; expires=Fri, 01 Jan 2100 00:00:00 GMT", "www.example.org", "/a", 0, 0),
        ("a=1; expires=nonsense", "www.example.org", "/a", False, True),
        ("a=1; secure", "www.example.org", "/a", True, False),  # not set without TLS
    ],
)
def test_who_gets_it(line: str, host: str, path: str, secure: bool, given: bool) -> None:
    assert _jar(line).header(host, path, secure) == ("a=1" if given else "")


@pytest.mark.parametrize(
    "line",
    [
        *("a", "", ";", "=1", "a\x01=1", "a=\x7f", "a=1\t2", f"a={'x' * 5000}"),
        *("a=1; domain=org", "a=1; domain=other.org", "a=1; domain=x.www.example.org"),
        *("a=1; domain=.", "__Secure-a=1", "__Host-a=1", "__host-a=1; path=/"),
    ],
)
def test_what_is_refused(line: str) -> None:
    assert "\t" not in _jar(line).text().partition("\n\n")[2]


def test_what_safe_places_may_set() -> None:
    jar = _jar(
        *("a=1; secure", "__Secure-b=2; secure", "__Host-c=3; secure; path=/"),
        *("__Host-d=4; secure; path=/; domain=www.example.org", "__Host-e=5; secure"),
        secure=True,
    )
    assert jar.header("www.example.org", "/a", True) == "__Secure-b=2; a=1; __Host-c=3"
    assert jar.header("www.example.org", "/a", False) == ""


def test_an_unsafe_place_does_not_hide_a_secure_cookie() -> None:
    jar = _jar("a=1; secure; path=/login", secure=True)
    jar.learn([(b"set-cookie", b"a=2; path=/login/en")], "www.example.org", "/", False)
    jar.learn([(b"set-cookie", b"a=3; path=/other")], "www.example.org", "/", False)
    assert jar.header("www.example.org", "/login/en", True) == "a=1"
    assert jar.header("www.example.org", "/other", True) == "a=3"


def test_addresses_have_no_domains() -> None:
    jar = _jar("a=1; domain=127.0.0.1", "b=2; domain=0.0.1", host="127.0.0.1")
    assert jar.header("127.0.0.1", "/a", False) == "a=1"


def test_no_more_than_50_of_one_answer_and_150_for_one_request() -> None:
    jar = _jar(*(f"a{number}=1; path=/" for number in range(60)))
    assert jar.header("www.example.org", "/", False).count("=") == 50
    for batch in range(4):
        lines = [(b"Set-Cookie", b"%d-%d=1; path=/" % (batch, n)) for n in range(50)]
        jar.learn(lines, "www.example.org", "/", False)
    assert jar.header("www.example.org", "/", False).count("=") == 150
    jar = _jar(*(f"a{number}={'x' * 4000}; path=/" for number in range(5)))
    assert len(jar.header("www.example.org", "/", False)) < 8191


def test_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    jar = _jar("a=1; max-age=10")
    assert jar.header("www.example.org", "/a", False) == "a=1"
    later = time.time() + 11
    monkeypatch.setattr("socks5client.cli.http.cookies.time.time", lambda: later)
    assert jar.header("www.example.org", "/a", False) == ""


def test_the_standard_library_reads_the_file(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "jar"
    expires = "expires=Fri, 01 Jan 2100 00:00:00 GMT"
    cookies = _setting(f"a=1; {expires}; HttpOnly", f"b=2; {expires}; path=/x", "c=3")
    with Origin(cookies) as origin:
        assert run("-c", str(file), origin.url).code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    jar = MozillaCookieJar(str(file))
    jar.load(ignore_discard=True, ignore_expires=True)
    assert {(c.name, c.value, c.path, c.expires) for c in jar} == {
        ("a", "1", "/", 4102444800),
        ("b", "2", "/x", 4102444800),
        ("c", "3", "/", 0),
    }
    jar.save(ignore_discard=True, ignore_expires=True)
    with Origin() as origin:  # and the other way round, where one of a session has no end
        run("-b", str(file), origin.url + "x")
    assert sorted(origin.lines[-1].removeprefix("Cookie: ").split("; ")) == ["a=1", "b=2", "c=3"]


def test_the_file_is_replaced_at_once_and_keeps_its_mode(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    file, link = tmp_path / "jar", tmp_path / "link"
    file.write_text("origin.test\tFALSE\t/\tFALSE\t0\told\t1\n")
    file.chmod(0o640)
    link.symlink_to(file)
    with Origin(_setting("new=2")) as origin:
        assert run("-b", str(link), "-c", str(link), origin.url).code == 0
    assert link.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert "\told\t1\n" in file.read_text()
    assert "\tnew\t2\n" in file.read_text()
    assert sorted(os.listdir(tmp_path)) == ["jar", "link"]


def test_a_jar_that_cannot_be_written_is_no_failure(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    with Origin() as origin:
        code, out, err = run("-c", str(tmp_path / "none" / "jar"), origin.url)
    assert (code, out) == (0, b"hi")
    assert "cannot write cookies" in err


def test_a_file_that_cannot_be_read_is_no_failure(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        code, out, err = run("-b", "/nonexistent", origin.url)
    assert (code, out) == (0, b"hi")
    assert "no cookies" in err


def test_cookies_stay_with_their_hosts(run: Callable[..., Result]) -> None:
    """curl 7.88 gives those of -b to whoever a redirect leads to; here it takes our trust."""
    with Origin() as other, Origin(redirect(f"http://other.test:{other.port}/")) as origin:
        run("-L", "-b", "s3cret=1", origin.url)
        assert "Cookie: s3cret=1" in origin.lines
        assert "s3cret" not in str(other.requests[-1])
        run("-L", "--location-trusted", "-b", "s3cret=1", origin.url)
        assert "Cookie: s3cret=1" in other.lines


def test_they_are_shared_by_parallel_transfers(run: Callable[..., Result]) -> None:
    """One sets it and waits for the others, which have it."""
    seen = threading.Event()

    def answer(request: bytes) -> bytes:
        if request.startswith(b"GET /first"):
            return _setting("a=1; path=/")
        if b"Cookie: a=1" in request:
            seen.set()
            return OK
        return redirect("/again")  # too early

    with Origin(answer) as origin:
        urls = [origin.url + path for path in ("first", "second")]
        assert run("-Z", "-b", "", "-L", "--max-redirs", "-1", *urls).code == 0
    assert seen.is_set()


def test_lines_of_other_programs(tmp_path: Path) -> None:
    file = tmp_path / "jar"
    file.write_text(
        "h\tFALSE\t/\tFALSE\t\tsession\t1\r\n"
        "h\tFALSE\t\tFALSE\t0\tno-path\t2\n"
        "h\tFALSE\t/\tFALSE\tsoon\tbad\t3\n"
        "h\tFALSE\t/\tFALSE\t0\n"
        "# h\tFALSE\t/\tFALSE\t0\tcomment\t4\n"
    )
    jar = Jar()
    jar.load(str(file), new_session=False)
    assert jar.header("h", "/", False) == "no-path=2; session=1"


def test_http2_has_them_too() -> None:
    """What goes to the jar does not depend on the protocol's version: names are in lower case."""
    jar = Jar()
    jar.learn([(b"set-cookie", b"a=1"), (b"SET-COOKIE", b"b=2")], "h", "/", True)
    assert jar.header("h", "/", True) == "b=2; a=1"
