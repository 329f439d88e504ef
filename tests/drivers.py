"""Every way to open a connection, behind one face, so that scenarios are written once.

A driver's `connect` takes ("host", port), what `proxy=` takes, and a timeout in seconds; it
returns something with `sendall`, `recv` and `close`, and raises the library's own errors.
"""

from __future__ import annotations

import socket
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import httpcore

import socks5client
from socks5client import sync
from socks5client.httpcore import Socks5Backend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    UdpDriver = Callable[..., AbstractContextManager["Udp"]]
    Driver = Callable[[tuple[str, int], Any, float | None], "Connection"]
    BindDriver = Callable[..., "Meeting"]


class Connection(Protocol):
    def sendall(self, data: bytes, /) -> object: ...
    def recv(self, size: int, /) -> bytes: ...
    def close(self) -> object: ...


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
    try:
        return _Stream(Socks5Backend(proxy).connect_tcp(*address, timeout))
    except (httpcore.ConnectTimeout, httpcore.ConnectError, httpcore.ProxyError) as error:
        cause = error.__cause__ or error
    raise cause


DRIVERS: dict[str, Driver] = {
    "sync": plain,
    "drop-in connect": drop_in_connect,
    "create_connection": create_connection,
    "drop-in socket": drop_in_socket,
    "httpcore": httpcore_backend,
}


class Udp:
    """A UDP socket and its peer, the same to use whether it is connected to it or not."""

    def __init__(self, sock: socks5client.DatagramSocket, peer: Any, connected: bool) -> None:
        self.sock, self._peer, self._connected = sock, peer, connected

    def send(self, payload: bytes) -> None:
        if self._connected:
            assert self.sock.send(payload) == len(payload)
        else:
            assert self.sock.sendto(payload, self._peer) == len(payload)

    def receive(self) -> tuple[bytes, Any]:
        return self.sock.recvfrom(65535)


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


UDP_DRIVERS: dict[str, UdpDriver] = {
    "sendto": udp_unconnected,
    "connect": udp_connected,
    "associate": udp_associated,
}


# BIND. A driver takes whom to expect, what `proxy=` takes, and a timeout for the first reply.

ANYBODY = ("0.0.0.0", 0)


class Meeting(Protocol):
    @property
    def address(self) -> Any: ...
    def accept(self, timeout: float | None, /) -> tuple[socket.socket, Any]: ...
    def fileno(self) -> int: ...
    def close(self) -> object: ...


def plain_rendezvous(
    expected_peer: Any = ANYBODY, proxy: Any = None, timeout: float | None = 5
) -> Meeting:
    return sync.bind(expected_peer, proxy=proxy, timeout=timeout)


def drop_in_rendezvous(
    expected_peer: Any = ANYBODY, proxy: Any = None, timeout: float | None = 5
) -> Meeting:
    return socks5client.bind(expected_peer, proxy=proxy, timeout=timeout)


class _Listener:
    def __init__(self, sock: socks5client.socket) -> None:
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
    return _Listener(sock)


BIND_DRIVERS: dict[str, BindDriver] = {
    "sync.bind": plain_rendezvous,
    "bind": drop_in_rendezvous,
    "listener": listener,
}
