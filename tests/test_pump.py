"""The background thread: whoever registers a descriptor hears of it."""

from __future__ import annotations

import select
import socket
import threading
from typing import TYPE_CHECKING

import pytest

import socks5client
from socks5client._pump import Pump
from tests.origins import UdpEcho
from tests.server_fixture import Server

if TYPE_CHECKING:
    from collections.abc import Iterator


# Their threads go on, and so must what they use.
KEPT: list[Pump] = []


@pytest.fixture(params=["epoll", "poll"])
def pump(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pump]:
    """A new one; with poll() it has to be woken to see what is new."""
    if request.param == "poll":
        monkeypatch.delattr(select, "epoll", raising=False)
    elif not hasattr(select, "epoll"):
        pytest.skip("this system has no epoll")
    monkeypatch.setattr(Pump, "_current", None)
    assert Pump.running() is None
    pump = Pump.current()
    assert Pump.running() is pump
    assert Pump.current() is pump
    KEPT.append(pump)
    yield pump
    ended = threading.Event()
    pump.call(ended.set)  # it has survived
    assert ended.wait(5)


def test_a_handler_is_called_for_what_it_is_registered_for(pump: Pump) -> None:
    ours, other = socket.socketpair()
    with ours, other:
        masks: list[int] = []
        called = threading.Event()

        def handler(mask: int) -> None:
            masks.append(mask)
            if mask & select.POLLIN:
                ours.recv(1)
            else:
                pump.unregister(ours.fileno())
            called.set()

        pump.register(ours.fileno(), select.POLLIN, handler)
        for _ in range(3):
            other.send(b"x")
            assert called.wait(5)
            called.clear()
        assert masks == [select.POLLIN] * 3
        pump.modify(ours.fileno(), select.POLLOUT)
        assert called.wait(5)
        assert masks[3] & select.POLLOUT
        pump.unregister(ours.fileno())  # it is gone already


def test_calls_are_made_in_its_thread_in_order(pump: Pump) -> None:
    seen: list[tuple[int, str]] = []
    done = threading.Event()
    for number in range(100):
        pump.call(lambda number=number: seen.append((number, threading.current_thread().name)))  # type: ignore[misc]
    pump.call(done.set)
    assert done.wait(5)
    assert seen == [(number, "socks5client") for number in range(100)]


def test_the_end_of_an_association_is_noticed(pump: Pump) -> None:
    with (
        UdpEcho() as echo,
        Server() as server,
        socks5client.associate(proxy=server.url) as sock,
    ):
        sock.sendto(b"x", echo.address)
        assert sock.recv(9) == b"x"
        server.hang_up(server.exchanges[0])
        sock.settimeout(5)
        with pytest.raises(socks5client.ProxyConnectionError, match="ended"):
            sock.recv(9)


def test_a_system_without_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left of what had been begun."""
    monkeypatch.delattr(select, "poll")
    monkeypatch.setattr(Pump, "_current", None)
    with Server() as server:
        with pytest.raises(OSError, match="poll"):
            socks5client.associate(proxy=server.url)
        server.wait_idle()
