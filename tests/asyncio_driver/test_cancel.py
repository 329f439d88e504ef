"""Cancelled at any await: nothing is left, and the proxy sees its connection closed."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

import socks5client.asyncio as api
from socks5client import Proxy
from tests.asyncio_driver.operations import OPERATIONS, create_connection, open_connection
from tests.server_fixture import Fault, Server, stall
from tests.test_scenarios_bind import come, contexts
from tests.tunnel.leftovers import nothing_left
from tests.tunnel.stalling import STAGES, deaf, stalled, wait_until_stalled

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.asyncio_driver.loops import Loops
    from tests.asyncio_driver.operations import Operation

HOW = pytest.mark.parametrize("how", ["cancel", "timeout"])


async def interrupt(how: str, call: Callable[[], Any], seen: Callable[[], Any]) -> None:
    """Awaits `call` and cancels that, in one way or another, as soon as `seen` returns."""
    begun = asyncio.Event()

    async def calling() -> None:
        begun.set()
        await call()

    async def bounded() -> None:
        async with asyncio.timeout(None) as limits[0]:
            await calling()

    limits: list[Any] = [None]
    task = asyncio.create_task(calling() if how == "cancel" else bounded())
    await begun.wait()
    await asyncio.to_thread(seen)
    assert not task.done()
    if how == "cancel":
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        limits[0].reschedule(asyncio.get_running_loop().time())
        with pytest.raises(TimeoutError) as caught:
            await task
        assert type(caught.value) is TimeoutError


@HOW
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_in_the_handshake(loops: Loops, operation: Operation, stage: str, how: str) -> None:
    async def main() -> None:
        await interrupt(how, lambda: operation(proxy), lambda: wait_until_stalled(server, stage))

    with stalled(stage) as (server, proxy), nothing_left():
        loops.run(main)
        server.wait_idle()


@HOW
@pytest.mark.parametrize("operation", [create_connection, open_connection])
def test_in_the_tls_handshake_of_the_destination(
    loops: Loops, operation: Operation, how: str
) -> None:
    async def main() -> None:
        await interrupt(
            how,
            lambda: operation(server.url, target, ssl=True),
            lambda: server.wait_for(lambda server: sum(e.bytes_up for e in server.exchanges)),
        )

    with deaf() as target, Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()


@HOW
def test_in_the_tls_handshake_of_the_proxy(loops: Loops, how: str) -> None:
    """The proxy takes the connection, and stalls before TLS has begun."""

    async def main() -> None:
        await interrupt(
            how,
            lambda: api.connect(("destination.test", 80), proxy=proxy),
            lambda: server.wait_for(lambda server: server.exchanges),
        )

    with Server(ssl_context=contexts()[0], faults=[Fault("accept", stall())]) as server:
        proxy = Proxy(server.host, server.port, tls=True, ssl_context=contexts()[1])
        with nothing_left():
            loops.run(main)
            server.wait_idle()


@HOW
@pytest.mark.parametrize("comes", [True, False])
def test_accept(loops: Loops, how: str, comes: bool) -> None:
    """The rendezvous stays, and is given up by its owner; with a peer whose reply is stalled."""

    async def main() -> None:
        async with await api.bind(proxy=server.url, timeout=5) as meeting:

            def seen() -> None:
                if comes:
                    come(meeting.address).close()
                    server.wait_for(lambda server: server.exchanges[-1].bound_peer)

            await interrupt(how, meeting.accept, seen)
            assert not server.exchanges[-1].closed
            await interrupt(how, meeting.accept, lambda: None)

    with Server(faults=[Fault("second-reply", stall())]) as server, nothing_left():
        loops.run(main)
        server.wait_idle()


@HOW
def test_while_a_name_is_looked_up(loops: Loops, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answer = threading.Event(), threading.Event()

    def getaddrinfo(*args: Any) -> Any:
        asked.set()
        assert answer.wait(10)
        return []

    async def main() -> None:
        for url in ("socks5h://proxy.test", "socks5://127.0.0.1:1"):
            asked.clear()
            answer.clear()
            await interrupt(
                how,
                lambda url=url: api.connect(("destination.test", 80), proxy=url),  # type: ignore[misc]
                lambda: asked.wait(10),
            )
            answer.set()

    monkeypatch.setattr("socks5client.tunnel.dial._getaddrinfo", getaddrinfo)
    with nothing_left():
        loops.run(main)


def test_a_task_group_whose_other_task_fails(loops: Loops) -> None:
    async def fail() -> None:
        await asyncio.to_thread(wait_until_stalled, server, "reply")
        raise LookupError

    async def main() -> None:
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                for operation in OPERATIONS.values():
                    group.create_task(as_a_coroutine(operation(proxy)))
        assert caught.value.subgroup(LookupError) is not None
        assert len(caught.value.exceptions) == 1

    def as_a_coroutine(awaitable: Any) -> Coroutine[Any, Any, Any]:
        coroutine: Coroutine[Any, Any, Any] = awaitable
        return coroutine

    with stalled("reply") as (server, proxy), nothing_left():
        loops.run(main)
        server.wait_idle()
