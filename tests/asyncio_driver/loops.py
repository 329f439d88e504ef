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

    Nothing may be logged (such as an exception that was never retrieved), but what `tolerated`
    says, and no other task may be left when it returns.
    """

    def __init__(self, uvloop: bool) -> None:
        self.uvloop = uvloop

    def run(self, main: Callable[[], Coroutine[Any, Any, T]], tolerated: str = "\0") -> T:
        logged: list[dict[str, Any]] = []

        def log(loop: asyncio.AbstractEventLoop, said: dict[str, Any]) -> None:
            if tolerated not in str(said.get("exception")):
                logged.append(said)

        async def bounded() -> T:
            asyncio.get_running_loop().set_exception_handler(log)
            async with asyncio.timeout(15):
                result = await main()
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return result

        with runner(self.uvloop) as running:
            result = running.run(bounded())
            gc.collect()
        assert not logged, logged
        return result
