"""How the blocking driver runs a conversation: its sockets wait within their own calls."""

from __future__ import annotations

import errno
import os
import selectors
import time

from ..tunnel.waiting import Aside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from ..tunnel.deadline import Deadline
    from ..tunnel.waiting import Wait, Waiting

    T = TypeVar("T")

# One that takes no descriptor, where the system has it.
_Selector: Any = getattr(selectors, "PollSelector", selectors.SelectSelector)


def run(steps: Waiting[T], deadline: Deadline | None = None, *, block: bool = True) -> T:
    """What `steps` come to; `deadline` bounds what they wait for.

    They get a TimeoutError where it has passed, and without `block` a BlockingIOError where they
    would have to wait.
    """
    try:
        step = next(steps)  # which comes to the end, as a rule
        while True:
            result = None
            try:
                if isinstance(step, Aside):
                    result = step.function()
                else:
                    _wait(step, deadline, block)
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as stop:
        returned: T = stop.value
        return returned


def _wait(step: Wait, deadline: Deadline | None, block: bool) -> None:
    if not block:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    pause = step.pause
    if deadline is not None:
        left = deadline.left()
        if left == 0:
            raise TimeoutError("the deadline passed")
        pause = left if pause is None else min(left, pause)
    if not step.socks:
        time.sleep(pause or 0)
        return
    with _Selector() as selector:
        for sock in step.socks:
            if sock.fileno() < 0:  # another thread has closed it
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            selector.register(sock, selectors.EVENT_WRITE if step.write else selectors.EVENT_READ)
        selector.select(pause)
