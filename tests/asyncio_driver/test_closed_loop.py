"""A loop that is closed in the middle of a call, without cancelling it."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest

import socks5client.asyncio as api
from tests.asyncio_driver.operations import OPERATIONS, associate
from tests.drivers.in_asyncio import runner
from tests.server_fixture import Server
from tests.tunnel.leftovers import nothing_left
from tests.tunnel.stalling import STAGES, stalled, wait_until_stalled

if TYPE_CHECKING:
    from tests.asyncio_driver.loops import Loops
    from tests.asyncio_driver.operations import Operation


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # see below
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
@pytest.mark.parametrize("stage", STAGES)
def test_the_loop_is_closed_meanwhile(loops: Loops, operation: Operation, stage: str) -> None:
    """The program is over: asyncio says that a task was destroyed, and that is all.

    What is left is a cycle, so it is the collector's affair whether the coroutine is ended first,
    and closes its socket, or the socket, which then says that it was not.
    """

    async def begin() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, said: logged.append(said))
        kept.append(asyncio.create_task(operation(proxy, timeout=10)))  # type: ignore[arg-type]
        await asyncio.to_thread(wait_until_stalled, server, stage)
        await asyncio.get_running_loop().shutdown_default_executor()

    kept: list[Any] = []
    logged: list[dict[str, Any]] = []
    with stalled(stage) as (server, proxy), nothing_left():
        loop = runner(loops.uvloop).get_loop()
        loop.run_until_complete(begin())
        loop.close()
        del loop
        kept.clear()
        gc.collect()
        server.wait_idle()
        assert {said["message"] for said in logged} <= {"Task was destroyed but it is pending!"}
        asyncio.set_event_loop(None)


def test_the_loop_is_closed_while_a_peer_is_waited_for(loops: Loops) -> None:
    async def begin() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        meeting = await api.bind(proxy=server.url)
        sock = await associate(server.url)
        kept.extend([meeting, sock])
        for call in (meeting.accept(10), sock.recv(1)):
            kept.append(asyncio.create_task(call))
        await asyncio.sleep(0)

    kept: list[Any] = []
    with Server() as server, nothing_left():
        loop = runner(loops.uvloop).get_loop()
        loop.run_until_complete(begin())
        loop.close()
        del loop
        for resource in kept[:2]:
            resource.close()
        kept.clear()
        gc.collect()
        server.wait_idle()
        asyncio.set_event_loop(None)
