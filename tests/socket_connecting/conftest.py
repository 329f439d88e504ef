"""Fixtures of the tests of a `connect` that does not wait."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

import socks5client
from socks5client._pump import Pump
from tests.server_fixture import Server
from tests.socket_connecting.loops import LOOPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.socket_connecting.loops import Loop


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(names={"origin.test": "127.0.0.1"}) as proxy:
        yield proxy


@pytest.fixture
def sock(server: Server) -> Iterator[socks5client.socket]:
    """For the proxy `server`, not connected."""
    with socks5client.socket(proxy=server.url) as sock:
        yield sock


@pytest.fixture(params=list(LOOPS.values()), ids=list(LOOPS))
def run(request: pytest.FixtureRequest) -> Loop[Any]:
    """Each kind of loop, in turn."""
    loop: Loop[Any] = request.param
    return loop


def pump_turn() -> None:
    """Returns when the background thread has done what it was asked to do before."""
    turned = threading.Event()
    Pump.current().call(turned.set)
    assert turned.wait(10)


def until(predicate: Callable[[], bool], timeout: float = 5) -> None:
    """Lets the background thread come around until `predicate` holds."""
    end = time.monotonic() + timeout
    while not predicate():
        assert time.monotonic() < end, predicate
        pump_turn()


def fds() -> dict[str, str]:
    found = {}
    for fd in os.listdir("/proc/self/fd"):
        try:
            found[fd] = os.readlink(f"/proc/self/fd/{fd}")
        except FileNotFoundError:  # the one of listdir() itself
            pass
    return found


@pytest.fixture(scope="session")
def first_fds() -> None:
    """What the first use of some library opens for good."""
    uvloop.run(asyncio.sleep(0))
    Pump.current()


@pytest.fixture
def nothing_left(first_fds: None, server: Server) -> Iterator[None]:
    """In the end there are no more fds and threads than before, but the background thread."""
    before, threads = fds(), threading.active_count()
    yield
    until(lambda: len(fds()) <= len(before))
    until(lambda: threading.active_count() <= threads)
