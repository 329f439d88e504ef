"""KeyboardInterrupt at each point of an operation at which the interpreter may raise it.

A signal is heard of only between certain instructions: at the beginning of a function, behind a
call, at the end of a round of a loop. `interrupted_at` raises it at one of those of the library's
own code, and `points` goes through all of them.
"""

from __future__ import annotations

import dis
import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import socks5client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType

_LIBRARY = str(Path(socks5client.__file__).parent) + os.sep
# Behind these the interpreter looks for signals.
_LOOKS = ("CALL", "RESUME", "JUMP_BACKWARD")
_NEVER = "PUSH_EXC_INFO", "RESUME"


@cache
def _instructions(code: CodeType) -> dict[int, tuple[str, object]]:
    """By its offset, what each is called and who handles its exceptions."""
    found = dis.Bytecode(code)
    return {
        instruction.offset: (
            instruction.opname,
            [e for e in found.exception_entries if e.start <= instruction.offset < e.end],
        )
        for instruction in found
    }


class _Interrupt:
    """A trace function that raises KeyboardInterrupt at the `number`th point."""

    def __init__(self, number: int) -> None:
        self._left = number
        self._last: dict[FrameType, tuple[str, object]] = {}
        self.where: str | None = None

    def enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(_LIBRARY):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self.step

    def step(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "return":
            self._last.pop(frame, None)
        if event != "opcode":
            return self.step
        name, handlers = _instructions(frame.f_code)[frame.f_lasti]
        last, before = self._last.get(frame, ("", None))
        self._last[frame] = name, handlers
        # What is raised here is handled as if it had been raised there.
        if last.startswith(_LOOKS) and name not in _NEVER and before == handlers:
            self._left -= 1
            if self._left == 0:
                self._last.clear()
                file = Path(frame.f_code.co_filename).name
                self.where = f"{file}, {frame.f_code.co_qualname}, behind {last}"
                self.where += f" of line {frame.f_lineno}"
                raise KeyboardInterrupt
        return self.step


def interrupted_at(number: int, operation: Callable[[], object]) -> str | None:
    """Does it, interrupted at the `number`th point (from 1): where that was, None past the end.

    AssertionError where what the operation raised was something else.
    """
    interrupt = _Interrupt(number)
    before = sys.gettrace()
    sys.settrace(interrupt.enter)
    try:
        operation()
    except KeyboardInterrupt:
        pass
    except Exception as error:
        sys.settrace(before)
        raise AssertionError(f"{error!r} came in place of it at {interrupt.where}") from error
    finally:
        sys.settrace(before)
    return interrupt.where


def points(operation: Callable[[], object]) -> Iterator[str]:
    """Interrupts `operation` at one point after the other; where it was, each time."""
    number = 1
    while (where := interrupted_at(number, operation)) is not None:
        yield where
        number += 1
