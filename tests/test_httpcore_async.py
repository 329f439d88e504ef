"""Streams of the async httpcore backend: what is cancelled, closed, torn, or comes in pieces."""

from __future__ import annotations

import os
import select
import socket
import ssl
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import httpcore
import httpx
import pytest

from socks5client.httpcore import AsyncSocks5Backend
from socks5client.httpx import AsyncSocks5Transport
from tests.libraries import LIBRARIES, nothing_left_open
from tests.server_fixture import Fault, Server, stall

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    import trustme

    from tests.libraries import Run
    from tests.real_servers import Origin


@pytest.fixture(params=LIBRARIES.values(), ids=list(LIBRARIES))
def run(request: pytest.FixtureRequest) -> Run:
    """Runs an async function, on each library in turn."""
    function: Run = request.param
    return function


@pytest.fixture
def proxy() -> Iterator[Server]:
    """Nothing is left open at it in the end, nor here."""
    with nothing_left_open(), Server() as server:
        yield server
        server.wait_idle()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.settimeout(10)
        yield sock


async def pair(
    proxy: Server, listener: socket.socket
) -> tuple[httpcore.AsyncNetworkStream, socket.socket]:
    """A stream, and its other end behind the proxy."""
    host, port = listener.getsockname()
    stream = await AsyncSocks5Backend(proxy.url).connect_tcp(host, port, 5)
    peer, _ = listener.accept()
    peer.settimeout(10)
    return stream, peer


async def tls_pair(
    proxy: Server, listener: socket.socket, authority: trustme.CA
) -> tuple[httpcore.AsyncNetworkStream, ssl.SSLSocket]:
    stream, peer = await pair(proxy, listener)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("origin.test").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    peers: list[ssl.SSLSocket] = []
    async with anyio.create_task_group() as group:

        async def shake_hands() -> None:
            def wrap() -> ssl.SSLSocket:
                return server.wrap_socket(peer, server_side=True)

            peers.append(await anyio.to_thread.run_sync(wrap))

        group.start_soon(shake_hands)
        tls = await stream.start_tls(client, "origin.test", 5)
    return tls, peers[0]


async def cancelled_when(
    condition: Callable[[], Any], function: Callable[..., Coroutine[Any, Any, Any]], *args: Any
) -> None:
    """Calls the function, and cancels it when `condition`, which may block, returns."""
    async with anyio.create_task_group() as group:
        group.start_soon(function, *args)
        await anyio.to_thread.run_sync(condition)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()


# Cancellation


@pytest.mark.parametrize("stage", ["method", "reply"])
def test_cancelled_while_it_connects(run: Run, stage: Any) -> None:
    async def main() -> None:
        backend = AsyncSocks5Backend(server.url)
        await cancelled_when(
            lambda: server.wait_for(lambda it: it.exchanges), backend.connect_tcp, "127.0.0.1", 9
        )

    with nothing_left_open(), Server(faults=[Fault(stage, stall())]) as server:
        run(main)
        server.wait_idle()


def test_cancelled_in_the_tls_handshake(run: Run, proxy: Server, listener: socket.socket) -> None:
    async def main() -> None:
        stream, peer = await pair(proxy, listener)
        with peer:
            await cancelled_when(
                lambda: peer.recv(1), stream.start_tls, ssl.create_default_context(), "origin.test"
            )
            await stream.aclose()

    run(main)


def test_cancelled_while_it_waits_for_an_answer(
    run: Run, proxy: Server, listener: socket.socket
) -> None:
    """The connection is gone, and the pool opens another."""

    async def main() -> None:
        url = "http://127.0.0.1:{1}/".format(*listener.getsockname())
        async with httpx.AsyncClient(transport=AsyncSocks5Transport(proxy.url)) as client:
            peers = []

            def asked() -> None:
                peer, _ = listener.accept()
                peers.append(peer)
                peer.recv(65536)

            await cancelled_when(asked, client.get, url)
            assert peers[0].recv(1) == b""

            def answer() -> None:
                asked()
                peers[1].sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

            async with anyio.create_task_group() as group:
                group.start_soon(anyio.to_thread.run_sync, answer)
                assert (await client.get(url)).text == "ok"
            for peer in peers:
                peer.close()

    run(main)
    assert len(proxy.requests) == 2


def test_http2_goes_on_when_a_request_is_cancelled(run: Run, proxy: Server, origin: Origin) -> None:
    """All on one connection: of what is cancelled nothing is missing in what others get."""
    content = os.urandom(100_000)  # httpcore never gives back the window of what is cancelled
    (origin.root / "cancelled").write_bytes(content)

    async def main() -> None:
        url = f"{origin.https_url}/cancelled"
        context = ssl.create_default_context(cafile=origin.ca_file)
        transport = AsyncSocks5Transport(proxy.url, verify=context, http2=True)
        async with httpx.AsyncClient(transport=transport) as client:
            assert (await client.get(url)).content == content
            for turns in range(12):
                async with anyio.create_task_group() as group:
                    for _ in range(3):
                        group.start_soon(client.get, url)
                    for _ in range(turns):
                        await anyio.lowlevel.checkpoint()  # another state each time
                    group.cancel_scope.cancel()
                assert (await client.get(url)).content == content

    run(main)
    assert len(proxy.requests) == 1


def test_a_read_that_is_cancelled_has_taken_nothing(
    run: Run, proxy: Server, listener: socket.socket
) -> None:
    """Not even in the turn of the loop in which the data is there."""

    async def main() -> None:
        async def read() -> None:
            received.append(await stream.read(10))

        stream, peer = await pair(proxy, listener)
        with peer:
            for turns in range(6):
                received: list[bytes] = []
                async with anyio.create_task_group() as group:
                    group.start_soon(read)
                    await anyio.wait_all_tasks_blocked()
                    peer.sendall(b"data")
                    assert select.select([stream.get_extra_info("socket")], [], [], 10)[0]
                    for _ in range(turns):
                        await anyio.lowlevel.checkpoint()
                    group.cancel_scope.cancel()
                assert (received or [await stream.read(10, 5)]) == [b"data"]
            await stream.aclose()

    run(main)


@pytest.mark.parametrize("cancel", [True, False], ids=["cancelled", "timed out"])
def test_a_write_that_is_interrupted_is_finished_by_the_next(
    run: Run, proxy: Server, listener: socket.socket, authority: trustme.CA, cancel: bool
) -> None:
    body = os.urandom(20_000_000)

    async def main() -> None:
        for opened in (pair(proxy, listener), tls_pair(proxy, listener, authority)):
            stream, peer = await opened
            with peer:
                if cancel:
                    await cancelled_when(lambda: None, stream.write, body)
                else:
                    with pytest.raises(httpcore.WriteTimeout):
                        await stream.write(body, 0.05)
                async with anyio.create_task_group() as group:
                    group.start_soon(stream.write, b"the end")
                    with peer.makefile("rb") as file:
                        size = len(body) + 7
                        received = await anyio.to_thread.run_sync(file.read, size)
                assert received == body + b"the end"
                await stream.aclose()

    run(main)


# Closing


def test_closed_twice_and_used_afterwards(run: Run, proxy: Server, listener: socket.socket) -> None:
    async def main() -> None:
        stream, peer = await pair(proxy, listener)
        with peer:
            assert not stream.get_extra_info("is_readable")
            await stream.aclose()
            await stream.aclose()
            assert stream.get_extra_info("is_readable")
            with pytest.raises(httpcore.ReadError):
                await stream.read(1)
            with pytest.raises(httpcore.WriteError):
                await stream.write(b"x")
            assert peer.recv(1) == b""

    run(main)


def test_closed_while_others_wait(run: Run, proxy: Server, listener: socket.socket) -> None:
    async def read() -> None:
        with pytest.raises(httpcore.ReadError):
            await streams[0].read(1)

    async def write() -> None:
        with pytest.raises(httpcore.WriteError):
            await streams[0].write(b"x" * 20_000_000)

    async def main() -> None:
        stream, peer = await pair(proxy, listener)
        streams.append(stream)
        with peer:
            async with anyio.create_task_group() as group:
                group.start_soon(read)
                group.start_soon(write)
                await anyio.wait_all_tasks_blocked()
                await stream.aclose()
            assert stream.get_extra_info("socket").fileno() == -1

    streams: list[httpcore.AsyncNetworkStream] = []
    run(main)


def test_a_name_that_tls_cannot_have(run: Run, proxy: Server, listener: socket.socket) -> None:
    async def main() -> None:
        stream, peer = await pair(proxy, listener)
        with peer, pytest.raises(ValueError, match="idna"):
            await stream.start_tls(ssl.create_default_context(), ".origin.test")

    run(main)


@pytest.mark.parametrize("timeout", [None, 5])
def test_tls_with_one_that_speaks_none(
    run: Run, proxy: Server, listener: socket.socket, timeout: float | None
) -> None:
    async def main() -> None:
        stream, peer = await pair(proxy, listener)
        with peer, pytest.raises(httpcore.ConnectError):
            peer.sendall(b"220 welcome\r\n")
            await stream.start_tls(ssl.create_default_context(), "origin.test", timeout)

    run(main)


def test_tls_that_stalls(run: Run, proxy: Server, listener: socket.socket) -> None:
    async def main() -> None:
        stream, peer = await pair(proxy, listener)
        with peer, pytest.raises(httpcore.ConnectTimeout):
            await stream.start_tls(ssl.create_default_context(), "origin.test", 0.1)

    run(main)


def test_tls_inside_tls_is_refused(
    run: Run, proxy: Server, listener: socket.socket, authority: trustme.CA
) -> None:
    async def main() -> None:
        stream, peer = await tls_pair(proxy, listener, authority)
        with peer, pytest.raises(NotImplementedError):
            await stream.start_tls(ssl.create_default_context(), "origin.test")

    run(main)


# Reading


def test_a_record_is_read_in_pieces(
    run: Run, proxy: Server, listener: socket.socket, authority: trustme.CA
) -> None:
    async def main() -> None:
        stream, peer = await tls_pair(proxy, listener, authority)
        with peer:
            peer.sendall(b"0123456789")
            assert [await stream.read(size, 5) for size in (4, 4, 4)] == [b"0123", b"4567", b"89"]
            await stream.aclose()

    run(main)


def test_what_came_before_an_error_is_read_first(
    run: Run, proxy: Server, listener: socket.socket, authority: trustme.CA
) -> None:
    async def main() -> None:
        stream, peer = await tls_pair(proxy, listener, authority)
        with peer:
            peer.sendall(b"good")
            os.write(peer.fileno(), b"\x17\x03\x03\0\x20" + b"x" * 32)  # a record, but no good one
            assert await stream.read(65536, 5) == b"good"
            for _ in range(2):
                with pytest.raises(httpcore.ReadError):
                    await stream.read(65536, 5)
            await stream.aclose()

    run(main)


def test_two_tasks_that_wait_for_the_same(run: Run, proxy: Server, listener: socket.socket) -> None:
    """As with TLS, which may have to write in order to read."""

    async def read() -> None:
        received.append(await streams[0].read(1, 5))

    async def main() -> None:
        stream, peer = await pair(proxy, listener)
        streams.append(stream)
        with peer:
            async with anyio.create_task_group() as group:
                group.start_soon(read)
                group.start_soon(read)
                await anyio.wait_all_tasks_blocked()
                peer.sendall(b"ab")
            await stream.aclose()

    streams: list[httpcore.AsyncNetworkStream] = []
    received: list[bytes] = []
    run(main)
    assert sorted(received) == [b"a", b"b"]


def test_an_idle_connection_that_was_closed_is_not_used(
    run: Run, proxy: Server, listener: socket.socket
) -> None:
    def answer() -> None:
        peer, _ = listener.accept()
        peers.append(peer)
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def main() -> None:
        url = "http://127.0.0.1:{1}/".format(*listener.getsockname())
        async with httpx.AsyncClient(transport=AsyncSocks5Transport(proxy.url)) as client:
            for _ in range(2):
                async with anyio.create_task_group() as group:
                    group.start_soon(anyio.to_thread.run_sync, answer)
                    response = await client.get(url)
                    assert response.text == "ok"
                peers.pop().close()
                stream = response.extensions["network_stream"]
                await anyio.wait_readable(stream.get_extra_info("socket"))
                assert stream.get_extra_info("is_readable")

    peers: list[socket.socket] = []
    run(main)
    assert len(proxy.requests) == 2
