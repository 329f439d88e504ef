"""Several URLs: globs, and which file is whose."""

from __future__ import annotations

from . import HERE, URL, Row

_GLOBS = (
    *("[a-z:3]", "[1-5:9]", "[3-1]", "[01-10:3]", "[5-5]", "[5-5:2]", "[a-a]", "[A-a]", "[b-a]"),
    *("[1-]", "[1- 2]", "[]", "[1-99999999999999999999]", "[1-18446744073709551615][1-9]"),
    *("{}", "{a", "a}", "a]", r"\{a\}", r"{a\,b,c}", r"{a\}b}", "{a,,b}", "{a]}", "{a[1-2]}"),
    *("{x}" * 30, "[x]", "[1-2:0]", "[1-3:1]{a,b}", "a\\b"),
)

ROWS = [
    *(Row(f"glob {glob[:20]}", [URL + glob]) for glob in dict.fromkeys(_GLOBS)),
    Row("glob off", ["-g", URL + "{a}[1]"]),
    Row("glob of an address", ["http://[::1]:1/"]),
    Row("glob to files", ["-o", "#1_#2", URL + "{a,b}[1-3]"]),
    Row("glob to files, oddly", ["-o", "x#1#3#0#", URL + "{a,b}"]),
    Row("glob to one file", ["-o", "x", URL + "[1-2]"]),
    Row("no glob to files", ["-o", "#1", URL + "a"]),
    Row("glob in the middle", [URL + "a", URL + "{b", URL + "c"]),
    Row("glob of hosts", [f"http://{{{HERE},other.test:PORT}}/"]),
    Row("glob of uploads", ["-T", "{file,json}", URL]),
    Row("glob of uploads and URLs", ["-T", "{file,json}", URL + "[1-2]"]),
    Row("glob of uploads, bad", ["-T", "{file", URL]),
    Row("all remote names", ["--remote-name-all", URL + "a", URL + "b"]),
    Row(
        "all remote names but one", ["--remote-name-all", URL + "a", "--no-remote-name", URL + "b"]
    ),
    Row("one output for two", ["-o", "one", URL + "a", URL + "b"]),
    Row("two outputs for one", ["-o", "one", "-o", "two", URL + "a"]),
    Row("names in turn", ["-O", "-o", "two", URL + "a", URL + "b"]),
    Row("remote names of a glob", ["-O", URL + "[1-2]"]),
    Row("uploads in turn", ["-T", "file", "-T", "json", URL + "1", URL + "2"]),
    Row("upload without a URL", ["-T", "file"]),
]
