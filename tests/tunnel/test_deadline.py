"""One end for a whole operation, and how seldom a socket has to be told of it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from socks5client.tunnel import Deadline, deadline

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    """The monotonic clock, in the test's hand."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Counted(socket.socket):
    """Counts how often it is told a timeout."""

    told = 0

    def settimeout(self, value: float | None) -> None:
        self.told += 1
        super().settimeout(value)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(deadline, "time", clock)
    return clock


@pytest.fixture
def sock() -> Iterator[Counted]:
    with Counted() as sock:
        yield sock


def test_a_socket_gets_the_whole_timeout_and_keeps_it_for_a_while(
    clock: Clock, sock: Counted
) -> None:
    end = Deadline(10.0)
    for passed in (0.0, 0.001, 0.01):
        clock.now = 1000.0 + passed
        end.apply(sock)
        assert sock.gettimeout() == 10.0  # as create_connection leaves it
    assert sock.told == 1


def test_no_call_outlasts_it_by_more_than_a_moment(clock: Clock, sock: Counted) -> None:
    end = Deadline(1.0)
    for step in range(100):
        clock.now = 1000.0 + step * 0.00999
        end.apply(sock)
        timeout = sock.gettimeout()
        assert timeout is not None
        assert 1001.0 <= clock.now + timeout + 1e-9 <= 1001.0 + 0.03
    assert sock.told > 20


def test_a_socket_that_waits_for_less_is_told(clock: Clock, sock: Counted) -> None:
    sock.settimeout(0.5)  # socket.setdefaulttimeout() may have done it
    Deadline(3.0).apply(sock)
    assert sock.gettimeout() == 3.0


def test_it_has_passed(clock: Clock, sock: Counted) -> None:
    end = Deadline(1.0)
    clock.now += 1.0
    with pytest.raises(TimeoutError):
        end.apply(sock)
    assert sock.told == 0
    assert end.left() == 0


@pytest.mark.parametrize("timeout", [-1, -0.001, float("nan")])
def test_no_end_before_the_beginning(timeout: float) -> None:
    with pytest.raises(ValueError, match="negative"):
        Deadline(timeout)
