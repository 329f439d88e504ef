"""Nothing may be left of an operation that ended early: no descriptor, no thread."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvloop

from socks5client._pump import Pump

if TYPE_CHECKING:
    from collections.abc import Iterator

# How long the other threads (of the servers, of the library) may take to do their part.
_PATIENCE = 5.0


# At its first use it opens two descriptors that the process keeps.
uvloop.new_event_loop().close()


def fds() -> int:
    """How many descriptors this process has."""
    return len(os.listdir("/proc/self/fd"))


def threads() -> set[threading.Thread]:
    """The threads, without those that trio keeps for a while."""
    return {thread for thread in threading.enumerate() if "Trio thread" not in thread.name}


@contextmanager
def nothing_left() -> Iterator[None]:
    """After the block there are no more descriptors, and no other threads, than before it.

    Soon after: the other end of a connection is closed by another thread.
    """
    settle()
    fds_before, threads_before = fds(), threads()
    yield
    end = time.monotonic() + _PATIENCE
    while fds() > fds_before or threads() - threads_before:
        assert time.monotonic() < end, (fds(), fds_before, threads() - threads_before)
        settle()


def settle() -> None:
    """Waits for the background thread, which stays, to have done what it was asked for."""
    idle = threading.Event()
    Pump.current().call(idle.set)
    assert idle.wait(10)
