"""The same command line for curl and for socks5-curl: what becomes of the answers."""

from __future__ import annotations

import gzip
import re
import zlib
from typing import TYPE_CHECKING

import pytest

from tests.real_servers import require

from .comparison import run_curl, sent
from .origin import RESET
from .web import CLOSE, Web

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.server_fixture import Server

    from .conftest import Result


@pytest.fixture(autouse=True)
def curl() -> str:
    return require("curl")


def _ok(body: bytes = b"hi", *lines: str, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", "Content-Type: text/plain", *lines]
    if not any(line.lower().startswith(("content-length", "transfer-enc")) for line in lines):
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


TEXT = b"a text that is long enough to be worth it " * 50
RAW_DEFLATE = zlib.compress(TEXT)[2:-4]
DATE = "Last-Modified: Sat, 03 Feb 2001 04:05:06 GMT"

# By the path that is asked for.
ANSWERS: dict[bytes, bytes] = {
    b"/a": _ok(),
    b"/b": _ok(b"second"),
    b"/empty": _ok(b""),
    b"/close": _ok(b"bye", "Connection: close") + CLOSE,
    b"/dated": _ok(b"old", DATE),
    b"/redirect": _ok(b"moved", "Location: /a", status="302 Found"),
    b"/twice": _ok(b"moved", "Location: /redirect", status="302 Found"),
    b"/loop": _ok(b"moved", "Location: /loop", status="302 Found"),
    b"/to-ftp": _ok(b"moved", "Location: ftp://h/x", status="302 Found"),
    b"/to-foo": _ok(b"moved", "Location: foo://h/", status="302 Found"),
    b"/to-nothing": _ok(b"moved", "Location: http:///", status="302 Found"),
    b"/404": _ok(b"no", status="404 Not Found"),
    b"/named": _ok(b"hi", 'Content-Disposition: attachment; filename="na me.txt"'),
    b"/up": _ok(b"hi", 'Content-Disposition: attachment; filename="../../up.txt"'),
    b"/unnamed": _ok(b"hi", 'Content-Disposition: attachment; filename=""'),
    b"/dots": _ok(b"hi", 'Content-Disposition: attachment; filename=".."'),
    b"/quote": _ok(b"hi", r'Content-Disposition: attachment; filename="a\"b"'),
    b"/star": _ok(b"hi", "Content-Disposition: attachment; filename*=UTF-8''x; filename=y;"),
    b"/gzip": _ok(gzip.compress(TEXT), "Content-Encoding: gzip"),
    b"/x-gzip": _ok(gzip.compress(TEXT), "Content-Encoding: X-GZIP"),
    b"/deflate": _ok(zlib.compress(TEXT), "Content-Encoding: deflate"),
    b"/raw-deflate": _ok(RAW_DEFLATE, "Content-Encoding: deflate"),
    b"/both": _ok(gzip.compress(zlib.compress(TEXT)), "Content-Encoding: deflate, gzip"),
    b"/identity": _ok(TEXT, "Content-Encoding: identity"),
    b"/odd": _ok(TEXT, "Content-Encoding: rot13"),
    b"/not-gzip": _ok(TEXT, "Content-Encoding: gzip"),
    b"/chunks": _ok(b"2\r\nhi\r\n3;x=y\r\n ho\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
    b"/to-the-end": b"HTTP/1.1 200 OK\r\n\r\nuntil the end" + CLOSE,
    b"/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi" + CLOSE,
    b"/204": b"HTTP/1.1 204 No Content\r\n\r\n",
    b"/304": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    b"/hints": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + _ok(),
    b"/short": _ok(b"hi", "Content-Length: 20") + CLOSE,
    b"/nothing": CLOSE,
    b"/reset": RESET,
    b"/many": _ok(b"hi", "X-A: 1", "x-a: 2", 'X-Q: "\\\t', "X-C:  spaced  "),
    b"/no-value": _ok(b"hi", "X-B:"),  # curl 7.88 has a line end in its header_json
    b"/503": _ok(b"busy", status="503 Busy"),
    b"/503-later": _ok(b"busy", "Retry-After: 1", status="503 Busy"),
}

PROXY = ["--socks5-hostname", "HERE"]
SHORT = ["-w", "|%{http_code} %{num_connects} %{num_redirects} %{size_download} %{size_header}\n"]
JSON = ["-A", "me", "-w", "%{json}\n"]

ROWS: list[tuple[str, list[str]]] = [
    ("-o for each", ["-o", "x", "URL/a", "-o", "y", "URL/b"]),
    ("-O for each", ["-O", "URL/a", "-O", "URL/b"]),
    ("-o for one of two", ["-o", "x", "URL/a", "URL/b"]),
    ("--remote-name-all", ["--remote-name-all", "URL/a", "URL/b?q"]),
    ("-O without a query", ["-O", "URL/a?b/c"]),
    ("--output-dir", ["--output-dir", "have", "-O", "URL/a"]),
    ("--output-dir that is not", ["--output-dir", "none", "-O", "URL/a"]),
    ("--output-dir made", ["--output-dir", "none/at/all", "--create-dirs", "-O", "URL/a"]),
    ("--create-dirs", ["--create-dirs", "-o", "p/q/r", "URL/a"]),
    ("no folder", ["-o", "p/q/r", "URL/a"]),
    ("overwritten", ["-o", "old", "URL/a"]),
    ("--no-clobber", ["--no-clobber", "-o", "old", "URL/a", "-w", "%{filename_effective}"]),
    ("--no-clobber twice", ["--no-clobber", "-o", "old", "URL/a", "-o", "old", "URL/b"]),
    ("--no-clobber new", ["--no-clobber", "-o", "new", "URL/a"]),
    ("--clobber", ["--no-clobber", "--clobber", "-o", "old", "URL/a"]),
    ("empty", ["-o", "x", "URL/empty"]),
    ("-J", ["-OJ", "URL/named", "-w", "%{filename_effective}"]),
    ("-J twice", ["-OJ", "URL/named", "-OJ", "URL/named"]),
    ("-J --clobber", ["-OJ", "--clobber", "URL/named", "-O", "URL/named"]),
    ("-J --no-clobber", ["-OJ", "--no-clobber", "URL/named", "-O", "URL/named"]),
    ("-J up", ["-OJ", "URL/up"]),
    ("-J unnamed", ["-OJ", "URL/unnamed"]),
    ("-J dots", ["-OJ", "URL/dots"]),
    ("-J quote", ["-OJ", "URL/quote"]),
    ("-J star", ["-OJ", "URL/star"]),
    ("-J nothing said", ["-OJ", "URL/a"]),
    ("-J --output-dir", ["-OJ", "--output-dir", "have", "URL/named"]),
    ("-J without -O", ["-J", "URL/named"]),
    ("-J -o", ["-J", "-o", "x", "URL/named"]),
    ("-J -i", ["-OJi", "URL/named"]),
    ("-J -C", ["-OJ", "-C", "-", "URL/named"]),
    ("-J with a redirect", ["-OJL", "URL/redirect"]),
    ("--remove-on-error", ["--remove-on-error", "-o", "x", "URL/short"]),
    ("no --remove-on-error", ["-o", "x", "URL/short"]),
    ("-R", ["-R", "-o", "x", "URL/dated"]),
    ("-R undated", ["-R", "-o", "x", "URL/a"]),
    ("-D", ["-D", "h", "URL/a", "URL/b"]),
    ("-D of redirects", ["-D", "h", "-L", "URL/twice"]),
    ("-D of two operations", ["-D", "h", "URL/a", "--next", *PROXY, "-D", "h", "URL/b"]),
    ("-D -", ["-D", "-", "URL/a"]),
    ("-D - -L", ["-D", "-", "-L", "URL/twice"]),
    ("-i", ["-i", "URL/a", "URL/b"]),
    ("-i -o", ["-i", "-o", "x", "URL/a"]),
    ("-I", ["-I", "URL/a"]),
    ("-I -o", ["-I", "-o", "x", "URL/a"]),
    ("-i -I", ["-iI", "URL/a"]),
    ("-N", ["-N", "URL/a"]),
    ("--max-filesize", ["--max-filesize", "1", "-o", "x", "URL/a"]),
    ("--max-filesize fits", ["--max-filesize", "2", "URL/a"]),
    ("--max-filesize -L", ["--max-filesize", "3", "-L", "URL/redirect"]),
    ("many -i", ["-i", "URL/many"]),
    ("no value -i", ["-i", "URL/no-value"]),
    ("header_json", ["-w", "%{header_json}", "URL/many"]),
    ("%header", ["-w", "[%header{x-a}][%header{X-C}][%header{nope}]", "URL/many"]),
    ("json", [*JSON, "URL/a"]),
    ("json -o", [*JSON, "-o", "x", "URL/a"]),
    ("json of two", [*JSON, "URL/a", "URL/b"]),
    ("json -L", [*JSON, "-L", "-e", "me", "URL/twice"]),
    ("json -I", [*JSON, "-I", "URL/a"]),
    ("json of a post", [*JSON, "-d", "abc", "URL/a"]),
    ("json of a put", [*JSON, "-H", "Expect:", "-T", "old", "URL/a"]),
    ("json of a redirect", [*JSON, "URL/redirect"]),
    ("json of a failure", [*JSON, "http://nope.test/"]),
    ("json -f", [*JSON, "-f", "URL/404"]),
    ("json cut", [*JSON, "URL/short"]),
    ("json 1.0", [*JSON, "URL/1.0"]),
    ("json too many", [*JSON, "-L", "--max-redirs", "1", "URL/loop"]),
    ("json url", [*JSON, "URL/{a,b}#frag"]),
    ("json of a redirect to ftp", [*JSON, "URL/to-ftp"]),
    ("json of a redirect to nothing", [*JSON, "URL/to-nothing"]),
    ("stderr", ["-w", "a%{stderr}b%{stdout}c%{onerror}d", "URL/a"]),
    ("onerror", ["-w", "a%{onerror}b%{exitcode}", "URL/short"]),
    ("kept", [*SHORT, "URL/a", "URL/b", "URL/a"]),
    ("kept -L", [*SHORT, "-L", "URL/twice"]),
    ("kept over --next", [*SHORT, "URL/a", "--next", *PROXY, *SHORT, "URL/b"]),
    ("not kept", [*SHORT, "URL/close", "URL/a"]),
    ("kept after HEAD", [*SHORT, "-I", "URL/a", "--next", *PROXY, *SHORT, "URL/a"]),
    ("kept after 204, 304, 1xx", [*SHORT, "URL/204", "URL/304", "URL/hints", "URL/a"]),
    ("hints -i", ["-i", "URL/hints"]),
    ("not kept after 1.0", [*SHORT, "URL/1.0", "URL/a"]),
    ("not kept after a failure", [*SHORT, "URL/short", "URL/a"]),
    ("nothing", [*SHORT, "URL/nothing"]),
    ("nothing, kept", [*SHORT, "URL/a", "URL/nothing"]),
    ("reset", [*SHORT, "URL/reset"]),
    ("chunks", [*SHORT, "URL/chunks"]),
    ("to the end", [*SHORT, "URL/to-the-end"]),
    ("404 --fail-with-body", ["--fail-with-body", *SHORT, "URL/404"]),
    ("404 --fail-with-body -o", ["--fail-with-body", "-o", "x", "URL/404"]),
    ("200 --fail-with-body", ["--fail-with-body", "URL/a"]),
    ("404 -f -o", ["-f", "-o", "x", "URL/404"]),
    ("404 -f, then", ["-f", *SHORT, "URL/404", "URL/a"]),
    *(
        (f"--compressed {kind}", ["--compressed", *SHORT, f"URL/{kind}"])
        for kind in (
            *("gzip", "x-gzip", "deflate", "raw-deflate", "both", "identity"),
            *("not-gzip", "a", "chunks"),
        )
    ),
    ("--compressed odd", ["--compressed", "URL/odd"]),
    ("--raw", ["--raw", "URL/chunks", "URL/a"]),
    ("--raw --compressed", ["--raw", "--compressed", "URL/gzip"]),
    ("not --compressed", [*SHORT, "URL/gzip"]),
    ("--retry", ["--retry", "1", *SHORT, "URL/503-later"]),
    ("--retry delay", ["--retry", "2", "--retry-delay", "1", *SHORT, "URL/503"]),
    ("--retry -o", ["--retry", "1", "--retry-delay", "1", "-o", "x", "URL/503"]),
    ("--retry -f", ["--retry", "1", "--retry-delay", "1", "-f", *SHORT, "URL/503"]),
    ("--retry not for 404", ["--retry", "1", *SHORT, "URL/404"]),
    ("--retry not for that", ["--retry", "1", *SHORT, "URL/short"]),
    ("--retry-all-errors", ["--retry", "1", "--retry-all-errors", "-o", "x", "URL/short"]),
    ("--retry-all-errors 404", ["--retry", "1", "--retry-all-errors", "-f", "URL/404"]),
    ("--retry a put", ["--retry", "1", "--retry-delay", "1", "-T", "old", "URL/503"]),
    (
        "--retry-max-time",
        ["--retry", "5", "--retry-delay", "1", "--retry-max-time", "2", "URL/503"],
    ),
    ("--proto", ["--proto", "=https", "URL/a"]),
    ("--proto, allowed", ["--proto", "-all,http", "URL/a"]),
    ("--proto, forbidden", ["--proto", "-http", "URL/a"]),
    ("--proto, added", ["--proto", "https", "URL/a"]),
    ("--proto-redir", ["--proto-redir", "=https", "-L", "URL/redirect"]),
    ("--proto-redir, not asked", ["--proto-redir", "=https", "URL/a"]),
    ("--proto-redir, forbidden", ["--proto-redir", "-http", "-L", "URL/redirect"]),
    ("a redirect to nowhere", ["-L", "URL/to-foo"]),
    ("--proto-redir, no ftp", ["--proto-redir", "-ftp", "-L", "URL/to-ftp"]),
    ("--connect-to", ["--connect-to", "nope.test:80:origin.test:PORT", "http://nope.test/a"]),
    ("--connect-to any", ["--connect-to", "::origin.test:PORT", "http://nope.test/a"]),
    ("--connect-to port", ["--connect-to", "origin.test:80::PORT", "http://origin.test/a"]),
    ("--connect-to other", ["--connect-to", "x.test:80:y.test:1", "URL/a"]),
    ("--resolve of no use", ["--resolve", "origin.test:PORT:127.0.0.9", "URL/a"]),
    ("--resolve bad", ["--resolve", "garbage", "URL/a"]),
    ("--resolve no address", ["--resolve", "h:80:x", "URL/a"]),
    ("--interface", ["--interface", "127.0.0.1", "URL/a"]),
    ("--interface lo", ["--interface", "lo", "URL/a"]),
    ("--interface none", ["--interface", "nosuch", "URL/a"]),
    ("--interface not ours", ["--interface", "192.0.2.1", "URL/a"]),
    ("--interface other family", ["--interface", "::1", "URL/a"]),
    ("--local-port taken", ["--local-port", "PORT", "URL/a"]),
    ("--local-port none", ["--local-port", "x", "URL/a"]),
    ("-6", ["-6", "URL/a"]),
    ("-4", ["-4", "URL/a"]),
    ("no keepalive", ["--no-keepalive", "--tcp-nodelay", "--keepalive-time", "3", "URL/a"]),
    ("-m", ["-m", "5", "--connect-timeout", "3", "URL/a"]),
    ("--limit-rate", ["--limit-rate", "100k", "URL/gzip", "-o", "x"]),
]


def answer(request: bytes) -> bytes:
    path = request.split(b" ")[1].partition(b"?")[0]
    found = ANSWERS[path]
    if request.startswith(b"HEAD"):
        return found.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    return found


# What need not, or cannot be the same.
_VARYING = re.compile(
    r'"(?:time_\w+|speed_\w+|local_port|curl_version|errormsg)":(?:"(?:[^"\\]|\\.)*"|[^,}]*),?'
)


def _steady(out: bytes) -> bytes:
    return _VARYING.sub("", out.decode("latin-1")).encode("latin-1")


def _files(folder: Path) -> dict[str, tuple[bytes, int | None]]:
    """Contents, and the times of those that are old."""
    return {
        str(path.relative_to(folder)): (
            path.read_bytes() if path.is_file() else b"<folder>",
            int(path.stat().st_mtime) if path.stat().st_mtime < 1e9 else None,
        )
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("arguments", [row[1] for row in ROWS], ids=[row[0] for row in ROWS])
def test_same(
    bare: Callable[..., Result],
    proxy: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    results = []
    with Web(answer) as web:
        words = ["-q", "-sS", *PROXY, *arguments]
        here = f"{proxy.host}:{proxy.port}"
        words = [w.replace("HERE", here) for w in words]
        words = [w.replace("URL", web.url[:-1]).replace("PORT", str(web.port)) for w in words]
        for name, command in (("theirs", run_curl), ("ours", bare)):
            folder = tmp_path / name
            (folder / "have").mkdir(parents=True)
            (folder / "old").write_text("what was there")
            monkeypatch.chdir(folder)
            code, out = command(*words)[:2]
            requests = [sent(request) for request in web.requests]
            results.append((code, _steady(out), _files(folder), requests, list(web.connections)))
            web.clear()
    theirs, ours = results
    first = min(theirs[4], default=0), min(ours[4], default=0)
    assert ours[:4] == theirs[:4]
    assert [n - first[1] for n in ours[4]] == [n - first[0] for n in theirs[4]]
