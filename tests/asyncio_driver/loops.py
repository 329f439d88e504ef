"""Event loops that are watched: whatever they log is a failure."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any, TypeVar

from tests.drivers.in_asyncio import runner

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


class Loops:
    """Runs a program as `asyncio.run` does, with `uvloop` on that.

    Nothing may be logged (such as an exception that was never retrieved), and no other task may
    be left when it returns.
    """

    def __init__(self, uvloop: bool) -> None:
        self.uvloop = uvloop

    def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        logged: list[dict[str, Any]] = []

        async def bounded() -> T:
            asyncio.get_running_loop().set_exception_handler(lambda _, said: logged.append(said))
            async with asyncio.timeout(15):
                result = await main()
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return result

        with runner(self.uvloop) as running:
            result = running.run(bounded())
            gc.collect()
        assert not logged, logged
        return result
