"""--limit-rate, -Y and -y: by a clock that only sleeping moves, and for real."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from socks5client.cli.deadline import Deadline
from socks5client.cli.exitcodes import Exit, TransferError
from socks5client.cli.meter import PIECE, Lull, Meter
from socks5client.cli.options import parse

from .origin import HOLD, OK, Origin
from .web import Web

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Result


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for name in ("meter", "deadline"):
        monkeypatch.setattr(f"socks5client.cli.{name}.time", clock)
    return clock


def test_a_rate_in_each_direction(clock: Clock) -> None:
    meter = Meter(1000, Deadline(None, None))
    assert meter.portion == 100
    for _ in range(10):
        meter.received(100)
    assert clock.now == pytest.approx(1001)
    meter.sent(500)
    assert clock.now == pytest.approx(1001.5)
    clock.sleep(10)  # what was not used is not made up for
    meter.received(100)
    meter.received(100)
    assert clock.now == pytest.approx(1011.7)


def test_no_rate(clock: Clock) -> None:
    meter = Meter(None, Deadline(None, None))
    assert meter.portion == PIECE
    meter.received(1 << 40)
    assert clock.now == 1000
    assert Meter(3, Deadline(None, None)).portion == 1


def test_max_time_ends_a_pause(clock: Clock) -> None:
    meter = Meter(10, Deadline(2, None))
    with pytest.raises(TransferError, match="within 2 seconds") as caught:
        meter.received(100)
    assert caught.value.code == Exit.TIMEOUT
    assert clock.now == 1002


def test_a_lull(clock: Clock) -> None:
    lull = Lull(100, 2.0)  # 200 bytes in two seconds
    deadline = Deadline(60, None, lull)
    assert deadline.left() == 60  # it has not begun
    lull.begin()
    assert deadline.left() == 2
    lull.passed(150)
    assert deadline.left() == 2  # too little still
    clock.sleep(1)
    lull.passed(150)
    assert deadline.left() == pytest.approx(1.02)  # when the first 150 are two seconds old
    lull.passed(100)
    assert deadline.left() == pytest.approx(2.02)
    clock.sleep(1.5)
    assert deadline.left() == pytest.approx(0.52)
    clock.sleep(0.52)
    with pytest.raises(TransferError, match="less than 100 bytes a second in the last 2 seconds"):
        deadline.left()


def test_a_long_time_takes_no_time(clock: Clock) -> None:
    lull = Lull(1000, 10.0)
    lull.begin()
    for _ in range(100_000):
        clock.sleep(0.001)
        lull.passed(65536)
        assert (lull.left() or 0) > 9


def test_max_time_comes_first(clock: Clock) -> None:
    deadline = Deadline(1, None, lull := Lull(100, 2.0))
    lull.begin()
    assert deadline.left() == 1
    clock.sleep(1)
    with pytest.raises(TransferError, match="within 1 seconds"):
        deadline.left()


@pytest.mark.parametrize(
    ("words", "limits"),
    [([], None), (["-Y", "5"], (5, 30.0)), (["-y", "3"], (1, 3.0)), (["-Y5", "-y3"], (5, 3.0))],
)
def test_options(words: list[str], limits: tuple[int, float] | None) -> None:
    lull = Lull.of(parse(["-q", *words, "http://h/"])[0])
    assert (None if lull is None else (lull.speed, lull.span)) == limits


def test_a_download_in_time(run: Callable[..., Result], tmp_path: Path) -> None:
    body = bytes(50_000)
    with Origin(b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n" + body) as origin:
        start = time.monotonic()
        assert run("--limit-rate", "100k", origin.url).out == body
        assert 0.4 < time.monotonic() - start < 5
        assert run("--limit-rate", "100k", "-m", "0.2", origin.url).code == 28
    file = tmp_path / "file"
    file.write_bytes(body)
    with Origin() as origin:
        start = time.monotonic()
        assert run("--limit-rate", "100k", "-T", str(file), origin.url).code == 0
        assert 0.4 < time.monotonic() - start < 5
        assert origin.body == body


def test_too_slow(run: Callable[..., Result]) -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\nhi" + HOLD
    with Web(lambda request: half if b"/half" in request else HOLD) as web:
        for path, out in (("half", b"hi"), ("none", b"")):
            start = time.monotonic()
            code, printed, err = run("-Y", "1000", "-y", "0.4", web.url + path)
            assert time.monotonic() - start < 3
            assert (code, printed) == (28, out)
            assert "less than 1000 bytes a second in the last 0.4 seconds" in err
    with Origin(OK) as origin:
        assert run("-Y", "1000", "-y", "5", origin.url).code == 0
