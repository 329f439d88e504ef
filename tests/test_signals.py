"""Signals that are handled: what they break off goes on, and ends when it was to end (PEP 475)."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client import sync
from tests.kinds import KINDS, place
from tests.origins import UdpEcho, read_exactly
from tests.server_fixture import Fault, Server, split, stall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.kinds import Place

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs pthread_kill")

STORM = 0.001  # seconds between two signals


@pytest.fixture(scope="module")
def here() -> Iterator[Place]:
    with place() as found:
        yield found


@pytest.fixture(scope="module")
def dripping() -> Iterator[Place]:
    """By proxies that send a byte at a time: the handshake takes more than one signal."""
    faults = [Fault("method", split(1, 0.005)), Fault("reply", split(1, 0.005))]
    with place(faults=faults) as found:
        yield found


@contextmanager
def storm() -> Iterator[list[float]]:
    """This thread gets a signal each millisecond, which breaks system calls off; when they came.

    No timer of the system's: pytest's timeout has that one.
    """
    came: list[float] = []
    over = threading.Event()
    here = threading.get_ident()

    def send() -> None:
        while not over.wait(STORM):
            signal.pthread_kill(here, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, lambda *_: came.append(time.monotonic()))
    signal.siginterrupt(signal.SIGUSR1, True)
    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield came
    finally:
        over.set()
        sender.join()
        signal.signal(signal.SIGUSR1, before)


def talk(sock: socket.socket) -> None:
    """More than the buffers hold, by one thread that does both: it has to wait."""
    sock.settimeout(10)
    data = os.urandom(200_000)
    for _ in range(5):
        sock.sendall(data)
        assert read_exactly(sock, len(data)) == data


def meet(listener: socket.socket) -> None:
    """The peer comes late."""

    def come() -> None:
        with socket.create_connection(address, 10) as peer:
            peer.sendall(b"x")
            assert peer.recv(1) == b""

    listener.settimeout(10)
    address = listener.getsockname()
    late = threading.Timer(0.05, come)
    late.start()
    connection, _ = listener.accept()
    with connection:
        assert read_exactly(connection, 1) == b"x"
    late.join()


# EINTR


@pytest.mark.parametrize("kind", KINDS)
def test_a_storm_of_signals(kind: str, dripping: Place) -> None:
    with storm() as came, KINDS[kind](dripping) as sock:
        if kind != "plain":
            assert len(came) > 5
        talk(sock)


def test_a_storm_while_it_listens(dripping: Place) -> None:
    with storm() as came, socks5client.socket(proxy=dripping.proxy) as listener:
        listener.settimeout(10)
        listener.bind(("", 0))
        listener.listen()
        assert came
        meet(listener)
        meet(listener)  # at a rendezvous that getsockname() asks for


def test_a_storm_at_a_rendezvous(dripping: Place) -> None:
    with storm() as came, socks5client.bind(proxy=dripping.proxy, timeout=10) as rendezvous:
        with socket.create_connection(rendezvous.address, 10) as peer:
            connection, address = rendezvous.accept(10)
            with connection:
                assert address == peer.getsockname()
        assert came


def test_a_storm_over_datagrams(dripping: Place) -> None:
    with (
        UdpEcho() as echo,
        storm() as came,
        socks5client.socket(socket.AF_INET, socket.SOCK_DGRAM, proxy=dripping.proxy) as sock,
    ):
        sock.settimeout(10)
        for number in range(300):
            payload = b"%d" % number
            sock.sendto(payload, echo.address)
            assert sock.recvfrom(100) == (payload, echo.address)
        assert len(came) > 5


def too_late(timeout: float, call: Callable[[], object]) -> None:
    """`call` ends by its timeout, at the right time."""
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        call()
    assert timeout <= time.monotonic() - started < timeout + 0.5


@pytest.mark.parametrize("stage", ["accept", "method", "reply"])
def test_a_storm_moves_no_deadline(stage: Any) -> None:
    target = ("destination.test", 80)
    with storm(), Server(faults=[Fault(stage, stall())]) as server:
        too_late(0.2, lambda: sync.connect(target, proxy=server.url, timeout=0.2))
        for type in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socks5client.socket(socket.AF_INET, type, proxy=server.url) as sock:
                sock.settimeout(0.2)
                if type == socket.SOCK_STREAM:
                    too_late(0.2, lambda sock=sock: sock.connect(target))
                    too_late(0.2, sock.listen)
                else:
                    too_late(0.2, lambda sock=sock: sock.sendto(b"x", target))
        server.wait_idle()


@pytest.mark.parametrize("kind", KINDS)
def test_a_storm_moves_no_timeout_of_recv(kind: str, here: Place) -> None:
    with storm(), KINDS[kind](here) as sock:
        sock.settimeout(0.2)
        too_late(0.2, lambda: sock.recv(1))


def test_a_storm_moves_no_timeout_of_the_others(here: Place) -> None:
    with (
        UdpEcho() as echo,
        storm(),
        socks5client.socket(proxy=here.proxy) as listener,
        socks5client.socket(socket.AF_INET, socket.SOCK_DGRAM, proxy=here.proxy) as datagrams,
    ):
        listener.listen()
        listener.settimeout(0.2)
        too_late(0.2, listener.accept)
        datagrams.connect(echo.address)
        datagrams.associate()
        datagrams.settimeout(0.2)
        too_late(0.2, lambda: datagrams.recv(9))
        too_late(0.2, lambda: datagrams.recvfrom(9))
