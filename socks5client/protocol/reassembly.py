"""Reassembly of fragments (RFC 1928 section 7), in bounded memory; time is an argument.

The protocol gives a sequence of fragments no number, so only the order tells what belongs
together: whatever is not the next one of its source ends the sequence. Fragments of one datagram
so give that datagram or nothing, whatever happens to them on the way. Of several from one source
the same holds as long as each one's first fragment arrives after all of the one before: where
a relay or a network breaks that, nobody could tell.
"""

from __future__ import annotations

from .datagram import MAX_PAYLOAD, Datagram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .address import Address
    from .datagram import Fragment

MIN_TIMEOUT = 5.0


class _Queue:
    """The fragments of one source so far: positions 1 to `len(payloads)`."""

    __slots__ = ("deadline", "latest", "payloads", "size")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.payloads: list[bytes] = []
        self.size = 0
        self.latest: Fragment | None = None


class Reassembler:
    """Datagrams from fragments.

    Parameters: `timeout`, seconds that a sequence may take from its first fragment on, at least
    5; `max_bytes`, the most payload that waits for its rest, in all; `max_sources`, the most
    sequences, one for each source. Beyond either the oldest sequence is given up.

    `dropped` counts the fragments that were given up; `pending_bytes` is the payload that
    waits, and the length the number of sequences. Source: RFC 1928 section 7.
    """

    def __init__(
        self, timeout: float = MIN_TIMEOUT, *, max_bytes: int = 1 << 20, max_sources: int = 64
    ) -> None:
        if not timeout >= MIN_TIMEOUT:
            raise ValueError(f"reassembly timeout {timeout} is below {MIN_TIMEOUT:g} s (RFC 1928)")
        if max_bytes < MAX_PAYLOAD or max_sources < 1:
            raise ValueError(f"reassembly needs {MAX_PAYLOAD} bytes and one source at least")
        self.dropped = 0
        self.pending_bytes = 0
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._max_sources = max_sources
        self._queues: dict[Address, _Queue] = {}  # in the order of their deadlines

    def __len__(self) -> int:
        return len(self._queues)

    def receive(self, fragment: Fragment, now: float) -> Datagram | None:
        """Takes a fragment that arrived at `now` (seconds, of any clock that does not go back).

        Returns the datagram that it completes, or None. A standalone one is complete.
        """
        self.expire(now)
        datagram = self.peek(fragment, now)
        source = fragment.address
        queue = self._queues.get(source)
        if datagram is not None:
            # What it interrupts is abandoned: 0 and 1 are lower than any position that waits.
            self._remove(source, dropped=fragment.position <= 1)
            return datagram
        if queue is not None and queue.latest == fragment and fragment.position > 1:
            self.dropped += 1  # the relay said it twice
            return None
        if not self._is_next(fragment, queue):
            self._remove(source, dropped=True)
            self.dropped += 1
            return None
        if fragment.position == 1:
            self._remove(source, dropped=True)
            queue = self._queues[source] = _Queue(now + self._timeout)
        assert queue is not None
        queue.latest = fragment
        queue.payloads.append(fragment.payload)
        queue.size += len(fragment.payload)
        self.pending_bytes += len(fragment.payload)
        while self.pending_bytes > self._max_bytes or len(self._queues) > self._max_sources:
            self._remove(next(iter(self._queues)), dropped=True)
        return None

    def peek(self, fragment: Fragment, now: float) -> Datagram | None:
        """What `receive` would return; nothing changes."""
        if fragment.position == 0:
            return Datagram(fragment.address, fragment.payload)
        queue = self._queues.get(fragment.address)
        if not fragment.is_last or not self._is_next(fragment, queue):
            return None
        if fragment.position == 1:
            return Datagram(fragment.address, fragment.payload)
        assert queue is not None
        if queue.deadline <= now:
            return None
        return Datagram(fragment.address, b"".join(queue.payloads) + fragment.payload)

    def expire(self, now: float) -> None:
        """Gives up the sequences whose time has run out at `now`."""
        while self._queues:
            source, queue = next(iter(self._queues.items()))
            if queue.deadline > now:
                break
            self._remove(source, dropped=True)

    @staticmethod
    def _is_next(fragment: Fragment, queue: _Queue | None) -> bool:
        """Whether it begins a sequence, or continues that of its source."""
        if fragment.position == 1:
            return len(fragment.payload) <= MAX_PAYLOAD
        if queue is None or fragment.position != len(queue.payloads) + 1:
            return False
        return queue.size + len(fragment.payload) <= MAX_PAYLOAD

    def _remove(self, source: Address, *, dropped: bool) -> None:
        queue = self._queues.pop(source, None)
        if queue is not None:
            self.pending_bytes -= queue.size
            if dropped:
                self.dropped += len(queue.payloads)
