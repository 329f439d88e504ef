"""The command as a whole."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from socks5client import __version__
from socks5client.cli.exitcodes import Exit, TransferError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Result


def test_help_and_version(bare: Callable[..., Result]) -> None:
    code, out, err = bare("-h")
    assert (code, err) == (0, "")
    assert out.startswith(b"Usage: socks5-curl [options...] URL...\n")
    assert b"--socks5-hostname HOST[:PORT]" in out
    code, out, err = bare("--version")
    assert (code, err) == (0, "")
    assert out.startswith(f"socks5-curl {__version__} (httpx ".encode())
    assert b"Protocols: ftp ftps http https tcp tftp udp\n" in out


@pytest.mark.parametrize("missing", ["httpx", "rich", "h2"])
def test_a_missing_package(
    bare: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    find_spec = importlib.util.find_spec

    def find(name: str, *args: Any) -> Any:
        return None if name == missing else find_spec(name, *args)

    monkeypatch.setattr("socks5client.cli.find_spec", find)
    sentence = f"socks5-curl needs {missing}: pip install 'socks5client[cli]'\n"
    assert bare("http://h/") == (2, b"", sentence)


def test_interrupt(bare: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("socks5client.cli.tool.run_all", interrupted)
    assert bare("http://h/") == (130, b"", "")


def test_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "socks5client.cli", "foo://h/"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith('socks5-curl: (1) the protocol "foo"')


def test_what_a_server_says_does_not_drive_the_terminal(
    bare: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*args: object) -> int:
        raise TransferError(Exit.TFTP_PERMISSION, "it says: \x1b]0;owned\x07\n\x9b31mred")

    monkeypatch.setattr("socks5client.cli.tool.run_all", failing)
    code, out, err = bare("-x", "socks5h://h", "http://h/")
    assert (code, out) == (69, b"")
    assert err == "socks5-curl: (69) it says: \ufffd]0;owned\ufffd \ufffd31mred\n"
