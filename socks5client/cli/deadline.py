"""-m and --connect-timeout: ends that a peer which drips bytes cannot put off."""

from __future__ import annotations

import time

from .exitcodes import Exit, TransferError
from .options.model import DEFAULT_CONNECT_TIMEOUT


class Deadline:
    """The ends of one transfer. Every wait of it asks here how long it may take.

    Parameters: `max_time`, seconds for all of it; `connect_timeout`, seconds for each connection
    up to the end of its TLS handshake, default curl's 300.
    """

    def __init__(self, max_time: float | None, connect_timeout: float | None) -> None:
        self._max_time = max_time
        self._connect_timeout = connect_timeout or DEFAULT_CONNECT_TIMEOUT
        self._start = time.monotonic()
        self._connect_end = 0.0

    def elapsed(self) -> float:
        """Seconds since the transfer began."""
        return time.monotonic() - self._start

    def left(self) -> float | None:
        """Seconds that -m leaves; None: no end. Raises TransferError where it has passed."""
        if self._max_time is None:
            return None
        left = self._max_time - self.elapsed()
        if left <= 0:
            raise self.too_late()
        return left

    def connecting(self) -> float:
        """Begins a connection; the seconds that it may take."""
        self._connect_end = time.monotonic() + self._connect_timeout
        return self.connect_left()

    def connect_left(self) -> float:
        """Seconds that the connection may take still. Raises TransferError where none are left."""
        left, connect_left = self.left(), self._connect_end - time.monotonic()
        if connect_left <= 0:
            raise TransferError(
                Exit.TIMEOUT, f"no connection within {self._connect_timeout:g} seconds"
            )
        return connect_left if left is None else min(left, connect_left)

    def too_late(self) -> TransferError:
        """What a wait raises that has taken all of the time."""
        return TransferError(
            Exit.TIMEOUT, f"the transfer did not end within {self._max_time or 0:g} seconds"
        )
