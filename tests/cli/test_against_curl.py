"""The same command line for Debian's curl and for socks5-curl, through the same proxy.

Compared: exit code, stdout, and what the origin was sent. What differs on purpose is not here
but in the documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.real_servers import require
from tests.server_fixture import CATALOGUE, Server

from .comparison import as_a_module, run_curl, sent
from .conftest import NAMES
from .origin import OK, RESET, Origin, redirect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Result


@pytest.fixture(autouse=True)
def curl() -> str:
    return require("curl")


HERE = "origin.test:PORT"
URL = f"http://{HERE}/"
W = [
    "-w",
    "|%{http_code}|%{num_redirects}|%{size_download}|%{size_upload}|%{content_type}|%{http_version}|%{url_effective}",
]
NOT_FOUND = b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno"
UNSATISFIABLE = b"HTTP/1.1 416 No\r\nContent-Range: bytes */5\r\nContent-Length: 2\r\n\r\nno"
PARTIAL = b"HTTP/1.1 206 P\r\nContent-Range: bytes 5-6/7\r\nContent-Length: 2\r\n\r\nhi"


def _once(answer: bytes) -> Callable[[bytes], bytes]:
    """`answer` to all but /next."""
    return lambda request: OK if b" /next" in request else answer


ROWS: list[tuple[str, bytes | Callable[[bytes], bytes], list[str]]] = [
    ("get", OK, [*W, URL]),
    ("no scheme", OK, [*W, HERE]),
    ("dots", OK, [*W, URL + "a/../b/./c?x=../y#frag"]),
    ("odd characters", OK, [URL + "a|\"<>\\^`'~!$&()*+,;=:@"]),
    ("headers", OK, ["-H", "X-A: b", "-H", "Accept:", "-H", "x-n:", URL]),
    ("header Host", OK, ["-H", "Host: fake.test", URL]),
    ("agent and referer", OK, ["-A", "me", "-e", "there", URL]),
    ("no agent", OK, ["-A", "", "-e", "", URL]),
    ("user", OK, ["-u", "us:pa:ss", URL]),
    ("user in the URL", OK, ["http://us%40:p%3a@" + HERE + "/"]),
    ("user twice", OK, ["-u", "a:b", "http://c:d@" + HERE + "/"]),
    ("post", OK, ["-d", "a=1", "-d", "b=2", URL]),
    ("post file", OK, ["-d", "@FILE", "--data-binary", "@FILE", "--data-raw", "@FILE", URL]),
    ("redirect without a host", redirect("http:///"), ["-L", URL]),
    (
        "redirect with a user, to another host",
        _once(redirect("http://us:pw@other.test:PORT/next")),
        ["-L", URL],
    ),
    ("post nothing", OK, ["-d", "", URL]),
    ("post of a type", OK, ["-d", "{}", "-H", "Content-Type: application/json", URL]),
    ("post chunked", OK, ["-d", "abc", "-H", "Transfer-Encoding: chunked", URL]),
    ("post as PATCH", OK, ["-d", "abc", "-XPATCH", URL]),
    ("data in the query", OK, ["-G", "-d", "a=1", "-d", "b", *W, URL + "p?q"]),
    ("head", OK, ["-I", *W, URL]),
    ("include", OK, ["-i", *W, URL]),
    ("put", OK, ["-T", "FILE", URL]),
    ("put into a folder", OK, ["-T", "FILE", URL + "d/?q"]),
    ("put by name", OK, ["-T", "FILE", URL + "d/e"]),
    ("lower case method", OK, ["-X", "get", URL]),
    ("404", NOT_FOUND, [*W, URL]),
    ("404 -f", NOT_FOUND, ["-f", *W, URL]),
    ("404 -f -i", NOT_FOUND, ["-fi", *W, URL]),
    ("redirect shown", redirect("/next?x"), ["-w", "|%{redirect_url}", URL]),
    ("redirect", _once(redirect("/next")), ["-L", *W, URL]),
    ("redirect -i", _once(redirect("/next")), ["-Li", *W, URL]),
    ("redirect -I", _once(redirect("/next", body=b"")), ["-LI", *W, URL]),
    ("redirect not ASCII", _once(redirect("/next y?\xe9")), ["-L", *W, URL]),
    *(
        (
            f"{status} {' '.join(arguments)}",
            _once(redirect("/next", status)),
            ["-L", *arguments, URL],
        )
        for status in (301, 302, 303, 307, 308)
        for arguments in (["-d", "x"], ["-d", "x", "-XPOST"], ["-T", "FILE"])
    ),
    ("redirect auth", _once(redirect("/next")), ["-L", "-u", "a:b", "-H", "Cookie: c", URL]),
    (
        "redirect away",
        _once(redirect("http://other.test:PORT/next")),
        ["-L", "-u", "a:b", "-H", "Cookie: c", "-H", "Host: fake", *W, URL],
    ),
    ("referer auto", _once(redirect("/next")), ["-L", "-e", "x;auto", URL]),
    ("too many", redirect("/"), ["-L", "--max-redirs", "2", *W, URL]),
    ("none allowed", redirect("/"), ["-L", "--max-redirs", "0", *W, URL]),
    ("redirect to nowhere", redirect("http://nope.test/"), ["-L", URL]),
    ("redirect elsewhere", redirect("foo://x/"), ["-L", URL]),
    ("resume", PARTIAL, ["-C", "5", *W, URL]),
    ("resume refused", OK, ["-C", "5", URL]),
    ("resume complete", OK, ["-C", "2", URL]),
    ("resume unsatisfiable", UNSATISFIABLE, ["-C", "5", URL]),
    ("resume unsatisfiable -f", UNSATISFIABLE, ["-f", "-C", "5", URL]),
    ("resume 404", NOT_FOUND, ["-C", "5", URL]),
    (
        "write-out",
        OK,
        ["-w", r"\n\t\q%%|%x|%header{content-length}|%{method}|%{scheme}|%{nope}", URL],
    ),
    ("write-out open", OK, ["-w", "%{http_code", URL]),
    ("empty", b"", [URL]),
    ("reset", RESET, [URL]),
    ("not HTTP", b"hello world\r\n\r\n", [URL]),
    ("no colon", b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", [URL]),
    ("bad length", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", [URL]),
    ("partial", b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi", [*W, URL]),
    ("partial chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi", [URL]),
    ("bad chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi", [URL]),
    ("HTTP/1.0", b"HTTP/1.0 200 OK\r\n\r\nto the end", [*W, URL]),
    ("no content", b"HTTP/1.1 204 None\r\n\r\n", [*W, URL]),
    ("bad scheme", OK, ["foo://" + HERE]),
    ("bad port", OK, ["http://origin.test:99999/"]),
    ("no host", OK, ["http://:80/"]),
    ("space", OK, [URL + "a b"]),
    ("no name for -O", OK, ["-O", URL]),
    ("cannot write", OK, ["-o", "/nonexistent/x", URL]),
    ("cannot read", OK, ["-T", "/nonexistent", URL]),
    ("unknown option", OK, ["--frob", URL]),
    ("no number", OK, ["-m", "soon", URL]),
    ("two methods", OK, ["-I", "-d", "x", URL]),
    ("refused", OK, ["http://origin.test:1/"]),
    ("unknown name", OK, ["-w", "%{http_code}", "http://nope.test/"]),
    ("no CA file", OK, ["--cacert", "/nonexistent", "https://origin.test:PORT/"]),
]


@pytest.mark.parametrize(
    ("answer", "arguments"),
    [(answer, arguments) for _, answer, arguments in ROWS],
    ids=[name for name, _, _ in ROWS],
)
def test_same(
    bare: Callable[..., Result],
    proxy: Server,
    tmp_path: Path,
    answer: bytes | Callable[[bytes], bytes],
    arguments: list[str],
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"a=1\nb=2\r\n")

    def placed(request: bytes) -> bytes:
        made = answer(request) if callable(answer) else answer
        return made.replace(b"PORT", b"%d" % origin.port)

    with Origin(placed) as origin:
        words = [w.replace("PORT", str(origin.port)).replace("FILE", str(file)) for w in arguments]
        words = ["-sS", "--socks5-hostname", f"{proxy.host}:{proxy.port}", *words]
        theirs = run_curl(*words)
        theirs_sent = [sent(request) for request in origin.requests]
        origin.requests.clear()
        ours = bare(*words)
        assert tuple(ours[:2]) == theirs
        if "https:" not in words[-1]:  # curl connects before it looks for its certificates
            assert [sent(request) for request in origin.requests] == theirs_sent


@pytest.mark.parametrize(
    "fault",
    ["no-acceptable", "garbage-accept", "wrong-version-reply", "reply-code-2", "short-failure-2"],
)
def test_same_exit_code_for_faults(bare: Callable[..., Result], fault: str) -> None:
    with Server(names=NAMES, faults=[CATALOGUE[fault]]) as server:
        words = [
            "-sS",
            "-m",
            "5",
            "-x",
            server.url,
            "http://origin.test:1/",
        ]
        assert bare(*words).code == run_curl(*words)[0] == 97


def test_same_credentials_for_the_proxy(bare: Callable[..., Result]) -> None:
    with Server(users={"a:b": "c%d"}, names=NAMES) as server, Origin() as origin:
        where = f"{server.host}:{server.port}"
        for words in (
            ["--socks5-hostname", where, "-U", "a%3ab:c%25d"],
            ["-x", f"socks5h://a%3Ab:c%25d@{where}"],
        ):
            assert (
                bare("-sS", *words, origin.url)[:2]
                == run_curl("-sS", *words, origin.url)
                == (0, b"hi")
            )
        for words in (["--socks5", where, "-U", "x:y"], ["-x", f"socks5h://x:y@{where}"]):
            target = f"http://127.0.0.1:{origin.port}/"
            assert bare("-sS", *words, target).code == run_curl("-sS", *words, target)[0] == 97


@pytest.mark.parametrize("arguments", [["-m", "0.5"], ["--no-frob"], []])
def test_same_without_a_proxys_help(bare: Callable[..., Result], arguments: list[str]) -> None:
    from .origin import HOLD

    with Origin(HOLD) as origin:
        words = ["-sS", "--noproxy", "*", *arguments]
        if arguments:
            words.append(f"http://127.0.0.1:{origin.port}/")
        ours = bare(*words)
        assert (ours.code, ours.out) == run_curl(*words)


@pytest.mark.parametrize("name", ["get", "404 -f -i", "redirect", "too many", "partial", "refused"])
def test_same_as_a_program(proxy: Server, name: str) -> None:
    """A few rows in a process of their own: the other tests call main()."""
    answer, arguments = next(row[1:] for row in ROWS if row[0] == name)
    with Origin(answer) as origin:
        words = ["-sS", "--socks5-hostname", f"{proxy.host}:{proxy.port}"]
        words += [word.replace("PORT", str(origin.port)) for word in arguments]
        assert as_a_module(*words) == run_curl(*words)
