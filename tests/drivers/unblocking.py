"""The drop-in socket where it must not wait, in a loop by hand."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, Any

import socks5client

if TYPE_CHECKING:
    import socket

    from tests.drivers.faces import Connection


def connect(address: tuple[str, int], proxy: Any, timeout: float | None = 5) -> Connection:
    return connected(socks5client.socket(proxy=proxy), address, timeout)


def connected(
    sock: socket.socket, address: tuple[str, int], timeout: float | None
) -> socket.socket:
    """`sock`, connected without waiting in `connect`; closed where that fails."""
    try:
        sock.setblocking(False)
        poll = select.poll()
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                sock.connect(address)
                break
            except BlockingIOError:
                poll.register(sock, select.POLLOUT)
            left = None if end is None else max(0, 1000 * (end - time.monotonic()))
            if not poll.poll(left):
                raise socks5client.HandshakeTimeout("not in time: the caller gives up")
        sock.settimeout(10)
    except BaseException:
        sock.close()
        raise
    return sock
