"""Files, terminals, pipes and memory."""

from __future__ import annotations

import io
import os
import pty
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


def test_nobody_reads_stderr(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with Origin() as origin:
        monkeypatch.setattr("sys.stderr", Broken())
        assert run("-v", origin.url)[:2] == (0, b"hi")
        assert run("foo://h/").code == 1
        monkeypatch.setattr("sys.stderr", None)
        assert run("-v", origin.url)[:2] == (0, b"hi")


def _on_a_terminal(proxy: Server, *args: str) -> tuple[int, bytes, bytes]:
    """Exit code, what a terminal as stdout is shown, stderr."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "-q", "-x", f"{proxy.host}:{proxy.port}", *args],
        stdout=slave,
        stderr=subprocess.PIPE,
    )
    os.close(slave)
    shown = b""
    try:
        while piece := os.read(master, 65536):
            shown += piece
    except OSError:  # EIO: the other end is closed
        pass
    os.close(master)
    _, err = process.communicate(timeout=30)
    return process.returncode, shown, err


def test_what_is_no_text_is_not_for_a_terminal(proxy: Server, tmp_path: Path) -> None:
    with Origin(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\0b") as origin:
        code, shown, err = _on_a_terminal(proxy, origin.url)
        assert (code, shown) == (23, b"")
        assert b"mess up your terminal" in err
        assert _on_a_terminal(proxy, "-o", "-", origin.url) == (0, b"a\0b", b"")
        file = tmp_path / "file"
        assert _on_a_terminal(proxy, "-o", str(file), origin.url) == (0, b"", b"")
        assert file.read_bytes() == b"a\0b"
    with Origin() as origin:
        assert _on_a_terminal(proxy, origin.url) == (0, b"hi", b"")


def test_n_passes_on_what_comes(proxy: Server) -> None:
    """A reader sees what has come, while more may."""
    with Origin(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi" + HOLD) as origin:
        command = [*COMMAND, "-q", "-N", "-x", f"{proxy.host}:{proxy.port}", origin.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.read(2) == b"hi"
            process.kill()


def test_names_with_j_after_a_failed_attempt(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second attempt writes the file that the first one has made, not another."""
    monkeypatch.chdir(tmp_path)
    head = 'HTTP/1.1 200 OK\r\nContent-Disposition: a; filename="x"\r\nContent-Length: {}\r\n\r\n'
    answers = [head.format(9) + "half", head.format(2) + "hi"]
    with Origin(lambda request: answers.pop(0).encode()) as origin:
        retry = ["--retry", "1", "--retry-all-errors", "--retry-delay", "0.01"]
        assert run("-OJ", *retry, origin.url + "y").code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_text() == "hi"


def test_no_clobber_gives_up(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "f"
    for name in ("f", *(f"f.{number}" for number in range(1, 100))):
        (tmp_path / name).touch()
    with Origin() as origin:
        assert run("--no-clobber", "-o", str(file), origin.url).code == 23
    assert len(list(tmp_path.iterdir())) == 100


def test_a_size_that_is_not_known(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "file"
    with Origin(b"HTTP/1.1 200 OK\r\n\r\n0123456789") as origin:
        assert run("--max-filesize", "10", "-o", str(file), origin.url).code == 0
        assert run("--max-filesize", "9", "-o", str(file), origin.url).code == 63
        assert run("--max-filesize", "9", "-I", origin.url).code == 0
