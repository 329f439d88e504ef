"""The same ftp:// command line for Debian's curl and for socks5-curl, passive, by SOCKS.

Compared: exit code, stdout with -w, the commands that the server was sent, what it stores.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests import real_servers
from tests.cli.comparison import run_curl
from tests.real_servers import require

from .server import FtpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.cli.conftest import Result
    from tests.server_fixture import Server

    Answers = Mapping[str, bytes | tuple[bytes, ...]]


@pytest.fixture(autouse=True)
def curl() -> str:
    return require("curl")


W = [
    "-w",
    "|%{response_code} %{http_code} %{size_download} %{size_upload}"
    " %{num_connects} %{num_redirects} %{method} %{scheme} %{url_effective} %{exitcode}",
]
# curl counts what comes together with another reply twice: only where nothing is transferred.
HEADER = ["-w", "%{size_header}"]
FILES = {
    "/home/f": b"0123456789",
    "/home/empty": b"",
    "/home/d/e/g": b"one\r\ntwo\nthree\rfour\r\n",
    "/abs": b"abs",
}
GET = [*W, "URL/f"]
ROWS: list[tuple[str, Answers, list[str]]] = [
    ("get", {}, GET),
    ("get the empty one", {}, [*W, "URL/empty"]),
    ("list", {}, [*W, "URL/"]),
    ("list a folder", {}, [*W, "URL/d/e/"]),
    ("names", {}, [*W, "-l", "URL/d/e/"]),
    ("names by type", {}, ["URL/;type=d"]),
    ("list as asked", {}, [*W, "-X", "NLST", "URL/"]),
    ("list with an argument", {"STAT": b"500 no\r\n"}, [*W, "-X", "STAT x", "URL/"]),
    ("retry", {"RETR": (b"450 busy\r\n", b"550 no\r\n")}, ["--retry", "1", *W, "URL/f"]),
    ("no retry", {"RETR": b"500 no\r\n"}, ["--retry", "1", *W, "URL/f"]),
    ("no retry of what is well", {"NO": b"503 no\r\n"}, ["--retry", "1", "-Q-*NO", "URL/f"]),
    ("list nothing", {"LIST": b"450 none\r\n"}, [*W, "URL/"]),
    ("list refused", {"LIST": b"550 none\r\n"}, [*W, "URL/"]),
    ("list said to be done", {"LIST": b"226 none\r\n"}, [*W, "URL/"]),
    ("folders", {}, [*W, "URL/d/e/g"]),
    ("no folder", {}, [*W, "URL/x/g"]),
    ("no file", {}, [*W, "URL/x"]),
    ("no file -f", {}, [*W, "-f", "URL/x"]),
    ("from the root", {}, [*W, "URL/%2Fabs"]),
    ("two slashes", {}, [*W, "URL//abs"]),
    ("a query is no part", {}, [*W, "URL/f?x"]),
    ("escaped", {"SIZE": b"500 no\r\n"}, [*W, "URL/a%20b%e9"]),
    ("text", {}, [*W, "-B", "URL/d/e/g"]),
    ("text by type", {}, [*W, "URL/d/e/g;type=A"]),
    ("binary by type", {}, [*W, "-B", "URL/d/e/g;type=i"]),
    *(
        (f"{method} {path}", {}, [*W, "--ftp-method", method, f"URL/{path}"])
        for method in ("nocwd", "singlecwd", "multicwd")
        for path in ("d/e/g", "d/e/", "/abs", "")
    ),
    ("several", {}, [*W, "URL/f", "URL/d/e/g", "URL/d/e/g", "URL/d/x", "URL//abs", "URL/f"]),
    ("several nocwd", {}, ["--ftp-method", "nocwd", "URL/f", "URL/d/e/g", "URL//abs", "URL/f"]),
    ("include", {}, [*W, "-i", "URL/f"]),
    ("headers", {"EPSV": b"500 no\r\n", "PASV": b"500 no\r\n"}, [*W, "-D", "-", "URL/f"]),
    ("head", {}, [*W, "-I", "URL/f"]),
    ("size of the replies", {}, [*HEADER, "-I", "URL/f"]),
    ("size of a refusal", {}, [*HEADER, "URL/x/g"]),
    ("size of two sessions", {}, [*HEADER, "-u", "a:b", "URL/x/", "ftp://c:d@HOST/x/", "URL/y/"]),
    ("head of a folder", {}, [*W, "-I", "URL/d/"]),
    ("head of nothing", {}, [*W, "-I", "URL/x"]),
    ("head without help", {"SIZE": b"500 \r\n", "REST": b"500 \r\n"}, [*W, "-I", "URL/f"]),
    ("head of no time", {"MDTM": b"213 soon\r\n"}, [*W, "-I", "URL/f"]),
    ("not newer", {}, [*W, "-z", "Fri, 01 Jan 2021 00:00:00 GMT", "URL/f"]),
    ("newer", {}, [*W, "-z", "Tue, 01 Jan 2019 00:00:00 GMT", "URL/f"]),
    ("not older", {}, [*W, "-z", "-Tue, 01 Jan 2019 00:00:00 GMT", "URL/f"]),
    ("as old", {}, [*W, "-z", "Thu, 02 Jan 2020 03:04:05 GMT", "URL/f"]),
    ("head of what is not newer", {}, [*W, "-Iz", "Fri, 01 Jan 2021 00:00:00 GMT", "URL/f"]),
    ("rest", {}, [*W, "-r", "4-", "URL/f"]),
    ("resume", {}, [*W, "-C", "4", "URL/f"]),
    ("resume all", {}, [*W, "-C", "10", "URL/f"]),
    ("resume beyond", {}, [*W, "-C", "11", "URL/f"]),
    ("resume refused", {"REST": b"500 no\r\n"}, [*W, "-C", "4", "URL/f"]),
    ("resume of unknown size", {"SIZE": b"500 no\r\n"}, [*W, "-C", "4", "URL/f"]),
    ("resume into a file", {}, [*W, "-C", "-", "-o", "PART", "URL/f"]),
    ("too large", {}, [*W, "--max-filesize", "5", "URL/f"]),
    ("size not asked for", {}, [*W, "--ignore-content-length", "URL/f"]),
    ("quotes", {}, ["-QNOOP", "-Q-NOOP a", "-Q+NOOP b", "-Q*NO", "-Q+*NO", *W, "URL/d/e/g"]),
    ("quotes and head", {}, ["-QNOOP", "-Q-NOOP a", "-Q+NOOP b", "-I", *W, "URL/f"]),
    ("quote refused then", {}, [*W, "-Q", "+NO", "URL/f"]),
    ("quote refused after", {}, [*W, "-Q", "-NO", "URL/f", "URL/f"]),
    ("quote deletes", {}, [*W, "-Q", "-DELE f", "URL/f"]),
    ("user", {}, [*W, "-u", "us:p w:x", "URL/f"]),
    ("user in the URL", {}, ["ftp://us%40:p%3a@HOST/f"]),
    ("user without a password", {}, ["ftp://us@HOST/f"]),
    ("empty user", {}, ["ftp://:p@HOST/f"]),
    ("user twice", {}, ["-u", "a:b", "ftp://c:d@HOST/f"]),
    ("user with a line end", {}, ["ftp://us%0aer:x@HOST/f"]),
    ("netrc", {}, ["--netrc-file", "NETRC", "URL/f"]),
    ("netrc of a user", {}, ["--netrc-file", "NETRC", "ftp://other:x@HOST/f"]),
    ("netrc maybe", {}, ["--netrc-optional", "--netrc-file", "NETRC", "ftp://other:x@HOST/f"]),
    ("put", {}, [*W, "-T", "FILE", "URL/"]),
    ("put by name", {}, [*W, "-T", "FILE", "URL/n%20m"]),
    ("put into nowhere", {}, [*W, "-T", "FILE", "URL/new/x"]),
    ("put into new folders", {}, [*W, "-T", "FILE", "--ftp-create-dirs", "URL/d/new/x/y"]),
    ("no new folders", {"MKD": b"550 \r\n"}, [*W, "-TFILE", "--ftp-create-dirs", "URL/new/y"]),
    ("put lines", {}, [*W, "-T", "FILE", "--crlf", "URL/x"]),
    ("put text", {}, [*W, "-T", "FILE", "-B", "URL/x"]),
    ("append", {}, [*W, "-T", "FILE", "-a", "URL/f"]),
    ("put the rest", {}, [*W, "-T", "FILE", "-C", "3", "URL/f"]),
    ("put what is missing", {"SIZE": b"213 4\r\n"}, [*W, "-T", "FILE", "-C", "-", "URL/f"]),
    ("put all that is there", {"SIZE": b"213 99\r\n"}, [*W, "-T", "FILE", "-C", "-", "URL/f"]),
    ("put what is not there", {}, [*W, "-T", "FILE", "-C", "-", "URL/x"]),
    ("put refused", {"STOR": b"553 no\r\n"}, [*W, "-T", "FILE", "URL/x"]),
    ("put, no room", {"done": b"552 full\r\n"}, [*W, "-T", "FILE", "URL/x"]),
    ("put, not well", {"done": b"452 full\r\n"}, [*W, "-T", "FILE", "URL/x"]),
    ("cannot read", {}, ["-T", "/nonexistent", "URL/x"]),
    ("cannot write", {}, ["-o", "/nonexistent/x", "URL/f"]),
    ("no name for -O", {}, ["-O", "URL/d/e/"]),
    ("no EPSV", {}, [*W, "--disable-epsv", "URL/f"]),
    ("address of PASV", {}, [*W, "--disable-epsv", "--no-ftp-skip-pasv-ip", "URL/f"]),
    ("account", {"PASS": b"332 who\r\n"}, [*W, "--ftp-account", "x y", "URL/f"]),
    ("account at once", {"USER": b"332 who\r\n"}, [*W, "--ftp-account", "x", "URL/f"]),
    (
        "account refused",
        {"PASS": b"332 who\r\n", "ACCT": b"500 no\r\n"},
        [*W, "--ftp-account", "x", "URL/f"],
    ),
]
ALTERNATIVES: dict[str, Answers] = {
    "in": {"USER": b"530 no\r\n", "ALT": b"230 ok\r\n"},
    "with password": {"USER": b"530 no\r\n", "ALT": b"331 ok\r\n"},
    "after password": {"PASS": (b"530 no\r\n", b"230 \r\n"), "ALT": b"331 ok\r\n"},
    "refused": {"USER": b"530 no\r\n", "ALT": b"530 ok\r\n"},
}
ROWS += [
    (f"other user {name}", answers, [*W, "--ftp-alternative-to-user", "ALT me", "URL/f"])
    for name, answers in ALTERNATIVES.items()
]
FAILURES: list[Answers] = [
    {"": b"421 no\r\n"},
    {"": b"230 in\r\n"},
    {"": b"120 wait\r\n"},
    {"": b""},
    {"": b"220-hi\r\n220-you\r\n 220 so\r\n220 ok\r\n"},
    {"USER": b"230 in\r\n"},
    {"USER": b"530 no\r\n"},
    {"USER": b"332 who\r\n"},
    {"PASS": b"530 no\r\n"},
    {"PASS": b"331 again\r\n"},
    {"PASS": b"202 ok\r\n"},
    {"PASS": b""},
    {"PWD": b"550 no\r\n"},
    {"PWD": b"257 nothing\r\n"},
    {"PWD": b'257 "a""b" x\r\n'},
    {"PWD": b'257 "home"\r\n', "SYST": b"215 OS/400 x\r\n"},
    {"PWD": b"421 x\r\n"},
    {"EPSV": b"229 what\r\n"},
    {"EPSV": b"229 (|||99999|)\r\n"},
    {"EPSV": b"229 (|||1|)\r\n"},
    {"EPSV": b"200 no\r\n"},
    {"EPSV": b"500 no\r\n", "PASV": b"500 no\r\n"},
    {"EPSV": b"500 no\r\n", "PASV": b"227 what\r\n"},
    {"EPSV": b"500 no\r\n", "PASV": b"227 (1,2,3,4,5,999)\r\n"},
    {"EPSV": b"500 no\r\n", "PASV": b"227 1,2,3,4,0,1\r\n"},
    {"EPSV": b""},
    {"TYPE": b"500 no\r\n"},
    {"TYPE": b"250 ok\r\n"},
    {"SIZE": b"500 no\r\n"},
    {"SIZE": b"213 abc\r\n"},
    {"SIZE": b"213 foo 10\r\n"},
    {"SIZE": b"213 20\r\n"},
    {"SIZE": b"213 5\r\n"},
    {"SIZE": b"213 0\r\n"},
    {"RETR": b"550 no\r\n"},
    {"RETR": b"450 no\r\n"},
    {"RETR": b"226 no\r\n"},
    {"RETR": b"126 ok\r\n"},
    {"RETR": b"125 ok\r\n"},
    {"SIZE": b"500 no\r\n", "RETR": b"150 here (20 bytes)\r\n"},
    {"done": b"426 broken\r\n"},
    {"done": b"200 ok\r\n"},
    {"done": b"250 ok\r\n"},
    {"done": b""},
    {"QUIT": b""},
]
ROWS += [(f"answers {answers}", answers, GET) for answers in FAILURES]


@pytest.mark.parametrize(
    ("answers", "arguments"),
    [(answers, arguments) for _, answers, arguments in ROWS],
    ids=[name for name, _, _ in ROWS],
)
def test_same(
    bare: Callable[..., Result],
    proxy: Server,
    tmp_path: Path,
    answers: Answers,
    arguments: list[str],
) -> None:
    def outcome(run: Callable[..., Any], folder: Path) -> tuple[object, ...]:
        folder.mkdir()
        (folder / "file").write_bytes(b"a\nb\r\nc\n")
        (folder / "part").write_bytes(b"0123")
        (folder / "netrc").write_text("machine origin.test login me password pw\n" * 2 + OTHER)
        with FtpServer(FILES, answers) as server:
            host = f"origin.test:{server.port}"
            places = {"URL": f"ftp://{host}", "HOST": host, "NETRC": f"{folder / 'netrc'}"}
            places |= {"FILE": str(folder / "file"), "PART": str(folder / "part")}
            words = [_placed(word, places) for word in arguments]
            words = ["-sS", "--socks5-hostname", f"{proxy.host}:{proxy.port}", *words]
            result = run(*words)
            server.wait_until_idle()
            out = re.sub(rb"(origin.test|\|\|\|)(:?\d+)", rb"\1", result[1])
            return result[0], out, server.commands, server.files, (folder / "part").read_bytes()

    assert outcome(bare, tmp_path / "ours") == outcome(run_curl, tmp_path / "theirs")


OTHER = "machine origin.test login other password pw2\n"


def _placed(word: str, places: dict[str, str]) -> str:
    return re.sub("URL|HOST|NETRC|FILE|PART", lambda match: places[match[0]], word)


@pytest.mark.parametrize(
    "arguments",
    [
        ["URL/"],
        ["-l", "URL/upload/"],
        ["URL/digits"],
        ["-I", "URL/digits"],
        ["-B", "URL/lines"],
        ["-C", "4", "URL/digits"],
        ["--disable-epsv", "URL/digits", "URL/lines", "URL/nothing"],
        ["-T", "FILE", "URL/upload/new"],
        ["-T", "FILE", "URL/upload/new", "-a"],
        ["-T", "FILE", "URL/upload/a/b/", "--ftp-create-dirs"],
        ["-T", "FILE", "URL/forbidden"],
        ["-u", "nobody:wrong", "URL/digits"],
        ["-Q", "-RNFR upload/x", "-Q", "-RNTO upload/y", "-T", "FILE", "URL/upload/x"],
    ],
    ids=" ".join,
)
def test_same_with_vsftpd(
    bare: Callable[..., Result],
    proxy: Server,
    ftp_server: real_servers.FtpServer,
    tmp_path: Path,
    arguments: list[str],
) -> None:
    real_servers.publish(ftp_server.root / "digits", b"0123456789")
    real_servers.publish(ftp_server.root / "lines", b"a\nb\n")
    (tmp_path / "file").write_bytes(b"c\nd")
    places = {"URL": f"ftp://origin.test:{ftp_server.port}", "FILE": str(tmp_path / "file")}
    words = ["-sS", "--socks5-hostname", f"{proxy.host}:{proxy.port}", *W]
    words += [_placed(word, places) for word in arguments]

    def stored() -> dict[str, bytes]:
        found = {
            str(path.relative_to(ftp_server.uploads)): path.read_bytes()
            for path in ftp_server.uploads.rglob("*")
            if path.is_file()
        }
        for name in found:
            (ftp_server.uploads / name).unlink()
        return found

    theirs = (run_curl(*words), stored())
    ours = (tuple(bare(*words)[:2]), stored())
    assert ours == theirs
