"""asyncio and uvloop: the fd becomes the kernel's own connection to the proxy."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

import socks5client
from socks5client import _bridge
from socks5client._socket import connecting
from tests.origins import Echo, unused_address
from tests.server_fixture import Fault, Server, delay, stall
from tests.socket_connecting.conftest import pump_turn, until
from tests.socket_connecting.loops import LOOPS, attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

RUNNERS: dict[str, Callable[[Coroutine[Any, Any, Any]], Any]] = {
    "asyncio": asyncio.run,
    "uvloop": uvloop.run,
}
Run = RUNNERS["asyncio"]


@pytest.fixture(params=list(RUNNERS.values()), ids=list(RUNNERS))
def loop_run(request: pytest.FixtureRequest) -> Any:
    def run(main: Coroutine[Any, Any, Any]) -> Any:
        async def bounded() -> Any:
            async with asyncio.timeout(10):
                return await main

        return request.param(bounded())

    return run


@pytest.fixture(autouse=True)
def no_links() -> Iterator[None]:
    """None of another test, and none that stays."""
    until(lambda: not _bridge._links)
    yield
    until(lambda: not _bridge._links)


def os_peer(sock: socket.socket) -> Any:
    """What the kernel calls the fd's peer, whatever our class says."""
    return socket.socket.getpeername(sock)


def test_it_is_the_connection_itself(
    loop_run: Any, sock: socks5client.socket, server: Server, echo: Echo
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        sock.setblocking(False)
        await loop.sock_connect(sock, echo.address)
        assert os_peer(sock) == sock.proxy_peername == server.address
        assert socket.socket.getsockname(sock) == server.exchanges[-1].peer
        assert sock.getpeername() == echo.address
        pump_turn()
        assert not _bridge._links
        await loop.sock_sendall(sock, b"x" * 100_000)
        received = 0
        while received < 100_000:
            received += len(await loop.sock_recv(sock, 65536))

    loop_run(main())


def test_streams_on_it(
    loop_run: Any, sock: socks5client.socket, server: Server, echo: Echo
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        sock.setblocking(False)
        await loop.sock_connect(sock, echo.address)
        reader, writer = await asyncio.open_connection(sock=sock)
        writer.write(b"x" * 100_000)
        assert await reader.readexactly(100_000) == b"x" * 100_000
        writer.write_eof()
        assert await reader.read() == b""
        assert not _bridge._links
        writer.close()
        await writer.wait_closed()

    loop_run(main())


def test_outside_it_is_bridged(sock: socks5client.socket, server: Server, echo: Echo) -> None:
    assert LOOPS["epoll"](attempt(sock, echo.address)) == 0
    assert sock.proxy_peername == server.address
    assert os_peer(sock) not in (server.address, echo.address)
    until(lambda: len(_bridge._links) == 1)
    sock.close()


def test_what_wraps_bytes_stays_bridged(loop_run: Any, server: Server, echo: Echo) -> None:
    """TLS to the proxy: the fd cannot be the connection, and asyncio works all the same."""
    import ssl

    import trustme

    authority = trustme.CA()
    certified = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(certified)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        proxy = socks5client.Proxy.from_url(secure.url_as("socks5h+tls"), ssl_context=trusting)
        with socks5client.socket(proxy=proxy) as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, echo.address)
            until(lambda: len(_bridge._links) == 1)
            await loop.sock_sendall(sock, b"x")
            assert await loop.sock_recv(sock, 1) == b"x"

    with Server(ssl_context=certified) as secure:
        loop_run(main())


def test_failure(loop_run: Any, sock: socks5client.socket) -> None:
    async def main() -> None:
        sock.setblocking(False)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.get_running_loop().sock_connect(sock, unused_address())

    loop_run(main())


async def writable(sock: socket.socket) -> None:
    """And nothing else: neither SO_ERROR nor connect() is asked."""
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    loop.add_writer(sock, event.set)
    await event.wait()
    loop.remove_writer(sock)


def test_a_program_that_just_writes(loop_run: Any, sock: socks5client.socket, echo: Echo) -> None:
    """It is bridged at once, not only after the time there is to ask."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        sock.setblocking(False)
        assert sock.connect_ex(echo.address) == errno.EINPROGRESS
        await writable(sock)
        began = loop.time()
        await loop.sock_sendall(sock, b"x")
        assert await loop.sock_recv(sock, 1) == b"x"
        return loop.time() - began

    assert loop_run(main()) < connecting._GRACE / 2


def test_a_program_that_just_reads(loop_run: Any, sock: socks5client.socket) -> None:
    """After the time there is to ask."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        sock.setblocking(False)
        assert sock.connect_ex(greeter.address) == errno.EINPROGRESS
        await writable(sock)
        began = loop.time()
        assert await loop.sock_recv(sock, 5) == b"hello"
        return loop.time() - began

    with Echo(greeting=b"hello") as greeter:
        assert loop_run(main()) < 2 * connecting._GRACE


def test_asked_too_late(
    loop_run: Any, sock: socks5client.socket, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has been written meanwhile is neither lost nor overtaken."""
    monkeypatch.setattr(connecting, "_GRACE", 0.0)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        sock.setblocking(False)
        assert sock.connect_ex(echo.address) == errno.EINPROGRESS
        await writable(sock)
        sock.send(b"first ")
        until(lambda: len(_bridge._links) == 1)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        assert len(_bridge._links) == 1
        sock.send(b"second")
        received = b""
        while len(received) < 12:
            received += await loop.sock_recv(sock, 100)
        assert received == b"first second"

    loop_run(main())


def test_asked_after_the_loop(sock: socks5client.socket, echo: Echo) -> None:
    """Whoever waits now may have registered the fd: it stays what it is."""

    async def begin() -> None:
        sock.setblocking(False)
        assert sock.connect_ex(echo.address) == errno.EINPROGRESS

    def go_on() -> Any:
        yield sock.fileno(), "writable"
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        sock.send(b"x")
        yield sock.fileno(), "readable"
        return sock.recv(1)

    asyncio.run(begin())
    assert LOOPS["epoll"](go_on()) == b"x"
    assert len(_bridge._links) == 1
    sock.close()


def test_a_callback_that_stays_registered(
    loop_run: Any, sock: socks5client.socket, echo: Echo
) -> None:
    """SO_ERROR is asked in it, and then it waits for being called again."""

    async def main() -> int:
        loop = asyncio.get_running_loop()
        called = loop.create_future()

        def on_writable() -> None:
            numbers.append(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            if len(numbers) == 2:
                loop.remove_writer(sock)
                called.set_result(None)

        numbers: list[int] = []
        sock.setblocking(False)
        sock.connect_ex(echo.address)
        loop.add_writer(sock, on_writable)
        await called
        assert numbers == [0, 0]
        return len(_bridge._links)

    assert loop_run(main()) == 0


def test_cancelled(loop_run: Any) -> None:
    """The caller's time is up: he closes, and the proxy sees it."""

    async def main() -> None:
        with socks5client.socket(proxy=server.url) as sock:
            sock.setblocking(False)
            connect = asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", 9))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(connect, 0.1)

    with Server(faults=[Fault("reply", stall())]) as server:
        loop_run(main())
        server.wait_idle()


def test_others_run_meanwhile(loop_run: Any, echo: Echo) -> None:
    async def main() -> int:
        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticks = 0
        ticker = asyncio.create_task(tick())
        with socks5client.socket(proxy=server.url) as sock:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, echo.address)
        ticker.cancel()
        return ticks

    with Server(faults=[Fault("reply", delay(0.3))]) as server:
        assert loop_run(main()) > 10


def test_many_at_once(loop_run: Any, server: Server, echo: Echo) -> None:
    async def one(number: int) -> None:
        loop = asyncio.get_running_loop()
        text = b"%4d" % number
        with socks5client.socket(proxy=server.url) as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, echo.address)
            await loop.sock_sendall(sock, text)
            assert await loop.sock_recv(sock, 4) == text

    async def main() -> None:
        await asyncio.gather(*map(one, range(100)))

    loop_run(main())
