"""What is to be done when the interpreter ends.

What a program has registered by then, after it imported the package, comes before: its
connections must work in there, whichever of our modules was imported later.
"""

from __future__ import annotations

import atexit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_calls: list[Callable[[], None]] = []


def at_exit(function: Callable[[], None]) -> None:
    """Has `function` called then, before those that were given earlier."""
    _calls.append(function)


def _run() -> None:
    for function in reversed(_calls):
        function()


atexit.register(_run)
