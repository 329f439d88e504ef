"""What wraps the bytes after a sub-negotiation (RFC 1928 section 3): one layer, or several."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol
else:
    Protocol = object


class Encapsulation(Protocol):
    """What a method does to everything that follows its sub-negotiation.

    Where one message takes only so many plain bytes, it has an attribute `chunk` that says how
    many. For UDP it is a `DatagramEncapsulation` as well. One that has an end of its own has
    an attribute `ended`, which becomes True with it: then nothing more comes, whether the
    connection has ended or not. One whose messages have a length has `unfinished`: whether a
    message has begun to arrive. Source: RFC 1928 sections 4 and 6.
    """

    def wrap(self, data: bytes) -> bytes:
        """The wire bytes for `data`."""
        ...

    def unwrap(self, data: bytes) -> bytes:
        """The plain bytes that `data`, the next piece of the wire, completes; b"" for none yet.

        Raises RemoteProtocolError for what cannot be unwrapped.
        """
        ...

    def finish(self) -> bytes:
        """What to send before the connection is half-closed; b"" where the method has nothing."""
        ...


class DatagramEncapsulation(Encapsulation, Protocol):
    """One that knows UDP, too (RFC 1928 section 7): each packet is wrapped by itself."""

    datagram_overhead: int  # what a packet grows by at most, in bytes

    def wrap_datagram(self, packet: bytes) -> bytes:
        """What to send for `packet`, which has its header."""
        ...

    def unwrap_datagram(self, packet: bytes) -> bytes:
        """What `packet` holds. Raises RemoteProtocolError for what cannot be unwrapped."""
        ...


def wrap(layers: Sequence[Encapsulation], data: bytes) -> bytes:
    """The wire bytes for `data`. Of `layers` the outermost, next to the wire, comes first.

    Source: RFC 1928 section 6.
    """
    for layer in reversed(layers):
        data = layer.wrap(data)
    return data


def unwrap(layers: Sequence[Encapsulation], data: bytes) -> bytes:
    """The plain bytes that `data` completes; for `layers` and the source see `wrap`."""
    for layer in layers:
        data = layer.unwrap(data)
    return data


def ended(layers: Sequence[Encapsulation]) -> bool:
    """Whether one of `layers` (see `wrap`) has said that nothing more comes."""
    return any(getattr(layer, "ended", False) for layer in layers)


def unfinished(layers: Sequence[Encapsulation]) -> bool:
    """Whether the connection, if it ended now, would end within a message of one of `layers`.

    For these see `wrap`.
    """
    return any(getattr(layer, "unfinished", False) for layer in layers)


def finish(layers: Sequence[Encapsulation]) -> bytes:
    """What to send before the connection is half-closed: each layer's end, in those around it.

    For `layers` see `wrap`.
    """
    data = b""
    for layer in reversed(layers):
        data = layer.wrap(data) + layer.finish()
    return data
