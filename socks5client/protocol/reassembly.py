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
    waits, and the length the number of sequences. Raises ValueError for a `timeout` or a limit
    that is too low. Source: RFC 1928 section 7.
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
        """Takes `fragment`, arrived at `now` (seconds, of any clock that does not go back).

        Returns the datagram that it completes, or None. A standalone one is complete.
        """
        self.expire(now)
        source, position = fragment.address, fragment.position
        queue = self._queues.get(source)
        if not self._continues(fragment, queue):
            if queue is not None and position > 1 and queue.latest == fragment:
                self.dropped += 1  # the relay said it twice
                return None
            # 0 and 1 are lower than any position that waits, and begin anew; nothing else can.
            self._remove(source, dropped=True)
            if position == 0:
                return Datagram(source, fragment.payload)
            if position > 1 or len(fragment.payload) > MAX_PAYLOAD:
                self.dropped += 1
                return None
            if fragment.is_last:
                return Datagram(source, fragment.payload)
            queue = self._queues[source] = _Queue(now + self._timeout)
        assert queue is not None
        queue.latest = fragment
        queue.payloads.append(fragment.payload)
        if fragment.is_last:
            self._remove(source, dropped=False)
            return Datagram(source, b"".join(queue.payloads))
        queue.size += len(fragment.payload)
        self.pending_bytes += len(fragment.payload)
        while self.pending_bytes > self._max_bytes or len(self._queues) > self._max_sources:
            self._remove(next(iter(self._queues)), dropped=True)
        return None

    def peek(self, fragment: Fragment, now: float) -> Datagram | None:
        """What `receive` would return for `fragment` at `now`, in seconds; nothing changes."""
        source, position = fragment.address, fragment.position
        if position <= 1:
            if position == 0 or (fragment.is_last and len(fragment.payload) <= MAX_PAYLOAD):
                return Datagram(source, fragment.payload)
            return None
        queue = self._queues.get(source)
        if queue is None or queue.deadline <= now or not fragment.is_last:
            return None
        if not self._continues(fragment, queue):
            return None
        return Datagram(source, b"".join(queue.payloads) + fragment.payload)

    def expire(self, now: float) -> None:
        """Gives up the sequences whose time has run out at `now`, in seconds."""
        while self._queues:
            source, queue = next(iter(self._queues.items()))
            if queue.deadline > now:
                break
            self._remove(source, dropped=True)

    @staticmethod
    def _continues(fragment: Fragment, queue: _Queue | None) -> bool:
        """Whether it is the next one of the sequence that waits."""
        return (
            queue is not None
            and fragment.position == len(queue.payloads) + 1
            and queue.size + len(fragment.payload) <= MAX_PAYLOAD
        )

    def _remove(self, source: Address, *, dropped: bool) -> None:
        queue = self._queues.pop(source, None)
        if queue is not None:
            self.pending_bytes -= queue.size
            if dropped:
                self.dropped += len(queue.payloads)
