"""KeyboardInterrupt in the middle of something: it arrives, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trio

import socks5client
import socks5client.asyncio
import socks5client.trio
from socks5client.httpx import Socks5Transport
from tests.interrupting import points
from tests.kinds import KINDS, place
from tests.origins import UdpEcho, web_server
from tests.tunnel.leftovers import fds, settle, threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.kinds import Place


@pytest.fixture(scope="module")
def here() -> Iterator[Place]:
    with place() as found:
        gc.collect()
        gc.freeze()  # so that each of a thousand collections takes no time
        yield found
        gc.unfreeze()


def listen(here: Place, _: UdpEcho) -> None:
    with socks5client.socket(proxy=here.proxy) as listener:
        listener.settimeout(5)
        listener.bind(("", 0))
        listener.listen()
        with socket.create_connection(listener.getsockname(), 5):
            connection, _ = listener.accept()
            connection.close()


def bind(here: Place, _: UdpEcho) -> None:
    with (
        socks5client.bind(proxy=here.proxy, timeout=5) as rendezvous,
        socket.create_connection(rendezvous.address, 5),
    ):
        connection, _ = rendezvous.accept(5)
        connection.close()


def associate(here: Place, echo: UdpEcho) -> None:
    with socks5client.associate(proxy=here.proxy, timeout=5) as sock:
        sock.settimeout(5)
        sock.sendto(b"x", echo.address)
        assert sock.recv(9) == b"x"


def use_udp(here: Place, echo: UdpEcho) -> None:
    with socks5client.socket(socket.AF_INET, socket.SOCK_DGRAM, proxy=here.proxy) as sock:
        sock.settimeout(5)
        sock.connect(echo.address)
        sock.send(b"x")
        assert sock.recv(9) == b"x"


OPERATIONS: dict[str, Callable[[Place, UdpEcho], None]] = {
    **{
        name: lambda here, _, kind=kind: kind(here).close()
        for name, kind in KINDS.items()
        if name not in ("plain", "drop-in in asyncio")
    },
    "listener": listen,
    "bind": bind,
    "associate": associate,
    "UDP": use_udp,
}


class Leftovers:
    """What there was before, and whether it is no more now; the others get time to do their part.

    A listener that has failed rests for a second, by a timer.
    """

    def __init__(self, here: Place) -> None:
        here.server.wait_idle()
        here.covered.wait_idle()
        end = time.monotonic() + 5
        while any("process_request" in thread.name for thread in threads()):
            assert time.monotonic() < end, "the destination is busy"
            settle()
        self._note()

    def _note(self) -> None:
        gc.collect()
        settle()
        self._fds, self._threads = fds(), self._lasting()

    def _lasting(self) -> set[threading.Thread]:
        return {thread for thread in threads() if not isinstance(thread, threading.Timer)}

    def are_there(self) -> bool:
        end = time.monotonic() + 1
        while fds() > self._fds or self._lasting() - self._threads:
            if time.monotonic() > end:
                self._note()  # for the next one
                return True
            settle()
            gc.collect()
        return False


def check_nothing(shown: list[Any]) -> None:
    """What threads and finalizers did not bear: nothing but what Python itself lets fall there."""
    texts = [f"{each.exc_type.__name__}: {each.exc_value}" for each in shown]
    assert not [text for text in texts if text != "KeyboardInterrupt: "]


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # some are left to the interpreter
@pytest.mark.parametrize("name", OPERATIONS)
def test_interrupted_anywhere(
    name: str, here: Place, udp_echo: UdpEcho, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It arrives, as what it is; no fd and no thread stays; nobody's thread ends in an error."""
    shown: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", shown.append)
    monkeypatch.setattr(sys, "unraisablehook", shown.append)
    operation = OPERATIONS[name]
    operation(here, udp_echo)
    leftovers = Leftovers(here)
    failures = []
    count = 0
    for where in points(lambda: operation(here, udp_echo)):
        count += 1
        if leftovers.are_there():
            failures.append(where)
    assert count > 30
    assert not failures, "\n".join(failures)
    check_nothing(shown)


@contextmanager
def interrupt_after(seconds: float) -> Iterator[None]:
    """The block gets a real SIGINT, if it lasts so long."""
    over = threading.Event()
    here = threading.get_ident()

    def send() -> None:
        if not over.wait(seconds):
            signal.pthread_kill(here, signal.SIGINT)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        over.set()
        sender.join()


async def connect_in_asyncio(here: Place, seconds: float) -> None:
    with interrupt_after(seconds):
        sock = await socks5client.asyncio.connect(here.address, proxy=here.proxy, timeout=10)
        sock.close()


async def stream_in_asyncio(here: Place, seconds: float) -> None:
    with interrupt_after(seconds):
        _, writer = await socks5client.asyncio.open_connection(*here.address, proxy=here.proxy)
        writer.close()
        await writer.wait_closed()


async def drop_in_in_asyncio(here: Place, seconds: float) -> None:
    with socks5client.socket(proxy=here.proxy) as sock, interrupt_after(seconds):
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, here.address)


async def bind_in_asyncio(here: Place, seconds: float) -> None:
    with interrupt_after(seconds):
        rendezvous = await socks5client.asyncio.bind(proxy=here.proxy, timeout=10)
        rendezvous.close()


async def associate_in_asyncio(here: Place, seconds: float) -> None:
    with interrupt_after(seconds):
        sock = await socks5client.asyncio.associate(proxy=here.proxy, timeout=10)
        sock.close()


async def connect_in_trio(here: Place, seconds: float) -> None:
    with interrupt_after(seconds):
        async with await socks5client.trio.connect(here.address, proxy=here.proxy, timeout=10):
            pass


def blocking(here: Place, seconds: float) -> None:
    with interrupt_after(seconds):
        KINDS["sync"](here).close()


def fetching(here: Place, seconds: float) -> None:
    with (
        httpx.Client(transport=Socks5Transport(here.proxy)) as client,
        interrupt_after(seconds),
    ):
        client.get("http://{}:{}/".format(*PAGES[0]))


# Where `fetching` finds a page.
PAGES: list[tuple[str, int]] = []


@pytest.fixture(scope="module")
def pages() -> Iterator[None]:
    with web_server() as address:
        PAGES.append(address)
        yield


REAL: dict[str, Callable[[Place, float], object]] = {
    "blocking": blocking,
    "asyncio": lambda here, seconds: asyncio.run(connect_in_asyncio(here, seconds)),
    "asyncio streams": lambda here, seconds: asyncio.run(stream_in_asyncio(here, seconds)),
    "drop-in in asyncio": lambda here, seconds: asyncio.run(drop_in_in_asyncio(here, seconds)),
    "BIND in asyncio": lambda here, seconds: asyncio.run(bind_in_asyncio(here, seconds)),
    "UDP in asyncio": lambda here, seconds: asyncio.run(associate_in_asyncio(here, seconds)),
    "trio": lambda here, seconds: trio.run(connect_in_trio, here, seconds),
    "httpx": fetching,
}


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize("name", REAL)
def test_a_real_interrupt(name: str, here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """From 20 microseconds after the beginning of a handshake to about its end."""
    shown: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", shown.append)
    monkeypatch.setattr(sys, "unraisablehook", shown.append)
    operation = REAL[name]
    arrived = 0
    operation(here, 10)
    leftovers = Leftovers(here)
    for number in range(40):
        try:
            operation(here, 20e-6 * 1.16**number)
        except KeyboardInterrupt:
            arrived += 1
        assert not leftovers.are_there(), number
    assert arrived > 10
    check_nothing(shown)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_interrupted_it_can_be_tried_again(here: Place, udp_echo: UdpEcho) -> None:
    """Whatever point an association was given up at, no lock is left held."""
    socks = []

    def attempt() -> None:
        sock = socks5client.socket(socket.AF_INET, socket.SOCK_DGRAM, proxy=here.proxy)
        socks.append(sock)
        sock.settimeout(1)
        sock.associate()

    failures = []
    for where in points(attempt):
        while socks:
            with socks.pop() as sock:
                try:
                    sock.sendto(b"x", udp_echo.address)
                    assert sock.recv(9) == b"x", where
                except TimeoutError:
                    failures.append(where)
    socks.pop().close()
    assert not failures, "\n".join(failures)
