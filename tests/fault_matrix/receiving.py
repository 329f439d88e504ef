"""How each driver waits for so long and no longer, and what it calls a reset."""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpcore
import trio

from tests.drivers import in_asyncio, in_trio, patched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.drivers import Connection, Udp

RESETS = (ConnectionResetError, trio.BrokenResourceError, httpcore.ReadError)
TIMEOUTS = (TimeoutError, trio.TooSlowError, httpcore.ReadTimeout)


def own(kinds: tuple[type[Exception], ...], connection: Connection) -> type[Exception]:
    """Which of these is the driver's."""
    name = type(connection).__name__
    if name == "_HttpcoreStream" or type(connection).__module__.endswith("blocking"):
        return kinds[2]
    return kinds[1] if isinstance(connection, in_trio._Stream) else kinds[0]


@contextmanager
def closed(connection: Connection) -> Iterator[Connection]:
    """`connection`, closed in the end; that of asyncio's streams says once more that it broke."""
    try:
        yield connection
    finally:
        try:
            connection.close()
        except ConnectionResetError:
            assert isinstance(connection, in_asyncio._Streams)
            connection._runner.close()


def receive_within(connection: Any, seconds: float) -> bytes:
    """What comes; the driver's own error where nothing does for so long."""
    data: bytes
    if isinstance(connection, socket.socket):
        connection.settimeout(seconds)
        data = connection.recv(100)
    elif isinstance(connection, in_trio._Stream):

        async def receive() -> bytes:
            with trio.fail_after(seconds):
                return bytes(await connection._stream.receive_some(100))

        data = in_trio.run(receive)
    elif isinstance(connection, in_trio._HttpcoreStream):
        data = in_trio.run(connection._stream.read, 100, seconds)
    elif isinstance(connection, in_asyncio._HttpcoreStream):
        data = connection.run(connection.inner.read, 100, seconds)
    elif isinstance(connection, in_asyncio._Streams):
        data = connection.run(asyncio.wait_for, connection.inner[0].read(100), seconds)
    elif isinstance(connection, in_asyncio._Socket):
        received = connection._runner.get_loop().sock_recv(connection.inner, 100)
        data = connection.run(asyncio.wait_for, received, seconds)
    else:
        data = connection._stream.read(100, seconds)
    return data


def datagram_within(udp: Udp, seconds: float) -> bytes:
    """Likewise, of a datagram."""
    if isinstance(udp, in_asyncio._Udp):
        return bytes(udp._face.run(asyncio.wait_for, udp._face.inner.recvfrom(100), seconds)[0])
    if isinstance(udp, in_asyncio._Endpoint):
        return bytes(udp._face.run(asyncio.wait_for, udp._protocol.received.get(), seconds)[0])
    if isinstance(udp, in_trio._Udp):

        async def receive() -> bytes:
            with trio.move_on_after(seconds):
                return bytes((await udp._inner.recvfrom(100))[0])
            raise TimeoutError

        return bytes(in_trio.run(receive))
    sock = udp._owner if isinstance(udp, patched._Udp) else udp.sock
    sock.settimeout(seconds)
    return sock.recvfrom(100)[0]
