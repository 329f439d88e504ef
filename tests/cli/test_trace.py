"""--trace and --trace-ascii, as curl writes them; no secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.real_servers import require
from tests.server_fixture import Server

from .comparison import run_curl
from .conftest import NAMES
from .origin import Origin
from .web import Web

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Result

BINARY = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\nX-Long: "
    + b"long " * 30
    + b"\r\n\r\n"
    + bytes(range(256))
    + b"\r\n" * 22
)
NOT_INFO = re.compile(r"^(?:\d\d:\d\d:\d\d\.\d{6} )?== Info: .*\n", re.MULTILINE)


def _events(text: bytes) -> str:
    """Without what curl tells of itself, and its name for DEL."""
    return NOT_INFO.sub("", text.decode("latin-1")).replace("\x7f", ".")


@pytest.mark.parametrize("option", ["--trace", "--trace-ascii"])
@pytest.mark.parametrize(
    "arguments", [["URL"], ["-d", "a=1&b=" + "x" * 200, "URL"], ["-I", "URL"], ["URL", "URL"]]
)
def test_same_as_curl(
    bare: Callable[..., Result],
    proxy: Server,
    tmp_path: Path,
    option: str,
    arguments: list[str],
) -> None:
    require("curl")
    answer = BINARY if "-I" not in arguments else BINARY.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    with Web(lambda request: answer) as origin:
        texts = []
        for name, command in (("theirs", run_curl), ("ours", bare)):
            file = tmp_path / name
            words = ["-q", "-s", "-A", "me", option, str(file), "-x", proxy.url]
            command(*words, *(word.replace("URL", origin.url) for word in arguments))
            texts.append(_events(file.read_bytes()))
    assert "=> Send header" in texts[0]
    assert texts[1] == texts[0]


def test_where_it_goes_and_when(run: Callable[..., Result], tmp_path: Path) -> None:
    with Origin() as origin:
        code, out, err = run("--trace-ascii", "-", origin.url)
        assert (code, err) == (0, "")
        assert b"<= Recv data, 2 bytes (0x2)\n0000: hi\n" in out
        code, out, err = run("--trace-ascii", "%", "--trace-time", origin.url)
        assert out == b"hi"
        assert re.search(r"^\d\d:\d\d:\d\d\.\d{6} <= Recv data, 2 bytes", err, re.MULTILINE)
        assert re.search(r"^\d\d:\d\d:\d\d\.\d{6} == Info: ", err, re.MULTILINE)
        err = run("-v", "--trace-time", origin.url).err
        assert re.search(r"^\d\d:\d\d:\d\d\.\d{6} > GET / HTTP/1.1", err, re.MULTILINE)
        assert run("--trace", str(tmp_path / "no" / "x"), origin.url).code == 23
        file = tmp_path / "messages"
        assert run("-v", "--stderr", str(file), origin.url) == (0, b"hi", "")
        assert "> GET / HTTP/1.1" in file.read_text()
        assert run("--stderr", str(file), "foo://h/").err == ""
        assert file.read_text().startswith("socks5-curl: (1) ")
        code, out, err = run("--stderr", "-", "foo://h/")
        assert (out[:16], err) == (b"socks5-curl: (1)", "")
        missing = run("--stderr", str(tmp_path / "no" / "x"), origin.url)
        assert missing.out == b"hi"
        assert "--stderr" in missing.err


def test_the_last_one_counts(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "trace"
    with Origin() as origin:
        assert "> GET" in run("--trace", str(file), "-v", origin.url).err
        assert not file.exists()
        assert run("-v", "--trace-ascii", str(file), origin.url).err == ""
        assert "0000: GET / HTTP/1.1" in file.read_text()


def test_no_secrets(bare: Callable[..., Result]) -> None:
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: id=topsecret; Path=/\r\nContent-Length: 2\r\n\r\nhi"
    with Server(users={"alice": "s3cret"}, names=NAMES) as server, Origin(answer) as origin:
        for words in (["-v"], ["--trace-ascii", "%"], ["--trace", "%"]):
            where = f"socks5h://alice:s3cret@{server.host}:{server.port}"
            words += ["-u", "bob:hunter2", "-H", "Cookie: a=k1; b=k2", "-x", where]
            code, _, err = bare(*words, origin.url)
            assert code == 0
            assert "Authorization: ***" in err.replace("\n", "") or words[0] == "--trace"
            for secret in ("alice", "s3cret", "bob", "hunter2", "topsecret", "k1", "k2", "Ym9i"):
                assert secret not in err
        assert "Path=/" in bare("-v", "-x", where, origin.url).err
