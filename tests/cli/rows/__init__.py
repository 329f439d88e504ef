"""Command lines for the comparison of what curl and socks5-curl send, by what they are about."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ..origin import OK

HERE = "origin.test:PORT"
URL = f"http://{HERE}/"
AWAY = "http://other.test:PORT/"
W = ["-w", "|%{http_code}|%{num_redirects}|%{size_upload}|%{url_effective}"]
FILES = {
    "file": b"a=1\nb=2\r\n",
    "page.html": b"<p>\xc3\xa9 = caf\xe9\t\r\n line\r\n" + b"x" * 100 + b" \nend ",
    "empty": b"",
    "headers": b"X-One: 1\r\n\r\nX-Two: 2\n",
    "fields": b"# a comment\nX-Field: one\n  more\nX-Other: two\n",
    "json": b'{"a":\n1}\n',
    "picture.PNG": b"\x89PNG\r\n\x1a\n\0",
    "etag": b'"abc"\r\n',
    "cookies": (
        b"# Netscape HTTP Cookie File\n\n"
        b"origin.test\tFALSE\t/\tFALSE\t0\tplain\tp\n"
        b".test\tTRUE\t/deep\tFALSE\t4102444800\tdeep\td=1; x\n"
        b"#HttpOnly_origin.test\tFALSE\t/\tFALSE\t4102444800\thidden\th\n"
        b"origin.test\tFALSE\t/\tTRUE\t4102444800\tsecure\ts\n"
        b"origin.test\tFALSE\t/\tFALSE\t1000000000\told\to\n"
        b"other.test\tFALSE\t/\tFALSE\t4102444800\tother\to\n"
        b"origin.test\tFALSE\tFALSE\t4102444800\tno-path\tn\n"
        b"origin.test\tFALSE\t/\tFALSE\t4102444800\tblank\t\n"
        b"not a cookie\n"
    ),
    "set-cookies": (
        b"Set-Cookie: nowhere=1\n"
        b"set-cookie: here=2; domain=origin.test; path=/x\n"
        b"Set-Cookie:late=3; domain=.origin.test; expires=Thu, 01 Jan 2099 00:00:00 GMT\n"
    ),
    "netrc": (
        b"machine other.test login o password pw\n"
        b"machine origin.test login first password 1st\n"
        b'machine origin.test\n\tlogin second\n\tpassword "2nd \\"q\\""\n'
        b"# machine origin.test login third password 3rd\n"
        b"macdef x\n machine y\n\n"
        b"default login anybody password any\n"
    ),
    ".netrc": b"machine origin.test login home password sweet\n",
}


@dataclass(frozen=True)
class Row:
    """`answers`: the bytes of each answer in turn; the last one goes on."""

    name: str
    words: list[str]
    answers: list[bytes] = field(default_factory=lambda: [OK])
    stdin: bytes = b""

    def answering(self, *answers: bytes) -> Row:
        return replace(self, answers=list(answers))
