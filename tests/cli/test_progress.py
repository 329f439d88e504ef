"""Bars on a terminal, and nowhere else."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from socks5client.cli.options import Options
from socks5client.cli.progress import Display

from .origin import HOLD, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.server_fixture import Server

SIZE = 300_000
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
WHOLE = HEAD % SIZE + b"x" * SIZE
HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"
FIXED = {"TERM": "xterm", "COLUMNS": "100", "LINES": "20", "PATH": os.environ["PATH"]}


class Terminal:
    """The command with stderr on a terminal, and what it shows there."""

    def __init__(self, *words: str, stdout_too: bool = False) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=theirs if stdout_too else subprocess.PIPE,
            stderr=theirs,
            env=FIXED,
            start_new_session=True,
        )
        os.close(theirs)
        self.seen = b""

    def until(self, text: str) -> None:
        end = time.monotonic() + 30
        while text not in self.plain:
            assert self._read(end), f"{text!r} did not come: {self.seen!r}"

    def ended(self) -> int:
        while self._read(time.monotonic() + 30):
            pass
        code = self.process.wait(30)
        if self.process.stdout is not None:
            self.process.stdout.close()
        os.close(self._ours)
        return code

    def _read(self, end: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], max(end - time.monotonic(), 0))
        assert ready, f"nothing happens: {self.seen!r}"
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # the other end is closed
            data = b""
        self.seen += data
        return bool(data)

    @property
    def plain(self) -> str:
        """Without colours and movements."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.seen.decode(errors="replace"))

    @property
    def lines(self) -> list[str]:
        """What is left on the screen in the end."""
        screen: list[str] = [""]
        row = column = 0
        for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", self.seen.decode()):
            if part == "\r":
                column = 0
            elif part == "\n":
                row += 1
                screen += [""] * (row + 1 - len(screen))
            elif not part.startswith("\x1b"):
                screen[row] = (
                    screen[row][:column].ljust(column) + part + screen[row][column + len(part) :]
                )
                column += len(part)
            elif part.endswith("A"):
                row -= int(part[2:-1] or 1)
            elif part.endswith("K"):
                screen[row] = screen[row][:column] if part == "\x1b[K" else ""
        return [line.rstrip() for line in screen if line.strip()]


def through(proxy: Server, *words: str) -> list[str]:
    command = [sys.executable, "-W", "error", "-m", "socks5client.cli", "-q"]
    return [*command, "--socks5-hostname", f"{proxy.host}:{proxy.port}", *words]


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin(WHOLE) as started:
        yield started


def test_one_bar_for_each_transfer(proxy: Server, origin: Origin, tmp_path: Path) -> None:
    names = ["first.bin", "second.bin"]
    words = [word for name in names for word in ("-o", str(tmp_path / name), origin.url)]
    terminal = Terminal(*through(proxy, *words))
    assert terminal.ended() == 0
    assert len(terminal.lines) == 2
    for name, line in zip(names, terminal.lines, strict=True):
        assert re.fullmatch(rf"{name} +━+ 100% +300\.0 kB +[\d.]+ .?B/s +0:0\d", line), line
    assert terminal.seen.count(HIDE) == terminal.seen.count(SHOW) == 2


def test_stdout_that_is_no_terminal_has_a_bar(proxy: Server, origin: Origin) -> None:
    terminal = Terminal(*through(proxy, "-o", "-", f"{origin.url}name", "-w", "%{http_code}"))
    assert terminal.process.stdout is not None
    assert terminal.process.stdout.read() == b"x" * SIZE + b"200"
    assert terminal.ended() == 0
    assert terminal.lines[0].startswith("name  ")


@pytest.mark.parametrize(
    "words", [["-s"], ["-sS"], ["--no-progress-meter"], ["--silent", "-#"]], ids=" ".join
)
def test_none_where_it_is_not_wanted(
    proxy: Server, origin: Origin, tmp_path: Path, words: list[str]
) -> None:
    terminal = Terminal(*through(proxy, *words, "-o", str(tmp_path / "f"), origin.url))
    assert terminal.ended() == 0
    assert terminal.seen == b""


def test_none_where_the_answer_goes_to_the_terminal(proxy: Server) -> None:
    with Origin() as origin:
        terminal = Terminal(*through(proxy, origin.url), stdout_too=True)
        assert terminal.ended() == 0
        assert terminal.seen == b"hi"


def test_none_where_stderr_is_no_terminal(proxy: Server, origin: Origin, tmp_path: Path) -> None:
    done = subprocess.run(
        through(proxy, "-o", str(tmp_path / "f"), origin.url),
        capture_output=True,
        timeout=30,
        env=FIXED,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_simple_bar(proxy: Server, origin: Origin, tmp_path: Path) -> None:
    terminal = Terminal(*through(proxy, "-#", "-o", str(tmp_path / "f"), origin.url))
    assert terminal.ended() == 0
    (line,) = terminal.lines
    assert re.fullmatch(r"#{91} 100\.0%", line)


def test_an_unknown_total(proxy: Server, tmp_path: Path) -> None:
    ways: list[tuple[list[str], str]] = [([], r"f +━+ +1\.0 kB .*"), (["-#"], r" *-=O=-")]
    for words, shown in ways:
        with Origin(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 1000) as origin:
            terminal = Terminal(*through(proxy, *words, "-o", str(tmp_path / "f"), origin.url))
            assert terminal.ended() == 0
            (line,) = terminal.lines
            assert re.fullmatch(shown, line), line


def test_messages_stand_above_the_bars(proxy: Server, tmp_path: Path) -> None:
    def answer(request: bytes) -> bytes:
        if b"/slow" in request:
            return HEAD % SIZE + b"x" * (SIZE // 2) + HOLD
        return b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno"

    with Origin(answer) as origin:
        slow = ["-o", str(tmp_path / "slow"), f"{origin.url}slow"]
        fast = ["-o", str(tmp_path / "fast"), f"{origin.url}fast"]
        terminal = Terminal(*through(proxy, "-Z", "-f", "-m", "20", *slow, *fast))
        terminal.until(" 50%")
        terminal.until("socks5-curl: (22)")
        os.killpg(terminal.process.pid, signal.SIGINT)
        assert terminal.ended() == -signal.SIGINT
    message = [number for number, line in enumerate(terminal.lines) if "(22)" in line]
    bar = [number for number, line in enumerate(terminal.lines) if line.startswith("slow ")]
    assert len(message) == len(bar) == 1
    assert message < bar
    assert terminal.seen.rindex(SHOW) > terminal.seen.rindex(HIDE)


def test_resumed_from_where_it_is(proxy: Server, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 600)
    part = b"HTTP/1.1 206 P\r\nContent-Range: bytes 600-999/1000\r\nContent-Length: 400\r\n\r\n"
    with Origin(part + b"y" * 100 + HOLD) as origin:
        terminal = Terminal(*through(proxy, "-C", "-", "-o", str(file), origin.url))
        terminal.until(" 70%")
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.ended() == -signal.SIGTERM
    assert terminal.lines[-1].startswith("file ")
    assert file.stat().st_size == 700
    assert terminal.seen.rindex(SHOW) > terminal.seen.rindex(HIDE)


def test_uploads(proxy: Server, tmp_path: Path) -> None:
    file = tmp_path / "up.bin"
    file.write_bytes(b"x" * SIZE)
    with Origin() as origin:
        terminal = Terminal(*through(proxy, "-T", str(file), "-o", "/dev/null", origin.url))
        assert terminal.ended() == 0
        assert origin.body == b"x" * SIZE
    assert re.match(r"up\.bin +━+ 100% +300\.0 kB", terminal.lines[0])
    with Origin() as origin:  # no upload: no bar for what is sent
        terminal = Terminal(*through(proxy, "-d", "x", "-o", "/dev/null", origin.url))
        assert terminal.ended() == 0
    assert len(terminal.lines) == 1


def test_a_name_does_not_drive_the_terminal(proxy: Server, origin: Origin, tmp_path: Path) -> None:
    name = tmp_path / "a\x1b]0;title\x07b\nc"
    terminal = Terminal(*through(proxy, "-o", str(name), origin.url))
    assert terminal.ended() == 0
    assert terminal.lines[0].startswith("a\ufffd]0;title\ufffdb\ufffdc ")


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (Options(urls=("u",), outputs=("f",)), True),
        (Options(urls=("u",)), False),
        (Options(urls=("u",), outputs=("-",)), False),
        (Options(urls=("u", "v"), outputs=("f",)), False),
        (Options(urls=("u", "v"), remote_name_all=True), True),
        (Options(urls=("ftp://u",), uploads=("f",)), True),
        (Options(urls=("http://u",), uploads=("f",)), False),
        (Options(urls=("u",), outputs=(None,), silent=True), False),
        (Options(urls=("u",), outputs=(None,), progress_meter=False), False),
    ],
)
def test_where_stdout_is_a_terminal(
    monkeypatch: pytest.MonkeyPatch, options: Options, shown: bool
) -> None:
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    made: list[bool] = []
    monkeypatch.setattr(Display, "__init__", lambda self, enabled, simple: made.append(enabled))
    Display.of(Options(urls=("u",), outputs=("f",), silent=options.silent), options)
    Display.of(options)
    assert made[-1] == shown
    assert made[0] <= (shown or not options.progress_meter)


def test_counting_is_cheap_and_drawing_is_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of thousands of small pieces, from several threads."""
    ours, theirs = pty.openpty()
    seen: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(ours, 65536):
                seen.append(data)
        except OSError:
            pass

    reader = threading.Thread(target=read)
    reader.start()
    with open(theirs, "w") as terminal, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        start = time.monotonic()
        with Display(enabled=True) as display:
            threads = [threading.Thread(target=_count, args=(display,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
        took = time.monotonic() - start
    reader.join(20)
    os.close(ours)
    shown = b"".join(seen)
    assert shown.count(b"200.0 kB") >= 4
    # 10 frames a second, and one for each that begins or ends; a frame has 4 lines.
    assert shown.count(b"\n") < 4 * (10 * took + 20) * 2
    assert took < 20


def _count(display: Display) -> None:
    bar = display.bar("name", 200_000)
    for _ in range(200_000):
        bar.advance(1)
    bar.finish()
    bar.finish()
