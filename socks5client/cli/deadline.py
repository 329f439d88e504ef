"""-m, --connect-timeout and -y: ends that a peer which drips bytes cannot put off."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .exitcodes import Exit, TransferError
from .options.model import DEFAULT_CONNECT_TIMEOUT

if TYPE_CHECKING:
    from .meter import Lull


class Deadline:
    """The ends of one transfer. Every wait of it asks here how long it may take.

    Parameters: `max_time`, seconds for all of it; `connect_timeout`, seconds for each connection
    up to the end of its TLS handshake, default curl's 300; `lull`, what is too slow.
    """

    def __init__(
        self,
        max_time: float | None,
        connect_timeout: float | None,
        lull: Lull | None = None,
    ) -> None:
        self.lull = lull
        self._max_time = max_time
        self._connect_timeout = connect_timeout or DEFAULT_CONNECT_TIMEOUT
        self._start = time.monotonic()
        self._connect_end = 0.0

    def begin(self) -> None:
        """The transfer begins now: what the program needed before is no time of its."""
        self._start = time.monotonic()

    def elapsed(self) -> float:
        """Seconds since the transfer began."""
        return time.monotonic() - self._start

    def left(self) -> float | None:
        """Seconds that are left; None: no end. Raises TransferError where none are."""
        left, lull_left = self._time_left(), self._lull_left()
        if lull_left is not None and (left is None or lull_left < left):
            left = lull_left
        if left is not None and left <= 0:
            raise self.too_late()
        return left

    def sleep(self, seconds: float) -> None:
        """Raises TransferError where -m ends it; to be slow on purpose is no lull."""
        left = self._time_left()
        time.sleep(max(0.0, seconds if left is None else min(seconds, left)))
        if left is not None and left <= seconds:
            raise self._too_long()

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
        left, lull_left = self._time_left(), self._lull_left()
        if self.lull is not None and lull_left is not None and (left is None or lull_left < left):
            return self.lull.error()
        return self._too_long()

    def _too_long(self) -> TransferError:
        return TransferError(
            Exit.TIMEOUT, f"the transfer did not end within {self._max_time or 0:g} seconds"
        )

    def _time_left(self) -> float | None:
        return None if self._max_time is None else self._max_time - self.elapsed()

    def _lull_left(self) -> float | None:
        return None if self.lull is None else self.lull.left()
