"""Every way to open a connection, behind one face, so that scenarios are written once.

A driver's `connect` takes ("host", port), what `proxy=` takes, and a timeout in seconds; it
returns something with `sendall`, `recv` and `close`, and raises the library's own errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import httpcore

import socks5client
from socks5client import sync
from socks5client.httpcore import Socks5Backend

if TYPE_CHECKING:
    from collections.abc import Callable

    Driver = Callable[[tuple[str, int], Any, float | None], "Connection"]


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
