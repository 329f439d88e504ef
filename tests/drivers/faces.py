"""What every driver looks like to a scenario."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import httpcore

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    import socks5client

# ("host", port), what `proxy=` takes, and a timeout in seconds.
Driver = Callable[[tuple[str, int], Any, float | None], "Connection"]
# Whom to expect, what `proxy=` takes, and a timeout for the first reply.
BindDriver = Callable[..., "Meeting"]
UdpDriver = Callable[..., AbstractContextManager["Udp"]]

ANYBODY = ("0.0.0.0", 0)


@contextmanager
def without_httpcore() -> Iterator[None]:
    """The library's own errors, which httpcore's wrap."""
    try:
        yield
    except (httpcore.ConnectTimeout, httpcore.ConnectError, httpcore.ProxyError) as error:
        cause = error.__cause__ or error
    else:
        return
    raise cause


class Connection(Protocol):
    def sendall(self, data: bytes, /) -> object: ...
    def recv(self, size: int, /) -> bytes: ...
    def close(self) -> object: ...


class Meeting(Protocol):
    @property
    def address(self) -> Any: ...
    def accept(self, timeout: float | None, /) -> tuple[socket.socket, Any]: ...
    def fileno(self) -> int: ...
    def close(self) -> object: ...


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
