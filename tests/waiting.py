"""What one thread does while another one waits within a system call."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Numbers of futex(), by which a thread waits for a lock or for its turn in the interpreter.
_FUTEX = {"x86_64": "202", "aarch64": "98"}


class Call:
    """`function()` in a thread of its own; `result()` is what it comes to."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._future: Future[Any] = Future()
        self._function = function
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._future.set_result(self._function())
        except BaseException as error:
            self._future.set_exception(error)

    def result(self, timeout: float = 10) -> Any:
        """What it returned, or raises what it raised; TimeoutError where it takes too long."""
        result = self._future.result(timeout)
        self._thread.join(timeout)
        return result

    def outcome(self, timeout: float = 10) -> Any:
        """What it returned; of an OSError the class and the number."""
        try:
            return self.result(timeout)
        except OSError as error:
            assert self._future.done(), "it still waits"
            return type(error), error.errno

    def is_waiting(self) -> bool:
        """Whether it is in a system call that is no business of the interpreter's."""
        file = Path(f"/proc/self/task/{self._thread.native_id}/syscall")
        number = file.read_text().split()[0]
        return number != "running" and number != _FUTEX.get(os.uname().machine)

    def wait_until_waiting(self) -> None:
        """Blocks until it waits: several looks in a row, for a call that takes no time."""
        end = time.monotonic() + 10
        looks = 0
        while looks < 20:
            assert time.monotonic() < end, "it does not wait"
            assert not self._future.done(), self._future
            looks = looks + 1 if self.is_waiting() else 0
            time.sleep(0)  # its turn
