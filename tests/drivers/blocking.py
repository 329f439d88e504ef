"""Drivers that block: plain sockets, drop-in ones, httpcore's."""

from __future__ import annotations

import socket
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import socks5client
from socks5client import sync
from socks5client.httpcore import Socks5Backend
from tests.drivers.faces import ANYBODY, Udp, without_httpcore

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpcore

    from tests.drivers.faces import Connection, Meeting


def plain(address: tuple[str, int], proxy: Any, timeout: float | None = 5) -> Connection:
    sock = sync.connect(address, proxy=proxy, timeout=timeout)
    sock.settimeout(10)
    return sock


def drop_in_connect(address: tuple[str, int], proxy: Any, timeout: float | None = 5) -> Connection:
    sock = socks5client.connect(address, proxy=proxy, timeout=timeout)
    sock.settimeout(10)
    return sock


def create_connection(
    address: tuple[str, int], proxy: Any, timeout: float | None = 5
) -> Connection:
    return socks5client.create_connection(address, timeout, proxy=proxy)


def drop_in_socket(address: tuple[str, int], proxy: Any, timeout: float | None = 5) -> Connection:
    sock = socks5client.socket(proxy=proxy)
    try:
        sock.settimeout(timeout)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


class _Stream:
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self.close = stream.close

    def sendall(self, data: bytes) -> None:
        self._stream.write(data, 10)

    def recv(self, size: int) -> bytes:
        return self._stream.read(size, 10)


def httpcore_backend(address: tuple[str, int], proxy: Any, timeout: float | None = 5) -> Connection:
    with without_httpcore():
        return _Stream(Socks5Backend(proxy).connect_tcp(*address, timeout))


@contextmanager
def _udp(proxy: Any, peer: Any, connected: bool, timeout: float, size: Any) -> Iterator[Udp]:
    with socks5client.socket(socket.AF_INET, socket.SOCK_DGRAM, proxy=proxy) as sock:
        assert isinstance(sock, socks5client.DatagramSocket)
        sock.settimeout(timeout)
        sock.fragment_size = size
        if connected:
            sock.connect(peer)
        yield Udp(sock, peer, connected)


def udp_unconnected(
    proxy: Any, peer: Any, *, timeout: float = 5, fragment_size: int | None = None
) -> AbstractContextManager[Udp]:
    return _udp(proxy, peer, False, timeout, fragment_size)


def udp_connected(
    proxy: Any, peer: Any, *, timeout: float = 5, fragment_size: int | None = None
) -> AbstractContextManager[Udp]:
    return _udp(proxy, peer, True, timeout, fragment_size)


@contextmanager
def udp_associated(
    proxy: Any, peer: Any, *, timeout: float = 5, fragment_size: int | None = None
) -> Iterator[Udp]:
    with socks5client.associate(proxy=proxy, timeout=timeout, fragment_size=fragment_size) as sock:
        sock.settimeout(timeout)
        yield Udp(sock, peer, False)


def plain_rendezvous(
    expected_peer: Any = ANYBODY, proxy: Any = None, timeout: float | None = 5
) -> Meeting:
    return sync.bind(expected_peer, proxy=proxy, timeout=timeout)


def drop_in_rendezvous(
    expected_peer: Any = ANYBODY, proxy: Any = None, timeout: float | None = 5
) -> Meeting:
    return socks5client.bind(expected_peer, proxy=proxy, timeout=timeout)


class Listening:
    """A listening socket, with the face of a rendezvous."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.close = sock.close
        self.fileno = sock.fileno

    @property
    def address(self) -> Any:
        return self._sock.getsockname()

    def accept(self, timeout: float | None) -> tuple[socket.socket, Any]:
        self._sock.settimeout(timeout)
        return self._sock.accept()


def listener(expected_peer: Any = ANYBODY, proxy: Any = None, timeout: float | None = 5) -> Meeting:
    sock = socks5client.socket(proxy=proxy)
    try:
        sock.expected_peer = expected_peer
        sock.settimeout(timeout)
        sock.bind(("", 0))
        sock.listen()
    except BaseException:
        sock.close()
        raise
    return Listening(sock)
