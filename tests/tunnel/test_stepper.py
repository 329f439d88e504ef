"""Running a conversation on callbacks: `Stepper`, where no driver's test comes along."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

import socks5client.asyncio as api
from socks5client import HandshakeTimeout, Proxy, ProxyConnectionError
from socks5client.asyncio import running
from socks5client.tunnel import dial
from socks5client.tunnel.stepper import Stepper
from socks5client.tunnel.waiting import Aside, Wait
from tests.origins import Echo, UdpEcho, unused_address
from tests.server_fixture import Server
from tests.test_scenarios_bind import come
from tests.test_sync import addresses
from tests.tunnel.methods import Blocking
from tests.tunnel.stalling import blackhole, stalled

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from socks5client.tunnel.waiting import Waiting


class ByHand(Stepper):
    """Writes down what it is to wait for."""

    def __init__(self, steps: Waiting[Any]) -> None:
        super().__init__(steps)
        self.watched: list[int] = []
        self.ended: list[Any] = []

    def _watch(self, fd: int, write: bool) -> None:
        self.watched.append(fd)

    def _unwatch(self, fd: int, write: bool) -> None:
        self.watched.remove(fd)

    def _aside(self, function: Callable[[], Any]) -> None:
        raise RuntimeError("can't start new thread")

    def _ended(self, result: Any, error: BaseException | None) -> None:
        self.ended.append((result, error))


def test_what_cannot_be_done_aside_fails() -> None:
    """The conversation hears of it, and may do without."""

    def steps(tries: int) -> Waiting[str]:
        for _ in range(tries):
            try:
                yield Aside(dict)
            except RuntimeError:
                pass
        yield Aside(dict)
        return "unreachable"

    for tries in (0, 1, 5):
        stepper = ByHand(steps(tries))
        stepper.start()
        ((result, error),) = stepper.ended
        assert result is None
        assert isinstance(error, RuntimeError)
        assert not stepper.is_under_way


def test_abandoned() -> None:
    def steps() -> Waiting[None]:
        with socket.socket() as sock:
            fds.append(sock.fileno())
            yield Wait((sock,))

    fds: list[int] = []
    stepper = ByHand(steps())
    stepper.start()
    assert stepper.is_under_way
    assert stepper.watched == fds
    stepper.abandon()
    stepper.abandon()
    stepper._go_on()  # what was on its way
    stepper._throw(TimeoutError())
    assert not stepper.is_under_way
    assert (stepper.watched, stepper.ended) == ([], [])


# The loop that Windows has by default cannot watch sockets, so threads do.


class WithoutWatching(asyncio.SelectorEventLoop):
    def _unsupported(self, *args: Any) -> Any:
        raise NotImplementedError

    add_reader: Any = _unsupported
    add_writer: Any = _unsupported
    remove_reader: Any = _unsupported
    remove_writer: Any = _unsupported


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    logged: list[Any] = []

    async def bounded() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, said: logged.append(said))
        async with asyncio.timeout(10):
            await main()

    with asyncio.Runner(loop_factory=WithoutWatching) as runner:
        runner.run(bounded())
    assert logged == []


def test_connects_without_watching() -> None:
    async def main() -> None:
        sock = await api.connect(("name.test", 80), proxy=server.url_as(user_info="a:b@"))
        with sock:
            sock.setblocking(True)
            sock.sendall(b"x")
            assert sock.recv(1) == b"x"
        with pytest.raises(ProxyConnectionError, match="refused"):
            await api.connect(("name.test", 80), proxy="socks5h://{}:{}".format(*unused_address()))

    with Echo() as echo, Server(names={"name.test": echo.address}, users={"a": "b"}) as server:
        run(main)
        server.wait_idle()


def test_the_usual_exchange_without_watching() -> None:
    async def main() -> None:
        (await api.connect(echo.address, proxy=server.url)).close()

    with Echo() as echo, Server() as server:
        run(main)
        server.wait_idle()


def test_bind_and_udp_without_watching() -> None:
    async def main() -> None:
        async with await api.bind(proxy=server.url) as meeting:
            with pytest.raises(TimeoutError):
                await meeting.accept(0.05)
            accepting = asyncio.create_task(meeting.accept())
            with await asyncio.to_thread(come, meeting.address):
                (await accepting)[0].close()
        with await api.associate(proxy=server.url) as sock:
            await sock.sendto(b"x", origin.address)
            assert await sock.recv(1) == b"x"

    with UdpEcho() as origin, Server() as server:
        run(main)
        server.wait_idle()


def test_a_deadline_without_watching(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(running, "_TURN", 0.02)  # it asks several times
        with pytest.raises(HandshakeTimeout):
            await api.connect(("name.test", 80), proxy=proxy, timeout=0.1)

    with stalled("reply") as (server, proxy):
        run(main)
        server.wait_idle()


def test_a_race_without_watching(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that watch sockets of earlier steps come back later, and mean nothing."""

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(connect())
            await asyncio.to_thread(method.begun.wait, 10)
            await asyncio.sleep(5 * running._TURN)  # all those threads are back
            method.go_on.set()

    async def connect() -> None:
        (await api.connect(echo.address, proxy=proxy)).close()

    method = Blocking()
    with blackhole() as nowhere, Echo() as echo, Server(methods=[0]) as server:
        proxy = Proxy("proxy.test", auth=method)
        monkeypatch.setattr(running, "_TURN", 0.05)
        monkeypatch.setattr(dial, "_getaddrinfo", addresses(nowhere, nowhere, server.address))
        run(main)
        server.wait_idle()
