"""asyncio's drivers, on its own event loop and on uvloop, with a face that blocks.

Each connection has an event loop of its own, which runs as long as a call takes.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import socks5client
import socks5client.asyncio
from socks5client.httpcore import AsyncSocks5Backend
from tests.drivers.faces import ANYBODY, Udp, without_httpcore

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Iterator

    from tests.drivers.faces import Connection, Meeting


def runner(uvloop: bool) -> asyncio.Runner:
    """An event loop that is run call by call."""
    if not uvloop:
        return asyncio.Runner()
    from uvloop import new_event_loop

    return asyncio.Runner(loop_factory=new_event_loop)


class Face:
    """What `open_` gives, and the loop that it lives in."""

    def __init__(self, uvloop: bool, open_: Callable[[], Awaitable[Any]]) -> None:
        self._runner = runner(uvloop)
        try:
            self.inner: Any = self.run(open_)
        except BaseException:
            self._runner.close()
            raise

    def run(self, call: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        async def main() -> Any:
            async with asyncio.timeout(20):
                return await call(*args)

        return self._runner.run(main())

    def close(self) -> None:
        self.inner.close()
        self._runner.close()


class _Socket(Face):
    def sendall(self, data: bytes) -> None:
        self.run(self._runner.get_loop().sock_sendall, self.inner, data)

    def recv(self, size: int) -> bytes:
        data: bytes = self.run(self._runner.get_loop().sock_recv, self.inner, size)
        return data


def connect(
    address: tuple[str, int], proxy: Any, timeout: float | None = 5, uvloop: bool = False
) -> Connection:
    opened = partial(socks5client.asyncio.connect, address, proxy=proxy, timeout=timeout)
    return _Socket(uvloop, opened)


def drop_in(address: tuple[str, int], proxy: Any, timeout: float | None = 5) -> Connection:
    """As `loop.sock_connect` does it, but for the look-up that this begins with."""

    async def open_() -> socket.socket:
        loop = asyncio.get_running_loop()
        sock = socks5client.socket(proxy=proxy)
        try:
            sock.setblocking(False)
            async with asyncio.timeout(timeout):
                while True:
                    try:
                        sock.connect(address)
                        return sock
                    except BlockingIOError:
                        writable = asyncio.Event()
                        loop.add_writer(sock, writable.set)
                        try:
                            await writable.wait()
                        finally:
                            loop.remove_writer(sock)
        except TimeoutError as error:
            sock.close()
            if error.errno is not None:
                raise
            raise socks5client.HandshakeTimeout("not in time: the caller gives up") from None
        except BaseException:
            sock.close()
            raise

    return _Socket(False, open_)


class _Streams(Face):
    def sendall(self, data: bytes) -> None:
        _, writer = self.inner
        writer.write(data)
        self.run(writer.drain)

    def recv(self, size: int) -> bytes:
        data: bytes = self.run(self.inner[0].read, size)
        return data

    def close(self) -> None:
        async def end() -> None:
            writer.close()
            await writer.wait_closed()

        _, writer = self.inner
        try:
            self.run(end)
        finally:
            self._runner.close()


def open_connection(address: tuple[str, int], proxy: Any, timeout: float | None = 5) -> Connection:
    return _Streams(
        False,
        partial(socks5client.asyncio.open_connection, *address, proxy=proxy, timeout=timeout),
    )


class _HttpcoreStream(Face):
    def sendall(self, data: bytes) -> None:
        self.run(self.inner.write, data, 10)

    def recv(self, size: int) -> bytes:
        data: bytes = self.run(self.inner.read, size, 10)
        return data

    def close(self) -> None:
        self.run(self.inner.aclose)
        self._runner.close()


def httpcore_backend(address: tuple[str, int], proxy: Any, timeout: float | None = 5) -> Connection:
    with without_httpcore():
        return _HttpcoreStream(
            False, partial(AsyncSocks5Backend(proxy).connect_tcp, *address, timeout)
        )


class _Meeting(Face):
    @property
    def address(self) -> Any:
        return self.inner.address

    def accept(self, timeout: float | None) -> tuple[socket.socket, Any]:
        try:
            sock, peer = self.run(self.inner.accept, timeout)
        except TimeoutError:
            if timeout == 0:
                raise BlockingIOError from None  # there is no such mode here
            raise
        assert sock.gettimeout() == 0
        sock.settimeout(None)
        return sock, peer

    def fileno(self) -> int:
        number: int = self.inner.fileno()
        return number


def rendezvous(
    expected_peer: Any = ANYBODY,
    proxy: Any = None,
    timeout: float | None = 5,
    uvloop: bool = False,
) -> Meeting:
    opened = partial(socks5client.asyncio.bind, expected_peer, proxy=proxy, timeout=timeout)
    return _Meeting(uvloop, opened)


class _Udp(Udp):
    def __init__(self, face: Face, peer: Any) -> None:
        super().__init__(face.inner.socket, peer, False)
        self._face = face

    def send(self, payload: bytes) -> None:
        assert self._face.run(self._face.inner.sendto, payload, self._peer) == len(payload)

    def receive(self) -> tuple[bytes, Any]:
        received: tuple[bytes, Any] = self._face.run(self._face.inner.recvfrom, 65535)
        return received


@contextmanager
def udp(
    proxy: Any, peer: Any, *, timeout: float = 5, fragment_size: int | None = None
) -> Iterator[Udp]:
    opened = partial(
        socks5client.asyncio.associate, proxy=proxy, timeout=timeout, fragment_size=fragment_size
    )
    face = Face(False, opened)
    try:
        yield _Udp(face, peer)
    finally:
        face.close()


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.received: asyncio.Queue[tuple[bytes, Any] | None] = asyncio.Queue()
        self.error: Exception | None = None
        self.lost = asyncio.Event()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.received.put_nowait((data, addr))

    def error_received(self, exc: Exception) -> None:
        self.error = exc

    def connection_lost(self, exc: Exception | None) -> None:
        self.error = exc
        self.lost.set()
        self.received.put_nowait(None)


class _Endpoint(Udp):
    """The endpoint is connected, so a name as a peer goes to the proxy as one."""

    def __init__(self, face: Face, peer: Any) -> None:
        self._transport, self._protocol = face.inner
        super().__init__(self._transport.get_extra_info("socket"), peer, True)
        self._face = face

    def send(self, payload: bytes) -> None:
        async def send() -> None:
            if not self._protocol.lost.is_set():
                self._transport.sendto(payload)
                await asyncio.sleep(0)

        self._face.run(send)
        self._check()

    def receive(self) -> tuple[bytes, Any]:
        received: tuple[bytes, Any] | None = self._face.run(self._protocol.received.get)
        if received is None:
            self._protocol.received.put_nowait(None)  # for the next one
            self._check()
            raise AssertionError("it was closed")
        return received

    def _check(self) -> None:
        error = self._protocol.error
        if error is not None:
            if not self._protocol.lost.is_set():
                self._protocol.error = None
            raise error


class _EndpointFace(Face):
    def close(self) -> None:
        transport, protocol = self.inner
        transport.close()
        self.run(protocol.lost.wait)
        self._runner.close()


@contextmanager
def endpoint(
    proxy: Any,
    peer: Any,
    *,
    timeout: float = 5,
    fragment_size: int | None = None,
    uvloop: bool = False,
) -> Iterator[Udp]:
    face = _EndpointFace(
        uvloop,
        partial(
            socks5client.asyncio.create_datagram_endpoint,
            _Protocol,
            remote_addr=peer,
            proxy=proxy,
            timeout=timeout,
            fragment_size=fragment_size,
        ),
    )
    try:
        yield _Endpoint(face, peer)
    finally:
        face.close()
