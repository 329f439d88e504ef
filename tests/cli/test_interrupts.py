"""Interrupted by a signal: no word, the status of the signal, what has arrived is kept."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.real_servers import require

from .origin import HOLD, Origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.server_fixture import Server

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


def start(proxy: Server, *args: str, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-W", "error", "-m", "socks5client.cli"]
    through = ["--socks5-hostname", f"{proxy.host}:{proxy.port}"]
    return subprocess.Popen(
        [*command, *through, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        select.select([], [], [], 0.005)


def ended(process: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err


@pytest.mark.parametrize("number", SIGNALS)
def test_what_has_arrived_is_kept_and_resumed(
    proxy: Server, tmp_path: Path, number: signal.Signals
) -> None:
    file = tmp_path / "file"

    def answer(request: bytes) -> bytes:
        if b"Range: bytes=300-" in request:
            head = b"HTTP/1.1 206 P\r\nContent-Range: bytes 300-999/1000\r\n"
            return head + b"Content-Length: 700\r\n\r\n" + b"b" * 700
        return LARGE + b"a" * 300 + HOLD

    with Origin(answer) as origin:
        process = start(proxy, "-o", str(file), origin.url)
        until(lambda: file.exists() and file.stat().st_size == 300)
        process.send_signal(number)
        assert ended(process) == (-number, b"", b"")
        assert file.read_bytes() == b"a" * 300
        process = start(proxy, "-s", "-C", "-", "-o", str(file), origin.url)
        assert ended(process) == (0, b"", b"")
        assert file.read_bytes() == b"a" * 300 + b"b" * 700


@pytest.mark.parametrize("number", SIGNALS)
def test_as_curl(proxy: Server, tmp_path: Path, number: signal.Signals) -> None:
    """Status and what is left of the file."""
    file = tmp_path / "file"
    words = ["-sS", "--socks5-hostname", f"{proxy.host}:{proxy.port}", "-o", str(file)]
    with Origin(LARGE + b"a" * 300 + HOLD) as origin:
        process = subprocess.Popen(
            [require("curl"), "-q", "-N", *words, origin.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        until(lambda: file.exists() and file.stat().st_size == 300)
        process.send_signal(number)
        assert ended(process) == (-number, b"", b"")
    # And ours: the test above.


def test_several_at_once(proxy: Server, tmp_path: Path) -> None:
    files = [tmp_path / "0", tmp_path / "1"]
    with Origin(LARGE + b"a" * 300 + HOLD) as one, Origin(LARGE + b"a" * 300 + HOLD) as other:
        process = start(proxy, "-Z", "-o", str(files[0]), "-o", str(files[1]), one.url, other.url)
        until(lambda: all(file.exists() and file.stat().st_size == 300 for file in files))
        process.send_signal(signal.SIGINT)
        assert ended(process) == (-signal.SIGINT, b"", b"")


def test_while_it_waits_for_the_proxy(proxy: Server) -> None:
    with Origin(HOLD) as origin:
        process = start(proxy, origin.url)
        until(lambda: bool(origin.requests))
        process.send_signal(signal.SIGINT)
        assert ended(process) == (-signal.SIGINT, b"", b"")


def test_while_it_waits_to_try_again(proxy: Server) -> None:
    unavailable = b"HTTP/1.1 503 No\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n"
    with Origin(unavailable) as origin:
        process = start(proxy, "-s", "--retry", "3", origin.url)
        until(lambda: bool(origin.requests))
        process.send_signal(signal.SIGTERM)
        assert ended(process) == (-signal.SIGTERM, b"", b"")


def test_an_ignored_signal_stays_ignored(proxy: Server, tmp_path: Path) -> None:
    """nohup."""

    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    file = tmp_path / "file"
    with Origin(LARGE + b"a" * 300 + HOLD) as origin:
        process = start(proxy, "-o", str(file), origin.url, preexec_fn=ignore)
        until(lambda: file.exists() and file.stat().st_size == 300)
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == -signal.SIGTERM


def test_the_cursor_comes_back(proxy: Server, tmp_path: Path) -> None:
    """With a progress bar on a terminal."""
    file = tmp_path / "file"
    ours, theirs = pty.openpty()
    shown = b""
    try:
        with Origin(LARGE + b"a" * 300 + HOLD) as origin:
            command = [sys.executable, "-W", "error", "-m", "socks5client.cli"]
            through = ["--socks5-hostname", f"{proxy.host}:{proxy.port}"]
            process = subprocess.Popen(
                [*command, *through, "-o", str(file), origin.url],
                stderr=theirs,
                env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
            )
            while b"\x1b[?25l" not in shown or b"file" not in shown:
                assert select.select([ours], [], [], 20)[0]
                shown += os.read(ours, 65536)
            until(lambda: file.exists() and file.stat().st_size == 300)
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == -signal.SIGINT
    finally:
        os.close(theirs)
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l")
    assert b"Traceback" not in shown
    assert file.read_bytes() == b"a" * 300
