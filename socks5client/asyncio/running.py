"""How asyncio runs a conversation: on the callbacks of the loop, and one future for the end."""

from __future__ import annotations

import asyncio
import select
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ..protocol import Command
from ..recent import note_destination
from ..tunnel import open_tunnel as opening
from ..tunnel.dial import make_unblocking
from ..tunnel.stepper import Stepper

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol import Address
    from ..route import Chain
    from ..tunnel import Deadline, Tunnel
    from ..tunnel.waiting import Waiting

T = TypeVar("T")

# How long a thread may wait for a socket where the loop cannot, in seconds.
_TURN = 0.5


class _Stepper(Stepper):
    """Steps on the callbacks of `loop`: a task would take two turns of it for each of ours."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, steps: Waiting[Any], deadline: Deadline | None
    ) -> None:
        super().__init__(steps, deadline)
        self._loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()

    def _ended(self, result: Any, error: BaseException | None) -> None:
        if self.future.done():  # it has been cancelled, and nobody takes what there is
            if result is not None:
                result.close()
        elif error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)

    def _watch(self, fd: int, write: bool) -> None:
        try:
            if write:
                self._loop.add_writer(fd, self._go_on)
            else:
                self._loop.add_reader(fd, self._go_on)
        except NotImplementedError:  # Windows, with the loop that it has by default
            fds: tuple[list[int], list[int]] = ([], [fd]) if write else ([fd], [])
            self._aside(partial(select.select, *fds, fds[1], _TURN))

    def _unwatch(self, fd: int, write: bool) -> None:
        if self._loop.is_closed():
            return
        try:
            if write:
                self._loop.remove_writer(fd)
            else:
                self._loop.remove_reader(fd)
        except NotImplementedError:
            pass

    def _later(self, seconds: float, function: Callable[[], None]) -> asyncio.TimerHandle:
        return self._loop.call_later(seconds, function)

    def _aside(self, function: Callable[[], Any]) -> None:
        self._loop.run_in_executor(None, function).add_done_callback(self._return)

    def _return(self, future: asyncio.Future[Any]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            self._step(future.result())
        else:
            self._throw(error)


async def run(steps: Waiting[T], deadline: Deadline | None = None) -> T:
    """What `steps` come to; `deadline` bounds all of it."""
    stepper = _Stepper(asyncio.get_running_loop(), steps, deadline)
    stepper.start()
    try:
        result: T = await stepper.future
        return result
    except BaseException:
        stepper.abandon()
        future = stepper.future
        # The end and the cancellation may have come in the same turn of the loop.
        if future.done() and not future.cancelled() and future.exception() is None:
            future.result().close()
        raise


async def open_tunnel(
    chain: Chain,
    target: Address,
    deadline: Deadline | None,
    *,
    command: Command = Command.CONNECT,
    **options: Any,
) -> Tunnel:
    """As `socks5client.tunnel.open_tunnel`, whose parameters it takes."""
    steps = opening(chain, target, make=make_unblocking, command=command, **options)
    tunnel = await run(steps, deadline)
    if command is Command.CONNECT:
        note_destination(chain, tunnel.address)
    return tunnel
