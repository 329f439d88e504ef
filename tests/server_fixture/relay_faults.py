"""What the relay does wrong to the datagrams for the client: each fault changes a stream of them.

`Server(relay_faults=[...])` applies them in order, so `[malformed("short"), duplicate()]` also
duplicates what is malformed. `times` limits a fault within one association.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from . import datagram


@dataclass(frozen=True)
class Packet:
    """One datagram for the client, header included."""

    data: bytes
    invented: bool = False
    """Sent by a fault on its own account."""
    spoofed: bool = False
    """To be sent from another socket than the relay's."""
    sealed: Sequence[bytes] | None = None
    """What it is when encapsulated, made in the order of the right packets."""


Transform = Callable[[Packet], Sequence[Packet]]

_ADDRESS = b"\x01\x7f\x00\x00\x01\x00\x50"
MALFORMED_HEADERS: dict[str, bytes] = {
    "empty": b"",
    "short": b"\0\0\0",
    "reserved": b"\0\x01\0" + _ADDRESS + b"data",
    "unknown-atyp": b"\0\0\0\x09" + _ADDRESS[1:] + b"data",
    "cut-address": b"\0\0\0" + _ADDRESS[:3],
    "empty-name": b"\0\0\0\x03\0\0\x50data",
    "bad-name": b"\0\0\0\x03\x06a\nb\0c\xff\0\x50data",
    "last-without-position": b"\0\0\x80" + _ADDRESS + b"data",
}


@dataclass(frozen=True)
class RelayFault:
    make: Callable[[], Transform]
    """A new transform for each association: some remember what they have seen."""
    times: int | None = None
    """Only the first so many times that it would apply."""

    def begin(self) -> Transform:
        transform, left = self.make(), self.times

        def limited(packet: Packet) -> Sequence[Packet]:
            nonlocal left
            if left == 0:
                return [packet]
            packets = transform(packet)
            # A packet held back for a later one is no application yet.
            if left is not None and packets is not HELD and packets != [packet]:
                left -= 1
            return packets

        return limited


HELD: tuple[Packet, ...] = ()
"""What a transform returns that will release the packet later."""


def duplicate(copies: int = 2, times: int | None = None) -> RelayFault:
    return RelayFault(lambda: lambda packet: [packet] * copies, times)


def reorder(window: int = 2, times: int | None = None) -> RelayFault:
    """Hold packets (fragments too) until there are `window`, then send them last first."""

    def make() -> Transform:
        held: list[Packet] = []

        def transform(packet: Packet) -> Sequence[Packet]:
            held.append(packet)
            if len(held) < window:
                return HELD
            released = held[::-1]
            held.clear()
            return released

        return transform

    return RelayFault(make, times)


def truncate_packet(length: int, times: int | None = None) -> RelayFault:
    """The first `length` bytes only, header included."""
    return RelayFault(
        lambda: lambda packet: [replace(packet, data=packet.data[:length], sealed=None)], times
    )


def malformed(kind: str, times: int | None = None) -> RelayFault:
    """One of MALFORMED_HEADERS before each packet."""
    extra = Packet(MALFORMED_HEADERS[kind], invented=True)
    return RelayFault(lambda: lambda packet: _preceded(packet, extra), times)


def lose(which: int | Callable[[bytes], bool] = 1, times: int | None = None) -> RelayFault:
    """Every `which`-th packet, or those of which the function says so."""

    def make() -> Transform:
        seen = 0

        def transform(packet: Packet) -> Sequence[Packet]:
            nonlocal seen
            seen += 1
            lost = seen % which == 0 if isinstance(which, int) else which(packet.data)
            return [] if lost else [packet]

        return transform

    return RelayFault(make, times)


def spoof(payload: bytes = b"spoofed", times: int | None = None) -> RelayFault:
    """Before each packet a well-formed one, with the same address, from another port."""

    def transform(packet: Packet) -> Sequence[Packet]:
        try:
            right = datagram.decode(packet.data)
            message = datagram.encode(right.host, right.port, payload)
        except datagram.Dropped:  # an earlier fault's work
            message = datagram.encode("0.0.0.0", 0, payload)
        return _preceded(packet, Packet(message, invented=True, spoofed=True))

    return RelayFault(lambda: transform, times)


def _preceded(packet: Packet, extra: Packet) -> Sequence[Packet]:
    return [packet] if packet.invented else [extra, packet]


def chain(faults: Iterable[RelayFault]) -> Callable[[Iterable[Packet]], Sequence[Packet]]:
    """The faults as one function, from right packets to what is sent instead."""
    transforms = [fault.begin() for fault in faults]

    def apply(right: Iterable[Packet]) -> Sequence[Packet]:
        packets = list(right)
        for transform in transforms:
            packets = [result for packet in packets for result in transform(packet)]
        return packets

    return apply
