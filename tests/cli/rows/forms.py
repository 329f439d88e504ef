"""-F and --form-string."""

from __future__ import annotations

from ..origin import OK, redirect
from . import URL, Row, W

ROWS = [
    Row("form", ["-F", "a=1", "-F", "b=two words", URL]),
    Row("form of a file", ["-F", "f=@file", *W, URL]),
    Row("form of a page", ["-F", "f=@page.html", URL]),
    Row("form of a picture", ["-F", "f=@picture.PNG", URL]),
    Row("form of an empty file", ["-F", "f=@empty;filename=", URL]),
    Row("form type", ["-F", "f=@file;type=text/x-y; charset=z ;filename=n", URL]),
    Row("form type, last", ["-F", "f=@file;filename=n;type=a/b;c=d", URL]),
    Row("form filename", ["-F", 'f=@"file";filename="q\\"u\\\\o;,te"', URL]),
    Row("form of text with a filename", ["-F", "f=text;filename=x.gif", URL]),
    Row("form of text with a type", ["-F", 'f={"a":1};type=application/json', URL]),
    Row("form of plain text", ["-F", "f=x;type=text/plain", URL]),
    Row("form content", ["-F", "f=<file", "-F", "g=<page.html", "-F", "h=<file;type=a/b", URL]),
    Row("form headers", ["-F", 'f=x;headers="X-A: 1";headers=X-B: 2', URL]),
    Row("form headers of a file", ["-F", "f=x;headers=@fields", URL]),
    Row("form header of the type", ["-F", "f=x;headers=Content-Type: a/b", URL]),
    Row("form header of the place", ["-F", "f=x;headers=Content-Disposition: form-data", URL]),
    Row("form base64", ["-F", "f=@page.html;encoder=base64", "-F", "g=;encoder=base64", URL]),
    Row("form base64, a line", ["-F", f"f={'x' * 57};encoder=base64", URL]),
    Row("form quoted", ["-F", "f=@page.html;encoder=quoted-printable", URL]),
    Row("form quoted, a line", ["-F", f"f={'x' * 76};encoder=quoted-printable", URL]),
    Row("form 7bit", ["-F", "f=@file;encoder=7bit", "-F", "g=x;encoder=8bit", URL]),
    Row("form of files", ["-F", "f=@file,page.html;type=a/b,picture.PNG", URL]),
    Row(
        "form group",
        [
            *["-F", "g=(;type=multipart/alternative", "-F", "=a", "-F", "x=b", "-F", "=)"],
            "-F",
            "y=c",
            URL,
        ],
    ),
    Row("form of stdin", ["-F", "f=@-", "-F", "g=x", URL], stdin=b"from\nstdin"),
    Row("form content of stdin", ["-F", "f=<-;type=a/b", URL], stdin=b"from\nstdin"),
    Row("form string", ["--form-string", "f=@file;type=x", "--form-string", "g=<x", URL]),
    Row("form escapes", ["-F", 'a"b\\c\n=@file;filename="d\\"e\\\\"', URL]),
    Row("form backslashes", ["--form-escape", "-F", 'a"b\\c=@file;filename="d\\"e"', URL]),
    Row("form quotes", ["-F", 'f="a;b"', "-F", "g= a b ", "-F", 'h="a"b', URL]),
    Row("form unknown attribute", ["-F", "f=a;b;c=d", URL]),
    Row("form without a name", ["-F", "=x", URL]),
    Row("form group of nothing", ["-F", "g=(", "-F", "=)", "-F", "h=(x;type=a/b", URL]),
    Row("form not a field", ["-F", "x", URL]),
    Row("form type not a type", ["-F", "f=x;type=nonsense", URL]),
    Row("form without the file", ["-F", "f=@nowhere", URL]),
    Row("form group not open", ["-F", "=)", URL]),
    Row("form of another type", ["-F", "a=1", "-H", "Content-Type: multipart/mixed", URL]),
    Row("form chunked", ["-F", "a=1", "-H", "Transfer-Encoding: chunked", URL]),
    Row("form PUT", ["-F", "a=1", "-X", "PUT", URL]),
    Row("form redirected", ["-L", "-F", "a=@file", URL], [redirect("/n", 307), OK]),
    Row("form redirected to GET", ["-L", "-F", "a=@file", URL], [redirect("/n", 302), OK]),
    Row(
        "form redirected, 303 kept",
        ["-L", "--post303", "-F", "a=1", URL],
        [redirect("/n", 303), OK],
    ),
    Row("form and data", ["-F", "a=1", "-d", "b", URL]),
]
