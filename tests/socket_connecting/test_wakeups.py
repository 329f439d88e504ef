"""The fd wakes a loop once, when the handshake has ended, and nobody is busy until then.

`pytest -s` prints what was measured.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from tests.origins import unused_address
from tests.server_fixture import Fault, Server, delay, drip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.origins import Echo

DELAY = 0.3
EARLIEST = 0.28
MASK = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLPRI
MODES = {"level": 0, "edge": select.EPOLLET}


@pytest.fixture(scope="module")
def slow() -> Iterator[Server]:
    with Server(faults=[Fault("reply", delay(DELAY))]) as server:
        yield server


def wake_ups(sock: socks5client.socket, address: Any, flags: int) -> tuple[int, float, float]:
    """How often epoll_wait() returned until the end; what time it took, and of the processor's."""
    sock.setblocking(False)
    began, busy = time.monotonic(), time.process_time()
    assert sock.connect_ex(address) == errno.EINPROGRESS
    assert time.monotonic() - began < 0.1
    count = 0
    with select.epoll() as poll:
        poll.register(sock, MASK | flags)
        while True:
            events = poll.poll(10)
            assert events, "it never woke"
            count += 1
            if events[0][1] & (select.EPOLLOUT | select.EPOLLERR | select.EPOLLHUP):
                break
    return count, time.monotonic() - began, time.process_time() - busy


@pytest.mark.parametrize("mode", MODES)
def test_once_and_at_the_end(slow: Server, echo: Echo, mode: str) -> None:
    """Each of ten times."""
    counts, times, cpu = [], [], []
    for _ in range(10):
        with socks5client.socket(proxy=slow.url) as sock:
            count, took, busy = wake_ups(sock, echo.address, MODES[mode])
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        counts.append(count)
        times.append(took)
        cpu.append(busy)
    print(
        f"\n{mode}-triggered, 10 attempts: {set(counts)} wake-ups, after"
        f" {min(times):.3f} to {max(times):.3f} s; CPU {min(cpu) * 1000:.1f} to"
        f" {max(cpu) * 1000:.1f} ms each, proxy included"
    )
    assert set(counts) == {1}
    assert min(times) >= EARLIEST
    assert max(cpu) < 0.1


@pytest.mark.parametrize("mode", MODES)
def test_once_where_it_fails(mode: str) -> None:
    refusal = Fault("reply", delay(DELAY))
    with Server(faults=[refusal]) as server, socks5client.socket(proxy=server.url) as sock:
        count, took, busy = wake_ups(sock, unused_address(), MODES[mode])
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
    assert count == 1
    assert took >= EARLIEST
    assert busy < 0.1


@pytest.mark.parametrize("mode", MODES)
def test_once_for_a_reply_in_drips(echo: Echo, mode: str) -> None:
    """Each byte wakes the background thread, and only it."""
    with (
        Server(faults=[Fault("reply", drip(0.04))]) as server,
        socks5client.socket(proxy=server.url) as sock,
    ):
        count, took, busy = wake_ups(sock, echo.address, MODES[mode])
    assert count == 1
    assert took >= 9 * 0.04
    assert busy < 0.1


def test_many_at_once(slow: Server, echo: Echo) -> None:
    """Fifty attempts in one epoll: fifty events, none early, and no more than one for each."""
    socks = [socks5client.socket(proxy=slow.url) for _ in range(50)]
    by_fd = {sock.fileno(): sock for sock in socks}
    seen: list[int] = []
    with select.epoll() as poll:
        for sock in socks:
            sock.setblocking(False)
            assert sock.connect_ex(echo.address) == errno.EINPROGRESS
            poll.register(sock, MASK | select.EPOLLET)
        began = time.monotonic()
        while len(seen) < len(socks):
            events = poll.poll(10)
            assert events
            if not seen:
                assert time.monotonic() - began > EARLIEST - 0.1
            seen += [fd for fd, _ in events]
    assert sorted(seen) == sorted(by_fd)
    for sock in socks:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        sock.close()


def by_select(sock: socket.socket) -> bool:
    return any(map(bool, select.select([sock], [sock], [sock], 1.5)))


def by_poll(sock: socket.socket) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLOUT | select.POLLPRI)
    return bool(poll.poll(1500))


@pytest.mark.parametrize("wait", [by_select, by_poll])
def test_nothing_at_all_before_the_end(echo: Echo, wait: Callable[[socket.socket], bool]) -> None:
    """Longer than the kernel's own timers: acknowledgments, probes of a full window."""
    with (
        Server(faults=[Fault("reply", delay(3600))]) as server,
        socks5client.socket(proxy=server.url) as sock,
    ):
        sock.setblocking(False)
        assert sock.connect_ex(echo.address) == errno.EINPROGRESS
        busy = time.process_time()
        assert not wait(sock)
        assert time.process_time() - busy < 0.1
        with pytest.raises(BlockingIOError):
            sock.recv(1)
