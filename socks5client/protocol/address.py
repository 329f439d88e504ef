"""Addresses on the wire: ATYP, ADDR and PORT (RFC 1928 section 5).

One rule, one place: what a host may be, how it is encoded, and how long it is on the
wire. TCP requests, replies and UDP headers all use it.
"""

from __future__ import annotations

from collections import namedtuple
from enum import IntEnum
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from operator import index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self


class AddressType(IntEnum):
    """ATYP, RFC 1928 section 5."""

    IPV4 = 0x01
    NAME = 0x03
    IPV6 = 0x04


class Address(namedtuple("Address", ("host", "port"))):
    """A host and a port, validated.

    Parameters: `host`, an IPv4 or IPv6 literal or a name of 1 to 255 bytes once encoded
    (a name outside ASCII is encoded by IDNA 2008 where the `idna` package is there, else by
    the standard library's IDNA 2003); `port`, 0 to 65535.

    Raises ValueError for anything else, TypeError where `host` is no str or `port` no int.

    It is a tuple, so it can be passed wherever ("host", port) can. `host` is normalised:
    IP literals to their canonical text, names to ASCII. Source: RFC 1928 section 5.
    """

    __slots__ = ()
    host: str
    port: int

    def __new__(cls, host: str, port: int) -> Self:
        if not isinstance(host, str):
            raise TypeError(f"host must be a str, not {type(host).__name__}")
        try:
            port = index(port)
        except TypeError:
            raise TypeError(f"port must be an int, not {type(port).__name__}") from None
        if not 0 <= port <= 0xFFFF:
            raise ValueError(f"port {port} is outside 0 to 65535")
        return tuple.__new__(cls, (_pack(host)[1], port))

    @classmethod
    def from_tuple(cls, address: tuple[str | bytes, int] | tuple[str, int, int, int]) -> Address:
        """From an `address` as the `socket` module takes it: (host, port), or the four of IPv6.

        The flow label and the scope of an IPv6 address have no place in the protocol and
        are left out. Raises TypeError for another shape, ValueError as the constructor does.
        """
        if not isinstance(address, tuple) or len(address) not in (2, 4):
            raise TypeError(f"an address is a tuple (host, port), not {address!r}")
        host, port = address[0], address[1]
        if type(host) is str and type(port) is int:
            return _made(host, port)
        if isinstance(host, (bytes, bytearray)):
            try:
                host = host.decode("ascii")
            except UnicodeDecodeError:
                raise ValueError(f"host {host!r} is not ASCII; pass a str") from None
        return cls(host, port)

    def to_tuple(self) -> tuple[str, int] | tuple[str, int, int, int]:
        """As the `socket` module gives an address: (host, port), of IPv6 the four."""
        return (self.host, self.port, 0, 0) if ":" in self.host else (self.host, self.port)

    @property
    def type(self) -> AddressType:
        """The ATYP that the host takes on the wire."""
        return _pack(self.host)[0]

    @property
    def is_usable(self) -> bool:
        """Whether it names an endpoint: an IP literal other than all zeros, and a port."""
        kind, _, wire = _pack(self.host)
        return kind is not AddressType.NAME and self.port != 0 and any(wire[1:])

    def encode(self) -> bytes:
        """ATYP, ADDR and PORT: 7 bytes for IPv4, 19 for IPv6, 4 to 259 for a name."""
        return _pack(self.host)[2] + self.port.to_bytes(2, "big")

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The address that `data` (ATYP, ADDR, PORT; exactly `wire_length` bytes) says.

        Raises ValueError where it is none: a name that is empty or not printable ASCII.
        """
        port = int.from_bytes(data[-2:], "big")
        if data[0] == AddressType.IPV4:
            host = ".".join(map(str, data[1:5]))  # a quarter of IPv4Address's time
        elif data[0] == AddressType.IPV6:
            host = str(IPv6Address(data[1:17]))
        else:
            return cls(data[2:-2].decode("ascii"), port)
        return tuple.__new__(cls, (host, port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@lru_cache(maxsize=1024)
def _made(host: str, port: int) -> Address:
    """The address of them: most programs use a few again and again."""
    return Address(host, port)


def wire_length(head: bytes) -> int:
    """How many bytes ATYP, ADDR and PORT take together.

    `head` is ATYP and the octet behind it, which is a name's length. Raises ValueError for
    an ATYP that RFC 1928 does not know.
    """
    kind = head[0]
    length = _WIRE_LENGTHS.get(kind)
    if length is not None:
        return length
    if kind == AddressType.NAME:
        return 1 + 1 + head[1] + 2
    raise ValueError(f"unknown address type {kind:#04x}")


_WIRE_LENGTHS: dict[int, int] = {AddressType.IPV4: 1 + 4 + 2, AddressType.IPV6: 1 + 16 + 2}


@lru_cache(maxsize=1024)
def _pack(host: str) -> tuple[AddressType, str, bytes]:
    """What `host` is, its normal form, and its ATYP and ADDR."""
    if not host:
        raise ValueError("host is empty")
    for char in host:
        # Control characters and spaces are in no host; in a log they forge lines.
        if char <= " " or char == "\x7f":
            raise ValueError(f"host {host!r} has the character {char!r}")
    if ":" in host:
        try:
            ipv6 = IPv6Address(host)
        except AddressValueError:
            raise ValueError(f"host {host!r} is not an IPv6 address") from None
        if ipv6.scope_id is not None:
            raise ValueError(f"host {host!r} has a zone, which means nothing to a proxy")
        return AddressType.IPV6, str(ipv6), bytes((AddressType.IPV6,)) + ipv6.packed
    if not host.isascii():
        return _pack(_to_ascii(host))
    try:
        ipv4 = IPv4Address(host)
    except AddressValueError:
        name = host.encode("ascii")
        if len(name) > 255:
            raise ValueError(
                f"host {host[:40] + '...'!r} is {len(name)} bytes long, 255 is the most"
            ) from None
        return AddressType.NAME, host, bytes((AddressType.NAME, len(name))) + name
    return AddressType.IPV4, str(ipv4), bytes((AddressType.IPV4,)) + ipv4.packed


def _to_ascii(host: str) -> str:
    try:
        try:
            import idna
        except ImportError:
            return host.encode("idna").decode("ascii")
        return idna.encode(host, uts46=True).decode("ascii")
    except UnicodeError as error:
        raise ValueError(f"host {host[:80]!r} is not an internationalised name: {error}") from None
