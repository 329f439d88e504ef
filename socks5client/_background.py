"""Runs a conversation in the background thread, for those who must not wait for it."""

from __future__ import annotations

import select
import threading
from functools import partial

from ._pump import Pump
from .tunnel.stepper import Stepper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._pump import Timer
    from .tunnel import Deadline
    from .tunnel.waiting import Waiting


class Background(Stepper):
    """Goes through `steps` in the thread; `ended` is called there with the result or the error."""

    _keeps = False

    def __init__(
        self,
        steps: Waiting[Any],
        deadline: Deadline | None,
        ended: Callable[[Any, BaseException | None], None],
    ) -> None:
        super().__init__(steps, deadline)
        self._pump = Pump.current()
        self._tell = ended

    def begin(self) -> None:
        """Starts it; from any thread."""
        self._pump.call(self.start)

    def cancel(self) -> None:
        """Ends it before its end; from any thread."""
        self._pump.call(self.abandon)

    def _ended(self, result: Any, error: BaseException | None) -> None:
        self._tell(result, error)

    def _watch(self, fd: int, write: bool) -> None:
        mask = select.POLLOUT if write else select.POLLIN
        self._pump.register(fd, mask, lambda mask: self._go_on())

    def _unwatch(self, fd: int, write: bool) -> None:
        self._pump.unregister(fd)

    def _later(self, seconds: float, function: Callable[[], None]) -> Timer:
        return self._pump.later(seconds, function)

    def _aside(self, function: Callable[[], Any]) -> None:
        threading.Thread(target=self._do_aside, args=(function,), daemon=True).start()

    def _do_aside(self, function: Callable[[], Any]) -> None:
        try:
            result = function()
        except BaseException as error:
            self._pump.call(partial(self._throw, error))
        else:
            self._pump.call(partial(self._step, result))
