"""What the calls of the trio driver give, how long they take, and two tasks at one object."""

from __future__ import annotations

import errno
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import socks5client.trio as api
from socks5client import (
    DIRECT,
    HandshakeTimeout,
    ProxyConnectionError,
    RemoteProtocolError,
)
from tests.origins import UdpEcho, unused_address
from tests.server_fixture import Server
from tests.test_scenarios_bind import come
from tests.trio_driver.operations import OPERATIONS, connect, dispose, run
from tests.tunnel.leftovers import nothing_left
from tests.tunnel.methods import Blocking
from tests.tunnel.stalling import STAGES, blackhole, deaf, stalled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tests.trio_driver.operations import Operation

EACH = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)


@pytest.fixture(scope="module")
def echo() -> Iterator[UdpEcho]:
    with UdpEcho() as origin:
        yield origin


@EACH
@pytest.mark.parametrize("stage", STAGES)
def test_timeout(operation: Operation, stage: str) -> None:
    async def main() -> None:
        started = time.monotonic()
        with pytest.raises(HandshakeTimeout) as caught:
            await operation(proxy, timeout=0.05)
        assert 0.04 < time.monotonic() - started < 2
        assert f":{server.port}" in str(caught.value.proxy)
        if operation is connect:
            assert caught.value.target == ("destination.test", 80)
        with pytest.raises(trio.TooSlowError):
            with trio.fail_after(0.05):
                await operation(proxy)

    with stalled(stage) as (server, proxy), nothing_left():
        run(main)
        server.wait_idle()


@EACH
def test_limits_of_timeout(operation: Operation) -> None:
    async def main() -> None:
        for timeout in (-1, float("nan")):
            with pytest.raises(ValueError, match="negative"):
                await operation(server.url, target, timeout=timeout)
        assert server.exchanges == []
        with pytest.raises(HandshakeTimeout):
            await operation(server.url, target, timeout=0)
        dispose(await operation(server.url, target, timeout=float("inf")))

    with deaf() as target, Server() as server, nothing_left():
        run(main)
        server.wait_idle()


def test_direct() -> None:
    async def main() -> None:
        for host in (target[0], "localhost"):
            stream = await api.open_tcp_stream(host, target[1], proxy=DIRECT, timeout=5)
            assert stream.socket.getpeername()[1] == target[1]
            await stream.aclose()
        with pytest.raises(ConnectionRefusedError):
            await api.connect(unused_address(), proxy=DIRECT)
        with pytest.raises(TimeoutError) as caught:
            await api.connect(nowhere, proxy=DIRECT, timeout=0.05)
        assert not isinstance(caught.value, HandshakeTimeout)

    with deaf() as target, blackhole() as nowhere, nothing_left():
        run(main)


def test_local_address() -> None:
    async def main() -> None:
        for proxy in (server.url, DIRECT):
            stream = await api.connect(target, proxy=proxy, local_address="127.0.0.2")
            assert stream.socket.getsockname()[0] == "127.0.0.2"
            await stream.aclose()

    with deaf() as target, Server() as server, nothing_left():
        run(main)
        server.wait_idle()


# Two tasks at one object


async def failing(expected: Any, call: Callable[[], Awaitable[Any]]) -> None:
    with pytest.raises(expected):
        await call()


def test_two_accept() -> None:
    async def main() -> None:
        async with await api.bind(proxy=server.url) as meeting, trio.open_nursery() as nursery:
            nursery.start_soon(accept, meeting)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(trio.BusyResourceError):
                await meeting.accept()
            come(meeting.address).close()

    async def accept(meeting: api.Rendezvous) -> None:
        stream, _ = await meeting.accept()
        await stream.aclose()

    with Server() as server, nothing_left():
        run(main)
        server.wait_idle()


def test_closing_wakes_who_accepts() -> None:
    async def main() -> None:
        for close in ("close", "aclose"):
            meeting = await api.bind(proxy=server.url)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(failing, trio.ClosedResourceError, meeting.accept)
                await trio.testing.wait_all_tasks_blocked()
                if close == "close":
                    meeting.close()
                else:
                    await meeting.aclose()
            with pytest.raises(OSError) as caught:
                await meeting.accept()
            assert caught.value.errno == errno.EBADF

    with Server() as server, nothing_left():
        run(main)
        server.wait_idle()


@pytest.mark.parametrize("how", ["close", "reset"])
def test_the_proxy_ends_the_wait(how: Any) -> None:
    async def main() -> None:
        meeting = await api.bind(proxy=server.url)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(failing, RemoteProtocolError, meeting.accept)
            await trio.testing.wait_all_tasks_blocked()
            await trio.to_thread.run_sync(server.hang_up, server.exchanges[0], how)
        assert meeting.fileno() == -1

    with Server() as server, nothing_left():
        run(main)
        server.wait_idle()


def test_closed_after_the_run() -> None:
    """trio is over, and nobody can wait any more; they are closed all the same."""

    async def main() -> None:
        kept.append(await api.bind(proxy=server.url))
        kept.append(await api.associate(proxy=server.url))

    kept: list[Any] = []
    with Server() as server, nothing_left():
        run(main)
        for resource in kept:
            resource.close()
        server.wait_idle()


def test_two_receive(echo: UdpEcho) -> None:
    async def main() -> None:
        with await api.associate(proxy=server.url) as sock:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(receive, sock)
                await trio.testing.wait_all_tasks_blocked()
                with pytest.raises(trio.BusyResourceError):
                    await sock.recv(10)
                await sock.sendto(b"x", echo.address)

    async def receive(sock: api.DatagramSocket) -> None:
        assert await sock.recvfrom(10) == (b"x", echo.address)

    with Server() as server, nothing_left():
        run(main)
        server.wait_idle()


def test_closing_wakes_who_receives() -> None:
    async def main() -> None:
        sock = await api.associate(proxy=server.url)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(failing, trio.ClosedResourceError, lambda: sock.recv(1))
            await trio.testing.wait_all_tasks_blocked()
            sock.close()
        sock.close()
        assert sock.fileno() == -1

    with Server() as server, nothing_left():
        run(main)
        server.wait_idle()


def test_the_association_ends_while_one_receives() -> None:
    async def main() -> None:
        with await api.associate(proxy=server.url) as sock:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(failing, ProxyConnectionError, lambda: sock.recv(1))
                await trio.testing.wait_all_tasks_blocked()
                await trio.to_thread.run_sync(server.hang_up, server.exchanges[0])
            with pytest.raises(ProxyConnectionError):
                await sock.sendto(b"x", ("127.0.0.1", 9))

    with Server() as server, nothing_left():
        run(main)
        server.wait_idle()


def test_a_datagram_socket_is_one_of_trios(echo: UdpEcho) -> None:
    async def main() -> None:
        with await api.associate(proxy=server.url) as sock:
            assert isinstance(sock, trio.socket.SocketType)
            await sock.wait_writable()
            assert await sock.sendto(b"x", echo.address) == 1
            assert await sock.recv(10) == b"x"

    with Server() as server, nothing_left():
        run(main)
        server.wait_idle()


# What blocks is done aside


def test_a_method_that_waits() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(open_and_close)
            await trio.to_thread.run_sync(method.begun.wait, 10)
            method.go_on.set()  # by this task, which goes on meanwhile

    async def open_and_close() -> None:
        dispose(await connect(method.proxy(server), target))

    method = Blocking()
    with deaf() as target, Server(methods=[0]) as server, nothing_left():
        run(main)
        server.wait_idle()


@pytest.mark.parametrize("how", ["timeout", "cancel"])
def test_a_method_that_takes_too_long(how: str) -> None:
    async def main() -> None:
        try:
            if how == "timeout":
                with pytest.raises(HandshakeTimeout) as caught:
                    await connect(method.proxy(server), timeout=0.1)
                assert caught.value.proxy == method.proxy(server)
            else:
                with trio.move_on_after(10) as scope:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(connect, method.proxy(server))
                        await trio.to_thread.run_sync(method.begun.wait, 10)
                        scope.cancel()
        finally:
            method.go_on.set()

    method = Blocking()
    with Server(methods=[0]) as server, nothing_left():
        run(main)
        server.wait_idle()


def test_names_looked_up_here_hold_nobody_up(
    echo: UdpEcho, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer = threading.Event(), threading.Event()

    def getaddrinfo(*args: Any) -> Any:
        asked.set()
        assert answer.wait(10)
        return [(2, 2, 17, "", echo.address)]

    name = ("name.test", echo.address[1])

    async def main() -> None:
        with await api.associate(proxy=f"socks5://{server.host}:{server.port}") as sock:
            for call in (
                lambda: sock.sendto(b"x", name),
                lambda: sock.sendto(b"x", 0, name),
                lambda: sock.sendmsg([b"x"], [], 0, name),
                lambda: sock.connect(name),
            ):
                asked.clear()
                answer.clear()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(call)
                    await trio.to_thread.run_sync(asked.wait, 10)
                    answer.set()  # by this task, which goes on meanwhile
            await sock.send(b"x")
            for _ in range(4):
                assert await sock.recvfrom(10) == (b"x", echo.address)

    monkeypatch.setattr("socks5client.tunnel.dial._getaddrinfo", getaddrinfo)
    with Server() as server, nothing_left():
        run(main)
        server.wait_idle()
