"""Ctrl-C and SIGTERM: the command dies of them, at once and in silence, as curl does.

Files are written without a buffer, so what has arrived is kept for -C -. Whoever started the
command sees the signal in its status (a shell: 130, 143).
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_DEADLY = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
)


def die_of_signals() -> None:
    """From now on the system ends this process, wherever it waits; no Python is run for that.

    A signal that was ignored from the beginning (nohup) stays so.
    """
    for number in _DEADLY:
        if signal.getsignal(number) not in (signal.SIG_IGN, None):
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def restoring(restore: Callable[[], None]) -> Iterator[None]:
    """While this lasts, `restore` is called before the process dies: the terminal's cursor.

    Where somebody else handles the signals (a program that calls `main`), nothing is done.
    """

    def die(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        try:
            restore()
        finally:
            os.kill(os.getpid(), number)

    taken = [number for number in _DEADLY if signal.getsignal(number) == signal.SIG_DFL]
    for number in taken:
        signal.signal(number, die)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
