"""How fast a transfer may go (--limit-rate), and how slow (-Y, -y)."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from .exitcodes import Exit, TransferError

if TYPE_CHECKING:
    from .deadline import Deadline
    from .options import Options

# Bytes in one call, and how many calls a second at least where the rate is limited.
PIECE = 65536
_CALLS = 10

_DEFAULT_SPEED = 1  # bytes a second, where only -y is given
_DEFAULT_TIME = 30.0  # seconds, where only -Y is given

_GRAINS = 100  # into which the time is divided: one a call would be too many


class Lull:
    """-Y and -y: a transfer that brings fewer than `speed` bytes a second for `span` seconds ends.

    It counts from `begin` on; both directions together, as in curl.
    """

    def __init__(self, speed: int, span: float) -> None:
        self.speed = speed
        self.span = span
        self._begun: float | None = None
        self._passed: deque[tuple[float, int]] = deque()  # how much, until when
        self._sum = 0

    @classmethod
    def of(cls, options: Options) -> Lull | None:
        if options.speed_limit is None and options.speed_time is None:
            return None
        return cls(
            options.speed_limit or _DEFAULT_SPEED,
            options.speed_time or _DEFAULT_TIME,
        )

    def begin(self) -> None:
        """The data should flow from now on."""
        if self._begun is None:
            self._begun = time.monotonic()

    def passed(self, size: int) -> None:
        now = time.monotonic()
        self._sum += size
        if self._passed and now < self._passed[-1][0]:
            moment, before = self._passed.pop()
            self._passed.append((moment, before + size))
        else:
            self._passed.append((now + self.span / _GRAINS, size))

    def left(self) -> float | None:
        """Seconds until it is too slow, if nothing more passes; None: before `begin`."""
        if self._begun is None:
            return None
        now, least = time.monotonic(), self.speed * self.span
        while self._passed and self._passed[0][0] <= now - self.span:
            self._sum -= self._passed.popleft()[1]
        rest, end = self._sum, self._begun
        for moment, size in self._passed:  # when so much has left the window that too little is in
            if rest < least:
                break
            rest, end = rest - size, moment
        return max(end, self._begun) + self.span - now

    def error(self) -> TransferError:
        return TransferError(
            Exit.TIMEOUT,
            f"less than {self.speed} bytes a second in the last {self.span:g} seconds",
        )


class Meter:
    """What passes in both directions, told by whoever receives or sends.

    A protocol asks `portion` how much to receive or send at once, calls `begin` when it has asked
    for the data, and `received` or `sent` after each call; these sleep where --limit-rate says
    so (each direction has that rate for itself). What is too slow ends by the deadline: every
    wait of a transfer asks it.
    """

    def __init__(self, rate: int | None, deadline: Deadline) -> None:
        self._rate = rate
        self._deadline = deadline
        self._next = {"received": 0.0, "sent": 0.0}

    @property
    def portion(self) -> int:
        """How many bytes to receive or send at once, at most."""
        return PIECE if self._rate is None else max(1, min(PIECE, self._rate // _CALLS))

    def begin(self) -> None:
        """The data should flow from now on: -y counts."""
        if self._deadline.lull is not None:
            self._deadline.lull.begin()

    def received(self, size: int) -> None:
        """`size` bytes have come. Raises TransferError where -m ends the pause."""
        self._count("received", size)

    def sent(self, size: int) -> None:
        """`size` bytes have gone. Raises TransferError where -m ends the pause."""
        self._count("sent", size)

    def _count(self, direction: str, size: int) -> None:
        if self._deadline.lull is not None:
            self._deadline.lull.passed(size)
        if self._rate is None:
            return
        now = time.monotonic()
        self._next[direction] = max(self._next[direction], now) + size / self._rate
        self._deadline.sleep(self._next[direction] - now)
