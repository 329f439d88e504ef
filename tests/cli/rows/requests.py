"""Headers, ranges, conditions, the request line; how an answer is framed."""

from __future__ import annotations

from ..origin import OK, redirect
from . import AWAY, HERE, URL, Row, W


def modified(date: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nLast-Modified: %b\r\nContent-Length: 2\r\n\r\nhi" % date


ROWS = [
    Row("header forms", ["-H", "X-A:1", "-H", "X-B;", "-H", "X-C:   2  ", "-H", "x-d: ", URL]),
    Row("headers of a file", ["-H", "@headers", "-H", "X-Three: 3", URL]),
    Row("headers of stdin", ["-H", "@-", URL + "1", URL + "2"], stdin=b"X-In: 1\n"),
    Row("header host in lower case", ["-H", "host:  fake ", URL]),
    Row("header host removed", ["-H", "Host:", URL]),
    Row("header host, away", ["-L", "-H", "Host: fake", URL], [redirect(AWAY), OK]),
    Row("header host, home", ["-L", "-H", "Host: fake", URL], [redirect("/x"), OK]),
    Row("headers twice", ["-H", "X: 1", "-H", "X: 2", "-H", "User-Agent: a", URL]),
    Row("header with a colon", ["-H", "X: a: b;c", URL]),
    Row(
        "headers of secrets, away", ["-L", "-H", "Cookie: c", "-H", "Authorization: a", URL]
    ).answering(redirect(AWAY), OK),
    Row("agent and referer by -H", ["-H", "Referer: r", "-e", "x", "-A", "y", URL]),
    Row("referer auto", ["-L", "-e", ";auto", URL + "a#f"], [redirect("/n"), redirect("/m"), OK]),
    Row("referer first", ["-L", "-e", "x;auto", "http://u:p@" + HERE], [redirect("/n"), OK]),
    Row(
        "spaces around values", ["-A", " x ", "-e", "\ty ", "-b", " a = 1 ", "-H", "X:  y \t", URL]
    ),
    Row("range", ["-r", "1-2", URL]),
    Row("range -I", ["-I", "-r", "-2", URL]),
    Row("range of one", ["-r", "5", URL]),
    Row("ranges", ["-r", "0-1,3-", URL]),
    Row("range POST", ["-r", "1-2", "-d", "abc", URL]),
    Row("range by -H", ["-r", "1-2", "-H", "Range: x", URL]),
    Row("range redirected", ["-L", "-r", "1-2", URL], [redirect("/n"), OK]),
    Row("target", ["--request-target", "*", "-X", "OPTIONS", URL + "p?q"]),
    Row("target redirected", ["-L", "--request-target", "/t", URL], [redirect("/n"), OK]),
    Row("path as it is", ["--path-as-is", *W, URL + "a/../b/./c"]),
    Row("path as it is, redirected", ["-L", "--path-as-is", URL], [redirect("/a/../b"), OK]),
    Row("HTTP/1.0", ["--http1.0", URL]),
    Row("HTTP/1.0 POST", ["-0", "-d", "x", URL]),
    Row("HTTP/1.0 of stdin", ["-0", "-T", "-", URL], stdin=b"x"),
    Row("HTTP/1.1", ["--http1.1", URL]),
    Row("method redirected", ["-L", "-X", "DELETE", URL], [redirect("/n", 303), OK]),
    Row("method of a HEAD", ["-I", "-X", "GET", URL], [b"HTTP/1.1 204 No\r\n\r\n"]),
    Row("time", ["-z", "Sun, 06 Nov 1994 08:49:37 GMT", URL]),
    Row("time before", ["-z", "-20040912 15:05:58 -0700", URL]),
    Row("time exactly", ["-z", "=Nov 6 1994", URL]),
    Row("time by -H", ["-z", "Nov 6 1994", "-H", "If-Modified-Since: x", URL]),
    Row("time nonsense", ["-z", "yesterday", URL]),
    Row("time unmet", ["-z", "Nov 6 2004", "-o", "out", *W, URL]).answering(
        modified(b"Sun, 06 Nov 1994 08:49:37 GMT")
    ),
    Row("time met", ["-z", "Nov 6 1984", "-o", "file", *W, URL]).answering(
        modified(b"Sun, 06 Nov 1994 08:49:37 GMT")
    ),
    Row("time unmet before", ["-z", "-Nov 6 1984", *W, URL]).answering(
        modified(b"Sun, 06 Nov 1994 08:49:37 GMT")
    ),
    Row("time unmet of a HEAD", ["-I", "-z", "Nov 6 2004", *W, URL]).answering(
        modified(b"Sun, 06 Nov 1994 08:49:37 GMT").removesuffix(b"hi")
    ),
    Row("time 304", ["-z", "Nov 6 1984", "-o", "file", *W, URL]).answering(
        b"HTTP/1.1 304 Not\r\n\r\n"
    ),
    Row("etag saved", ["--etag-save", "new", URL]).answering(
        OK.replace(b"Content-Type", b'ETag:   W/"x"  \r\nContent-Type')
    ),
    Row("etag compared", ["--etag-compare", "etag", URL]),
    Row(
        "etag compared and saved", ["--etag-compare", "none", "--etag-save", "none", URL]
    ).answering(OK.replace(b"Content-Type", b'etag: "y"\r\nContent-Type')),
    Row("etag of no file", ["--etag-compare", "nowhere", URL]),
    Row("etag of an empty file", ["--etag-compare", "empty", URL]),
    Row(
        "length ignored", ["--ignore-content-length", "-i", "-w", "|%{size_download}", URL]
    ).answering(b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nall of it"),
    Row("length ignored, none", ["--ignore-content-length", URL]).answering(
        b"HTTP/1.1 200 OK\r\n\r\nx"
    ),
    Row("length ignored, chunks", ["--ignore-content-length", URL]).answering(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    ),
    Row("length ignored, HEAD", ["-I", "--ignore-content-length", URL]).answering(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    ),
]
