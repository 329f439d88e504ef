"""The reassembly queue and timer of RFC 1928 section 7; the time is an argument."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .datagram import Datagram

REASSEMBLY_TIMER = 5.0
"""Seconds from the first fragment on; the RFC's minimum."""


class Reassembly:
    """One client's fragments; `drop` is told of all that come to nothing.

    A sequence that lacks a fragment is given up at once: should that one come late, it is less
    than the highest processed, and starts the queue over.
    """

    def __init__(self, drop: Callable[[str], None]) -> None:
        self._drop = drop
        self._queue: list[Datagram] = []
        self._deadline = 0.0

    def receive(self, datagram: Datagram, now: float) -> tuple[Datagram, int] | None:
        """A whole datagram and its number of fragments, or None."""
        if self._queue and now >= self._deadline:
            self._abandon("timer")
        position = datagram.position
        if position == 0 and datagram.is_last:
            self._drop("FRAG 0x80: the last of no fragments")
            return None
        if position < len(self._queue) or position == 1 or not self._continues(datagram):
            # Also a second 1 in a row: joining two sequences would be worse than losing one.
            self._abandon(f"FRAG {datagram.frag:#04x} starts over")
        if position == 0:
            return datagram, 1
        if position == len(self._queue):
            self._drop(f"FRAG {datagram.frag:#04x}: a duplicate")
            return None
        if position > len(self._queue) + 1:
            self._abandon("gap")
            self._drop(f"FRAG {datagram.frag:#04x}: those before it are missing")
            return None
        return self._append(datagram, now)

    def _append(self, datagram: Datagram, now: float) -> tuple[Datagram, int] | None:
        if not self._queue:
            self._deadline = now + REASSEMBLY_TIMER
        self._queue.append(datagram)
        if not datagram.is_last:
            return None
        payload = b"".join(fragment.payload for fragment in self._queue)
        self._queue.clear()
        return replace(datagram, frag=0, payload=payload), datagram.position

    def _continues(self, datagram: Datagram) -> bool:
        first = self._queue[0] if self._queue else datagram
        return (first.host, first.port) == (datagram.host, datagram.port)

    def _abandon(self, why: str) -> None:
        if self._queue:
            self._drop(f"abandoned: {len(self._queue)} fragments, {why}")
            self._queue.clear()
