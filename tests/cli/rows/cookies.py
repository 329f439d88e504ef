"""-b, -c and -j."""

from __future__ import annotations

from ..origin import OK, redirect
from . import AWAY, URL, Row
from .authentication import unauthorized

# What cookies an answer sets.
COOKIES = (
    b"a=1",
    b"b=2; Path=/deep; HttpOnly",
    b"c=3; Domain=test",
    b"d=4; domain=.origin.test; expires=Fri, 01-Jan-2100 00:00:00 GMT",
    b"e=5; domain=other.test",
    b"f=6; secure",
    b"g=7; max-age=0",
    b"h=8; expires=Thu, 01 Jan 1990 00:00:00 GMT",
    b"__Secure-i=9",
    b"j",
    b"k=",
    b' l = 12 ; path="/q/"',
    b"m=1\t3",
    b"n=\x01",
    b"A=14; path=/",
    b"o=15; domain=127.0.0.1",
    b"p=16; path=nowhere",
    b"q=17; unknown=x; httponly; Version=1",
)


def setting(*cookies: bytes, location: bytes = b"") -> bytes:
    lines = b"".join(b"Set-Cookie: %b\r\n" % cookie for cookie in cookies)
    if location:
        lines += b"Location: %b\r\n" % location
    status = b"302 Moved" if location else b"200 OK"
    return b"HTTP/1.1 %b\r\n%bContent-Length: 2\r\n\r\nhi" % (status, lines)


ROWS = [
    Row("cookie", ["-b", "a=1; b=2", URL]),
    Row("cookies", ["-b", "a=1", "-b", "b=2", URL]),
    Row("cookie and header", ["-b", "a=1", "-H", "Cookie: c", URL]),
    Row("cookie home", ["-L", "-b", "a=1", URL], [redirect("/n"), OK]),
    Row("cookie not kept", ["-L", "-b", "a=1", URL], [setting(b"c=2", location=b"/n"), OK]),
    Row("cookies of a file", ["-b", "cookies", URL]),
    Row("cookies of a file, deep", ["-b", "cookies", "-b", "x=y", URL + "deep/x"]),
    Row("cookies of a file, deeper", ["-b", "@cookies", URL + "deeper"]),
    Row("cookies of a file and a header", ["-b", "cookies", "-H", "Cookie: c", URL]),
    Row("cookies of a file, away", ["-L", "-b", "cookies", URL], [redirect(AWAY), OK]),
    Row("cookies of a file, written", ["-b", "cookies", "-c", "jar", URL]),
    Row("cookies of a file, a new session", ["-j", "-b", "cookies", "-c", "jar", URL]),
    Row("cookies of headers", ["-b", "set-cookies", "-c", "jar", URL + "x/y"]),
    Row("cookies of files", ["-b", "cookies", "-b", "set-cookies", URL]),
    Row("cookies of no file", ["-b", "nowhere", URL]),
    Row("cookies of stdin", ["-b", "-", URL], stdin=b"origin.test\tFALSE\t/\tFALSE\t0\tn\tv\n"),
    Row("cookies set", ["-c", "jar", URL + "deep/x?y/z"], [setting(*COOKIES)]),
    Row("cookies set and sent", ["-b", "", URL + "deep/x", URL + "deep/y", URL + "q/x"]).answering(
        setting(*COOKIES)
    ),
    Row("cookies set and sent elsewhere", ["-b", "", URL, AWAY, URL + "deep"]).answering(
        setting(*COOKIES)
    ),
    Row("cookies redirected", ["-L", "-b", "", URL + "deep/x"]).answering(
        setting(*COOKIES, location=b"/deep/y"), OK
    ),
    Row("cookies redirected away", ["-L", "-b", "", URL]).answering(
        setting(*COOKIES, location=AWAY.encode()), OK
    ),
    Row("cookies replaced", ["-b", "", "-c", "jar", URL, URL, URL]).answering(
        setting(b"a=1", b"b=2"), setting(b"c=3", b"a=4", b"B=5"), OK
    ),
    Row("cookies deleted", ["-b", "", "-c", "jar", URL, URL]).answering(
        setting(b"a=1", b"b=2"), setting(b"a=1; max-age=-1")
    ),
    Row("cookies of a file replaced", ["-b", "cookies", "-c", "jar", URL, URL]).answering(
        setting(b"plain=new; path=/", b"secure=no; path=/")
    ),
    Row("cookies to stdout", ["-c", "-", "-w", "|", URL], [setting(b"a=1")]),
    Row("cookies to stdout, twice", ["-c", "-", "-w", "|", URL, URL], [setting(b"a=1")]),
    Row("cookies of a 401", ["-b", "", "--anyauth", "-u", "u:p", URL]).answering(
        unauthorized(b"Basic").replace(b"Content-L", b"Set-Cookie: a=1\r\nContent-L"), OK
    ),
    Row("cookies by the header Host", ["-b", "cookies", "-H", "Host: other.test:80", URL]),
    Row(
        "cookies by the header Host, set", ["-c", "jar", "-H", "Host: x.y", URL], [setting(b"a=1")]
    ),
    Row(
        "cookies across --next",
        ["-b", "", URL, "--next", "PROXY", "-b", "", URL, "--next", "PROXY", URL],
    ).answering(setting(b"a=1")),
    Row(
        "cookies of an address", ["-c", "jar", "http://127.0.0.1:PORT/", "http://127.0.0.1:PORT/"]
    ).answering(setting(*COOKIES)),
    Row("cookies, none", ["-c", "jar", URL]),
    Row("cookies of long paths first", ["-b", "", *[URL + "a/b/c"] * 2]).answering(
        setting(b"x=1; path=/", b"yy=2; path=/", b"z=3; path=/a/b", b"w=4; path=/a")
    ),
]
