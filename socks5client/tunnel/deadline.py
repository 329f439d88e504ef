"""One absolute end for a whole operation."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket


# What bounds the wait for a proxy's answer where a socket is not to wait at all, in seconds.
PATIENCE = 30.0


# By how much a call may outlast the deadline, in seconds, before the socket is told anew: each
# time takes a system call.
_SLACK = 0.02


class Deadline:
    """One absolute end for a whole operation, on the monotonic clock.

    It is `timeout` seconds from `start` (of the monotonic clock), by default from now. Raises
    ValueError where that is negative.
    """

    __slots__ = ("_end", "_timeout")

    def __init__(self, timeout: float, start: float | None = None) -> None:
        if not timeout >= 0:
            raise ValueError(f"timeout {timeout} is negative")
        self._timeout = timeout
        self._end = (time.monotonic() if start is None else start) + timeout

    @classmethod
    def after(cls, timeout: float | None) -> Deadline | None:
        """In `timeout` seconds, None for no end. Raises ValueError where that is negative."""
        return None if timeout is None else cls(timeout)

    @classmethod
    def of_answer(cls, timeout: float | None) -> Deadline | None:
        """For a proxy's answer, which a socket with the `timeout` 0 has to wait for, too: 30 s.

        In `timeout` seconds otherwise, None for no end.
        """
        return cls.after(PATIENCE if timeout == 0 else timeout)

    def left(self) -> float:
        """How many seconds are left, 0 where it has passed."""
        return max(0.0, self._end - time.monotonic())

    def apply(self, sock: socket.socket) -> None:
        """Bounds the next call on `sock`. Raises TimeoutError where the end has passed."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline passed")
        told = sock.gettimeout()
        if told is None or not left <= told <= left + _SLACK:
            # The whole of it while it is new: the socket may keep that when all is done.
            sock.settimeout(self._timeout if self._timeout - left < _SLACK else left)


def is_timeout(error: OSError) -> bool:
    """Whether `error` says that the deadline passed; the system's own ETIMEDOUT has an errno."""
    return isinstance(error, TimeoutError) and error.errno is None
