"""Cancelled at any checkpoint: nothing is left, and the proxy sees its connection closed."""

from __future__ import annotations

import ssl
import threading
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import trio

import socks5client.trio as api
from tests.origins import UdpEcho
from tests.server_fixture import Fault, Server, stall
from tests.test_scenarios_bind import come
from tests.trio_driver.operations import OPERATIONS, dispose, run
from tests.tunnel.leftovers import nothing_left
from tests.tunnel.stalling import STAGES, deaf, stalled, wait_until_stalled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.trio_driver.operations import Operation


async def interrupt(call: Callable[[], Awaitable[Any]], seen: Callable[[], Any]) -> None:
    """Awaits `call` and cancels that as soon as `seen` returns."""

    async def calling(task_status: Any) -> None:
        with trio.CancelScope() as scope:
            task_status.started(scope)
            await call()
        assert scope.cancelled_caught

    async with trio.open_nursery() as nursery:
        scope = await nursery.start(lambda task_status: calling(task_status))
        await trio.to_thread.run_sync(seen)
        scope.cancel()


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_in_the_handshake(operation: Operation, stage: str) -> None:
    async def main() -> None:
        await interrupt(lambda: operation(proxy), lambda: wait_until_stalled(server, stage))

    with stalled(stage) as (server, proxy), nothing_left():
        run(main)
        server.wait_idle()


def test_in_the_tls_handshake_of_the_destination() -> None:
    """It comes with the first use, so the stream is the caller's already."""

    async def main() -> None:
        stream = await api.open_ssl_over_tcp_stream(*target, proxy=server.url)
        await interrupt(
            stream.do_handshake,
            lambda: server.wait_for(lambda server: server.exchanges[0].bytes_up),
        )
        await trio.aclose_forcefully(stream)

    with deaf() as target, Server() as server, nothing_left():
        run(main)
        server.wait_idle()


@pytest.mark.parametrize("comes", [True, False])
def test_accept(comes: bool) -> None:
    async def main() -> None:
        async with await api.bind(proxy=server.url, timeout=5) as meeting:

            def seen() -> None:
                if comes:
                    come(meeting.address).close()
                    server.wait_for(lambda server: server.exchanges[-1].bound_peer)

            await interrupt(meeting.accept, seen)
            assert not server.exchanges[-1].closed
            await interrupt(meeting.accept, lambda: None)

    with Server(faults=[Fault("second-reply", stall())]) as server, nothing_left():
        run(main)
        server.wait_idle()


@pytest.mark.parametrize("url", ["socks5h://proxy.test", "socks5://127.0.0.1:1"])
def test_while_a_name_is_looked_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answer = threading.Event(), threading.Event()

    def getaddrinfo(*args: Any) -> Any:
        asked.set()
        assert answer.wait(10)
        return []

    async def main() -> None:
        try:
            await interrupt(
                lambda: api.connect(("destination.test", 80), proxy=url), lambda: asked.wait(10)
            )
        finally:
            answer.set()

    monkeypatch.setattr("socks5client.tunnel.dial._getaddrinfo", getaddrinfo)
    with nothing_left():
        run(main)


class Interruption(trio.abc.Instrument):
    """Cancels `scope` before the step of the number `at` of the task that runs in it."""

    def __init__(self) -> None:
        self.scope: trio.CancelScope | None = None
        self.task: trio.lowlevel.Task | None = None
        self.at = self.steps = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if task is self.task and self.scope is not None:
            if self.steps == self.at:
                self.scope.cancel()
            self.steps += 1

    async def sweep(self, call: Callable[[], Any], dispose: Callable[[Any], Any]) -> int:
        """Interrupts `call` at each of its steps; returns how many it has."""
        self.task = trio.lowlevel.current_task()
        for self.at in count(-1):
            self.steps = 0
            with trio.CancelScope() as scope:
                self.scope = scope
                if self.at < 0:
                    scope.cancel()  # before it begins
                dispose(await call())
            self.scope = None
            if not scope.cancelled_caught:
                return self.steps
        raise AssertionError


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_at_any_step(operation: Operation) -> None:
    async def main() -> None:
        steps = await interruption.sweep(lambda: operation(server.url, target), dispose)
        assert steps >= 2

    interruption = Interruption()
    with deaf() as target, Server() as server, nothing_left():
        run(main, interruption)
        server.wait_idle()


def test_accept_at_any_step() -> None:
    """A cancelled accept() leaves the rendezvous as it is: the next one has the peer."""

    async def main() -> None:
        async with await api.bind(proxy=server.url) as meeting:
            with come(meeting.address):
                await interruption.sweep(meeting.accept, lambda result: dispose(result[0]))

    interruption = Interruption()
    with Server() as server, nothing_left():
        run(main, interruption)
        server.wait_idle()


def test_datagrams_at_any_step() -> None:
    """No datagram is lost by a cancellation: it has arrived, or will be received."""

    async def main() -> None:
        with await api.associate(proxy=server.url) as sock:
            for number in range(30):
                await sock.sendto(bytes([number]), origin.address)
            received: list[bytes] = []
            while len(received) < 30:
                await interruption.sweep(lambda: sock.recv(10), received.append)
            assert received == [bytes([number]) for number in range(30)]

    interruption = Interruption()
    with UdpEcho() as origin, Server() as server, nothing_left():
        run(main, interruption)
        server.wait_idle()


def test_cancelled_before_it_begins() -> None:
    async def main() -> None:
        for operation in OPERATIONS.values():
            with trio.CancelScope() as scope:
                scope.cancel()
                await operation(server.url)
            assert scope.cancelled_caught
        assert server.exchanges == []

    with Server() as server, nothing_left():
        run(main)


def test_a_nursery_whose_other_task_fails() -> None:
    async def fail() -> None:
        await trio.to_thread.run_sync(wait_until_stalled, server, "reply")
        raise LookupError

    async def main() -> None:
        with pytest.raises(ExceptionGroup) as caught:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fail)
                for operation in OPERATIONS.values():
                    nursery.start_soon(operation, proxy)
        assert [type(error) for error in caught.value.exceptions] == [LookupError]

    with stalled("reply") as (server, proxy), nothing_left():
        run(main)
        server.wait_idle()


def test_a_context_that_cannot_be() -> None:
    """The stream is closed where its TLS cannot be made."""

    async def main() -> None:
        with pytest.raises(ssl.SSLError):
            await api.open_ssl_over_tcp_stream(
                *target, proxy=server.url, ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            )

    with deaf() as target, Server() as server, nothing_left():
        run(main)
        server.wait_idle()
