"""How asyncio runs a conversation: on the callbacks of the loop, and one future for the end."""

from __future__ import annotations

import asyncio
import errno
import select
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

    def interrupt(self, error: OSError) -> None:
        """The wait ends with `error`, if it is one: not a step that is being taken."""
        steps: Any = self._steps
        if steps is not None and not steps.gi_running and not self._loop.is_closed():
            self._throw(error)

    def _ended(self, result: Any, error: BaseException | None) -> None:
        if self.future.done():  # it has been cancelled
            _close(result)
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
            self._select(fd, write)

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

    def _return(self, call: asyncio.Future[Any]) -> None:
        if call.cancelled():
            return
        error = call.exception()
        if error is None:
            self._step(call.result())
        else:
            self._throw(error)

    def _select(self, fd: int, write: bool) -> None:
        """Watches in a thread, for a while; what is said of a step that is over means nothing."""
        self._keeps = False  # each step asks anew
        socks = self._socks
        fds: tuple[list[int], list[int]] = ([], [fd]) if write else ([fd], [])
        call = self._loop.run_in_executor(None, select.select, *fds, fds[1], _TURN)
        call.add_done_callback(
            lambda call: self._return(call) if socks is self._socks else _forget(call)
        )


class Waiters:
    """Who waits for something that may be closed meanwhile: for each purpose one at a time."""

    def __init__(self) -> None:
        self._steppers: dict[str, _Stepper] = {}

    async def run(self, purpose: str, steps: Waiting[T], deadline: Deadline | None = None) -> T:
        """As `run`. Raises RuntimeError where another task waits for the same `purpose`."""
        if purpose in self._steppers:
            raise RuntimeError(f"another task is waiting to {purpose}")
        stepper = self._steppers[purpose] = _Stepper(asyncio.get_running_loop(), steps, deadline)
        try:
            result: T = await _run(stepper)
            return result
        finally:
            del self._steppers[purpose]

    def end(self) -> None:
        """It is being closed: they get an OSError."""
        for stepper in list(self._steppers.values()):
            stepper.interrupt(OSError(errno.EBADF, "it was closed meanwhile"))


async def run(steps: Waiting[T], deadline: Deadline | None = None) -> T:
    """What `steps` come to; `deadline` bounds all of it."""
    result: T = await _run(_Stepper(asyncio.get_running_loop(), steps, deadline))
    return result


async def _run(stepper: _Stepper) -> Any:
    stepper.start()
    try:
        return await stepper.future
    except BaseException:
        stepper.abandon()
        future = stepper.future
        # The end and the cancellation may have come in the same turn of the loop.
        if future.done() and not future.cancelled() and future.exception() is None:
            _close(future.result())
        raise


def _forget(call: asyncio.Future[Any]) -> None:
    """Nobody asks how it ended."""
    if not call.cancelled():
        call.exception()


def _close(result: Any) -> None:
    """What nobody takes any more; not everything that steps come to is open."""
    if hasattr(result, "close"):
        result.close()


async def open_tunnel(
    chain: Chain,
    target: Address,
    deadline: Deadline | None,
    *,
    command: Command = Command.CONNECT,
    **options: Any,
) -> Tunnel:
    """As `socks5client.tunnel.open_tunnel`, whose other parameters are `options`."""
    steps = opening(chain, target, make=make_unblocking, command=command, **options)
    if command is not Command.CONNECT:
        return await run(steps, deadline)
    return await run_connect(chain, steps, deadline)


async def run_connect(chain: Chain, steps: Waiting[Tunnel], deadline: Deadline | None) -> Tunnel:
    """What `steps`, a CONNECT through `chain`, come to by `deadline`; its destination is noted."""
    tunnel = await run(steps, deadline)
    note_destination(chain, tunnel.address)
    return tunnel
