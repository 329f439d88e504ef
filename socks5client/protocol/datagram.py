"""UDP through a relay: the request header of every datagram, and fragments (RFC 1928 section 7)."""

from __future__ import annotations

from collections import namedtuple
from functools import lru_cache

from .address import Address, AddressType, wire_length

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

# What the header takes, by the type of the address; for a name it is the most. RFC 1928 says 20
# of IPv6 and counts only the address so; on the wire it takes 22.
HEADER_LENGTH: dict[AddressType, int] = {
    AddressType.IPV4: 10,
    AddressType.NAME: 262,
    AddressType.IPV6: 22,
}

# The most that a UDP datagram carries: 65535 bytes of it less its own header.
MAX_PAYLOAD = 65527
MAX_FRAGMENTS = 127

# Most packets come from few sources.
_decode_address = lru_cache(maxsize=256)(Address.decode)

_RESERVED = b"\0\0"
_STANDALONE = b"\0\0\0"
_LAST = 0x80


class Datagram(namedtuple("Datagram", ("address", "payload"))):
    """A whole datagram: `address`, where it goes to or came from; `payload`, bytes.

    Source: RFC 1928 section 7.
    """

    __slots__ = ()
    address: Address
    payload: bytes

    def encode(self) -> bytes:
        """The packet for the relay, standalone."""
        return header(self.address) + self.payload


class Fragment(namedtuple("Fragment", ("frag", "address", "payload"))):
    """One packet to or from the relay.

    `frag` is its FRAG: 0 for a standalone datagram, else the position, 1 to 127, with the high
    bit set on the last one. `address` and `payload` are as in `Datagram`. Source: RFC 1928
    section 7.
    """

    __slots__ = ()
    frag: int
    address: Address
    payload: bytes

    @property
    def position(self) -> int:
        """1 to 127; 0 for a standalone datagram."""
        return self.frag & ~_LAST

    @property
    def is_last(self) -> bool:
        """Whether it ends its sequence."""
        return self.frag > _LAST

    def encode(self) -> bytes:
        """RSV, FRAG, ATYP, DST.ADDR, DST.PORT, DATA."""
        return _RESERVED + bytes((self.frag,)) + self.address.encode() + self.payload

    @classmethod
    def decode(cls, packet: bytes) -> Self:
        """From `packet`. Raises ValueError, which names the rule, where it is malformed."""
        if len(packet) < 5:
            raise ValueError("the packet is shorter than any header")
        if packet[:2] != _RESERVED:
            raise ValueError(f"RSV is {packet[:2].hex()}, not zero")
        if packet[2] == _LAST:
            raise ValueError("FRAG says the last fragment, but not its position")
        end = 3 + wire_length(packet[3:5])
        if len(packet) < end:
            raise ValueError("the packet ends within its header")
        return cls(packet[2], _decode_address(packet[3:end]), packet[end:])


def header(address: Address) -> bytes:
    """What precedes the payload of a standalone datagram to `address` (RFC 1928 section 7)."""
    return _STANDALONE + address.encode()


def fragment(datagram: Datagram, size: int) -> list[Fragment]:
    """`datagram` in fragments of at most `size` bytes of payload; one standalone if it fits.

    Raises ValueError where `size` is not positive, or more than 127 fragments are wanted.
    Source: RFC 1928 section 7.
    """
    if size < 1:
        raise ValueError(f"a fragment of {size} bytes carries nothing")
    address, payload = datagram
    if len(payload) <= size:
        return [Fragment(0, address, payload)]
    pieces = [payload[start : start + size] for start in range(0, len(payload), size)]
    count = len(pieces)
    if count > MAX_FRAGMENTS:
        raise ValueError(
            f"{len(payload)} bytes in fragments of {size} are {count}; {MAX_FRAGMENTS} is the most"
        )
    fragments = [Fragment(number, address, piece) for number, piece in enumerate(pieces, 1)]
    fragments[-1] = fragments[-1]._replace(frag=count | _LAST)
    return fragments
