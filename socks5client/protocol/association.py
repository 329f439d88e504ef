"""One association's datagrams, sans-IO: packets for the relay, and back (RFC 1928 section 7)."""

from __future__ import annotations

import errno
from ipaddress import IPv4Address, IPv6Address, ip_address

from ..errors import RemoteProtocolError
from .address import Address, AddressType
from .datagram import HEADER_LENGTH, MAX_FRAGMENTS, MAX_PAYLOAD, Datagram, Fragment, fragment
from .reassembly import Reassembler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .messages import Reply

_BROADCAST = IPv4Address("255.255.255.255")

# The most that a UDP datagram carries over IPv4: 20 bytes go to the IP header.
MAX_PAYLOAD_IPV4 = MAX_PAYLOAD - 20


class Association:
    """What a UDP association does to datagrams.

    Parameters: `fragment_size`, the most payload bytes of a packet, beyond which a datagram is
    sent in fragments; None, the default, for never. `reassembler`, a `Reassembler` for what the
    relay sends in fragments.

    Both are attributes. A driver sends the packets of `send()` to the relay, and passes each
    that comes from the relay to `receive()`. `malformed` counts the packets that were none.
    Raises ValueError for a `fragment_size` below 1. Source: RFC 1928 section 7.
    """

    def __init__(
        self, fragment_size: int | None = None, reassembler: Reassembler | None = None
    ) -> None:
        self.fragment_size = fragment_size
        self.reassembler = Reassembler() if reassembler is None else reassembler
        self.malformed = 0

    @property
    def fragment_size(self) -> int | None:
        """The most payload bytes of a packet. Raises ValueError for what is below 1."""
        return self._fragment_size

    @fragment_size.setter
    def fragment_size(self, size: int | None) -> None:
        if size is not None and not 1 <= size <= MAX_PAYLOAD:
            raise ValueError(f"fragment_size {size} is outside 1 to {MAX_PAYLOAD}")
        self._fragment_size = size

    @property
    def dropped(self) -> int:
        """How many packets were dropped: malformed ones, and fragments that were given up."""
        return self.malformed + self.reassembler.dropped

    def send(self, address: Address, payload: bytes) -> list[bytes]:
        """The packets for a datagram to `address` that carries `payload`.

        Raises OSError with EMSGSIZE where it takes more than 127 fragments, or is too large for
        any UDP datagram.
        """
        size = len(payload) + 1 if self.fragment_size is None else self.fragment_size
        try:
            if len(payload) > largest_payload(address):
                raise ValueError(f"{len(payload)} bytes are too many for a UDP datagram")
            return [piece.encode() for piece in fragment(Datagram(address, payload), size)]
        except ValueError as error:
            raise OSError(errno.EMSGSIZE, str(error)) from None

    def receive(self, packet: bytes, now: float) -> Datagram | None:
        """The datagram that `packet` brings or completes, None where it does neither.

        `now` is in seconds, of any clock that does not go back. What is malformed is dropped
        and counted.
        """
        try:
            piece = Fragment.decode(packet)
        except ValueError:
            self.malformed += 1
            return None
        return self.reassembler.receive(piece, now)

    def peek(self, packet: bytes, now: float) -> Datagram | None:
        """What `receive` would return for `packet` at `now` (seconds); nothing is changed by it."""
        try:
            return self.reassembler.peek(Fragment.decode(packet), now)
        except ValueError:
            return None

    def max_datagram_size(self, address: Address | None, packet_size: int) -> int:
        """The most payload bytes of a datagram to `address`, or to any address (None).

        `packet_size` is the most that a packet to the relay may carry, header included. RFC 1928
        section 7.
        """
        room = max(0, packet_size - header_length(address))
        if self.fragment_size is not None and self.fragment_size <= room:
            room = MAX_FRAGMENTS * self.fragment_size
        return min(room, largest_payload(address))


def header_length(address: Address | None) -> int:
    """How much less than the system's buffers a user's datagrams have: the header's bytes.

    The most that one takes with the type of `address`, or with any (None). Source: RFC 1928
    section 7, whose 20 for IPv6 is 22 here.
    """
    return max(HEADER_LENGTH.values()) if address is None else HEADER_LENGTH[address.type]


def largest_payload(address: Address | None) -> int:
    """The most bytes of a UDP datagram to `address`: 65527, over IPv4 or to anybody 65507.

    Source: RFC 768, RFC 791; RFC 1928 has no limit of its own.
    """
    if address is None or address.type is AddressType.IPV4:
        return MAX_PAYLOAD_IPV4
    return MAX_PAYLOAD


def relay_address(reply: Reply, proxy: str) -> tuple[str, int]:
    """Where the relay is: BND of the `reply` to UDP ASSOCIATE, or its port at the proxy.

    `proxy` is the IP address that the proxy was reached at. It replaces what says nothing
    (zeros, a name, none), and what cannot be reached from here where the proxy can (a loopback
    address where its own is none, one that is not global where its own is), nor is one: a group
    (multicast), where datagrams would be everybody's. Raises RemoteProtocolError where there is
    no port. Source: RFC 1928 section 6, UDP ASSOCIATE.
    """
    if reply.port == 0:
        raise RemoteProtocolError("the reply to UDP ASSOCIATE has no port for the relay")
    bound = reply.bound
    if bound is None or not bound.is_usable:
        return proxy, reply.port
    here, there = _unmapped(proxy), _unmapped(bound.host)
    if (there.is_loopback and not here.is_loopback) or (here.is_global and not there.is_global):
        return proxy, reply.port
    return bound if any(there.packed) and not _is_group(there) else (proxy, reply.port)


def _is_group(address: IPv4Address | IPv6Address) -> bool:
    return address.is_multicast or address == _BROADCAST


def _unmapped(host: str) -> IPv4Address | IPv6Address:
    """An IP address; IPv4 mapped into IPv6 as itself, since only so its kind is known."""
    address = ip_address(host)
    return getattr(address, "ipv4_mapped", None) or address
