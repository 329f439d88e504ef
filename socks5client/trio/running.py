"""How trio runs a conversation: step by step, in the task that asks for it."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from ..protocol import Command
from ..recent import note_destination
from ..tunnel import open_tunnel as opening
from ..tunnel.dial import make_unblocking
from ..tunnel.waiting import Aside

if TYPE_CHECKING:
    import socket

    from ..protocol import Address
    from ..route import Chain
    from ..tunnel import Deadline, Tunnel
    from ..tunnel.waiting import Wait, Waiting

T = TypeVar("T")


async def run(steps: Waiting[T], deadline: Deadline | None = None) -> T:
    """What `steps` come to; `deadline` bounds all of it. They get a TimeoutError then."""
    end = inf if deadline is None else trio.current_time() + deadline.left()
    try:
        step = next(steps)
        while True:
            result = None
            try:
                with trio.CancelScope(deadline=end) as scope:
                    if isinstance(step, Aside):
                        result = await trio.to_thread.run_sync(
                            step.function, abandon_on_cancel=True
                        )
                    else:
                        await _wait(step)
                if scope.cancelled_caught:
                    raise TimeoutError("the deadline passed")
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as stop:
        returned: T = stop.value
        return returned


async def _wait(step: Wait) -> None:
    wait = trio.lowlevel.wait_writable if step.write else trio.lowlevel.wait_readable
    if len(step.socks) == 1 and step.pause is None:  # as a rule
        await wait(step.socks[0])
        return
    with trio.move_on_after(inf if step.pause is None else step.pause):
        async with trio.open_nursery() as nursery:
            for sock in step.socks:
                nursery.start_soon(_wait_first, wait, sock, nursery.cancel_scope)
            if not step.socks:
                await trio.sleep_forever()


async def _wait_first(wait: Any, sock: socket.socket, scope: trio.CancelScope) -> None:
    await wait(sock)
    scope.cancel()


def notify_closing(sock: socket.socket) -> None:
    """Whoever waits for `sock` gets a `trio.ClosedResourceError`; it is closed next."""
    if trio.lowlevel.in_trio_run() and sock.fileno() >= 0:
        trio.lowlevel.notify_closing(sock)


async def open_tunnel(
    chain: Chain,
    target: Address,
    deadline: Deadline | None,
    *,
    command: Command = Command.CONNECT,
    **options: Any,
) -> Tunnel:
    """As `socks5client.tunnel.open_tunnel`, whose other parameters are `options`."""
    await trio.lowlevel.checkpoint_if_cancelled()
    steps = opening(chain, target, make=make_unblocking, command=command, **options)
    tunnel = await run(steps, deadline)
    if command is Command.CONNECT:
        note_destination(chain, tunnel.address)
    return tunnel
