"""trio's drivers, with a face that blocks: trio's sockets belong to no run, so each call is one."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

import socks5client.trio
from socks5client.httpcore import AsyncSocks5Backend
from tests.drivers.faces import ANYBODY, Udp, without_httpcore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    import httpcore

    from tests.drivers.faces import Connection, Meeting


def run(call: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    async def main() -> Any:
        with trio.fail_after(20):
            return await call(*args)

    return trio.run(main)


class _Stream:
    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream

    def sendall(self, data: bytes) -> None:
        run(self._stream.send_all, data)

    def recv(self, size: int) -> bytes:
        data: bytes = run(self._stream.receive_some, size)
        return data

    def close(self) -> None:
        run(self._stream.aclose)


def connect(address: tuple[str, int], proxy: Any, timeout: float | None = 5) -> Connection:
    return _Stream(run(partial(socks5client.trio.connect, address, proxy=proxy, timeout=timeout)))


class _HttpcoreStream:
    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    def sendall(self, data: bytes) -> None:
        run(self._stream.write, data, 10)

    def recv(self, size: int) -> bytes:
        data: bytes = run(self._stream.read, size, 10)
        return data

    def close(self) -> None:
        run(self._stream.aclose)


def httpcore_backend(address: tuple[str, int], proxy: Any, timeout: float | None = 5) -> Connection:
    with without_httpcore():
        return _HttpcoreStream(run(AsyncSocks5Backend(proxy).connect_tcp, *address, timeout))


class _Meeting:
    def __init__(self, inner: socks5client.trio.Rendezvous) -> None:
        self._inner = inner
        self.close = inner.close
        self.fileno = inner.fileno

    @property
    def address(self) -> Any:
        return self._inner.address

    def accept(self, timeout: float | None) -> tuple[socket.socket, Any]:
        try:
            stream, peer = run(self._inner.accept, timeout)
        except TimeoutError:
            if timeout == 0:
                raise BlockingIOError from None  # there is no such mode here
            raise
        with stream.socket:
            sock = socket.socket(fileno=os.dup(stream.socket.fileno()))
        sock.settimeout(None)
        return sock, peer


def rendezvous(
    expected_peer: Any = ANYBODY, proxy: Any = None, timeout: float | None = 5
) -> Meeting:
    opened = partial(socks5client.trio.bind, expected_peer, proxy=proxy, timeout=timeout)
    return _Meeting(run(opened))


class _Udp(Udp):
    def __init__(self, inner: socks5client.trio.DatagramSocket, peer: Any) -> None:
        super().__init__(inner.socket, peer, False)
        self._inner = inner

    def send(self, payload: bytes) -> None:
        assert run(self._inner.sendto, payload, self._peer) == len(payload)

    def receive(self) -> tuple[bytes, Any]:
        received: tuple[bytes, Any] = run(self._inner.recvfrom, 65535)
        return received


@contextmanager
def udp(
    proxy: Any, peer: Any, *, timeout: float = 5, fragment_size: int | None = None
) -> Iterator[Udp]:
    inner = run(
        partial(
            socks5client.trio.associate, proxy=proxy, timeout=timeout, fragment_size=fragment_size
        )
    )
    try:
        yield _Udp(inner, peer)
    finally:
        inner.socket.close()
