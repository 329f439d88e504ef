"""What runs async functions: asyncio, with its own event loop and with uvloop, and trio."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import trio
import uvloop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    Run = Callable[[Callable[[], Awaitable[Any]]], Any]


uvloop.new_event_loop().close()  # the first one opens files that stay


def on_asyncio(main: Callable[[], Awaitable[Any]], loop: Any = None) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(20):
            result = await main()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(bounded())


def on_trio(main: Callable[[], Awaitable[Any]]) -> Any:
    async def bounded() -> Any:
        with trio.fail_after(20):
            return await main()

    return trio.run(bounded)


LIBRARIES: dict[str, Run] = {
    "asyncio": on_asyncio,
    "uvloop": partial(on_asyncio, loop=uvloop.new_event_loop),
    "trio": on_trio,
}


@contextmanager
def nothing_left_open() -> Iterator[None]:
    """No more files are open in the end than before, once the servers here have seen the end."""
    before = os.listdir("/proc/self/fd")
    yield
    end = time.monotonic() + 5
    while len(os.listdir("/proc/self/fd")) > len(before):
        assert time.monotonic() < end
        os.sched_yield()
