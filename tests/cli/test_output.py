"""Files, terminals, pipes and memory."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from .origin import HOLD, Origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.real_servers import Origin as WebServer
    from tests.real_servers import RealProxy
    from tests.server_fixture import Server

    from .conftest import Result

COMMAND = [sys.executable, "-W", "error", "-m", "socks5client.cli"]
MEGABYTE = 1 << 20


def test_files(run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_text("what was there before")
    with Origin() as origin:
        assert run("-o", str(file), "-w", "%{filename_effective}", origin.url).out == os.fsencode(
            file
        )
        assert file.read_bytes() == b"hi"
        run("-i", "-o", str(file), origin.url)
        assert file.read_bytes().startswith(b"HTTP/1.1 200 OK\r\n")
        assert run("-o", "-", origin.url).out == b"hi"
        monkeypatch.chdir(tmp_path)
        assert run("-O", origin.url + "d/na%20me?q#f").out == b""
        assert (tmp_path / "na%20me").read_bytes() == b"hi"
    with Origin(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as origin:
        empty = tmp_path / "empty"
        run("-o", str(empty), origin.url)
        assert empty.read_bytes() == b""
    never = tmp_path / "never"
    assert run("-o", str(never), "http://nope.test/").code == 97
    assert not never.exists()


def _on_a_terminal(proxy: Server, *args: str) -> tuple[int, str]:
    """Exit code, and what a terminal as stderr is shown."""
    master, slave = pty.openpty()
    where = ["-x", f"{proxy.host}:{proxy.port}"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(
        [*COMMAND, *where, *args], stdout=subprocess.DEVNULL, stderr=slave, env=environment
    )
    os.close(slave)
    shown = b""
    try:
        while piece := os.read(master, 65536):
            shown += piece
    except OSError:  # EIO: the other end is closed
        pass
    os.close(master)
    return process.wait(30), shown.decode()


def test_progress(proxy: Server, run: Callable[..., Result], tmp_path: Path) -> None:
    file = str(tmp_path / "down.bin")
    with Origin(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + bytes(300_000)) as origin:
        code, shown = _on_a_terminal(proxy, "-o", file, origin.url)
        assert code == 0
        for word in ("down.bin", "100%", "300.0/300.0 kB", "\N{BOX DRAWINGS HEAVY HORIZONTAL}"):
            assert word in shown
        assert _on_a_terminal(proxy, "-s", "-o", file, origin.url) == (0, "")
        assert _on_a_terminal(proxy, origin.url) == (0, "")
        assert run("-o", file, origin.url) == (0, b"", "")


MEASURED = """\
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_a_big_file_needs_little_memory(
    danted: RealProxy, origin: WebServer, tmp_path: Path
) -> None:
    size = 300 * MEGABYTE
    big, copy = origin.root / "big", tmp_path / "copy"
    with big.open("wb") as file:
        file.truncate(size)
    try:
        command = [*COMMAND, "-x", danted.url, "-o", str(copy), f"{origin.http_url}/big"]
        # By way of a small process: the most that a child had begins with what its parent has.
        between = [sys.executable, "-c", MEASURED, *command]
        measured = subprocess.run(between, capture_output=True, text=True, timeout=60, check=True)
        status, kilobytes = map(int, measured.stdout.split())
        assert status == 0
        assert copy.stat().st_size == size
        assert kilobytes * 1024 < 120 * MEGABYTE
    finally:
        big.unlink()
        copy.unlink(missing_ok=True)


def test_a_reader_that_leaves(proxy: Server) -> None:
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + bytes(9_000_000)
    with Origin(body) as origin:
        command = [*COMMAND, "-x", f"{proxy.host}:{proxy.port}", origin.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.read(1)
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == 23
        line = " ".join([*COMMAND, "-x", f"{proxy.host}:{proxy.port}", origin.url, ">&-"])
        closed = subprocess.run(["sh", "-c", line], capture_output=True, timeout=30, check=False)
        assert (closed.returncode, closed.stderr) == (23, b"")


def test_a_full_disk(proxy: Server) -> None:
    with Origin() as origin, open("/dev/full", "wb") as full:
        command = [*COMMAND, "-x", f"{proxy.host}:{proxy.port}", origin.url]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=30, check=False)
        assert done.returncode == 23
        assert done.stderr == b"socks5-curl: (23) cannot write to stdout: No space left on device\n"


def test_interrupted(proxy: Server) -> None:
    with Origin(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi" + HOLD) as origin:
        command = [*COMMAND, "-x", f"{proxy.host}:{proxy.port}", origin.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.read(2) == b"hi"
            process.send_signal(signal.SIGINT)
            assert process.stderr.read() == b""
        assert process.returncode == 130


def test_nobody_reads_stderr(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with Origin() as origin:
        monkeypatch.setattr("sys.stderr", Broken())
        assert run("-v", origin.url)[:2] == (0, b"hi")
        assert run("ftp://h/").code == 1
        monkeypatch.setattr("sys.stderr", None)
        assert run("-v", origin.url)[:2] == (0, b"hi")
