"""The messages of RFC 1928: method offer and selection, request and reply.

Values that know their own bytes. Codes are plain ints where a peer chooses them, so that
an unknown one is a value like any other and never an exception out of a parser.
"""

from __future__ import annotations

from collections import namedtuple
from enum import IntEnum

from ..errors import RemoteProtocolError
from .address import Address, wire_length

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

VERSION = 0x05


class Method(IntEnum):
    """Authentication methods, RFC 1928 section 3; 03-7F are IANA's, 80-FE private."""

    NO_AUTHENTICATION = 0x00
    GSSAPI = 0x01
    USERNAME_PASSWORD = 0x02
    NO_ACCEPTABLE = 0xFF


class Command(IntEnum):
    """CMD of a request, RFC 1928 section 4; the last two are Tor's (its socks-extensions).

    The reply to RESOLVE has a name's address as BND.ADDR, that to RESOLVE_PTR an address's name.
    """

    CONNECT = 0x01
    BIND = 0x02
    UDP_ASSOCIATE = 0x03
    RESOLVE = 0xF0
    RESOLVE_PTR = 0xF1


class MethodOffer(namedtuple("MethodOffer", ("methods",))):
    """Client to proxy: the `methods` (ints 0 to 254) it would use, preferred first.

    Source: RFC 1928 section 3.
    """

    __slots__ = ()
    methods: tuple[int, ...]

    def encode(self) -> bytes:
        """VER, NMETHODS, METHODS."""
        return bytes((VERSION, len(self.methods), *self.methods))


class MethodSelection(namedtuple("MethodSelection", ("method",))):
    """Proxy to client: the `method` it chose, 0xFF for none. Source: RFC 1928 section 3."""

    __slots__ = ()
    method: int

    LENGTH = 2

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From `data`, VER and METHOD. Raises RemoteProtocolError for another version."""
        if data[0] != VERSION:
            raise _wrong_version("the method selection", data, "; is it a SOCKS5 proxy?")
        return cls(data[1])


class Authenticated(namedtuple("Authenticated", ("method",))):
    """The sub-negotiation of `method` ended well: no message (RFC 1928 has none), but traced."""

    __slots__ = ()
    method: int


class Request(namedtuple("Request", ("command", "address"))):
    """Client to proxy: `command`, a `Command` or another int; `address`, its DST.

    Source: RFC 1928 section 4.
    """

    __slots__ = ()
    command: int
    address: Address

    def encode(self) -> bytes:
        """VER, CMD, RSV, ATYP, DST.ADDR, DST.PORT."""
        return bytes((VERSION, self.command, 0)) + self.address.encode()


class Reply(namedtuple("Reply", ("code", "wire"), defaults=(b"",))):
    """Proxy to client: `code`, its REP, 0 for success; `wire`, its ATYP, BND.ADDR, BND.PORT.

    Source: RFC 1928 section 6.
    """

    __slots__ = ()
    code: int
    wire: bytes

    START = 2  # VER and REP: enough to know a failure
    HEAD = 5  # up to the first octet of the address: enough to know the length

    @property
    def bound(self) -> Address | None:
        """BND.ADDR and BND.PORT.

        None where the proxy gave none (a failure), a name of no length or one that is no
        name: proxies do, and for CONNECT it does not matter.
        """
        try:
            return Address.decode(self.wire) if self.wire else None
        except ValueError:
            return None

    @property
    def port(self) -> int:
        """BND.PORT, 0 where the proxy gave none: there may be one without an address."""
        return int.from_bytes(self.wire[-2:], "big")

    @staticmethod
    def decode_code(start: bytes) -> int:
        """REP, from `start`, VER and REP. Raises RemoteProtocolError for another version."""
        if start[0] != VERSION:
            raise _wrong_version("the reply", start)
        return start[1]

    @staticmethod
    def length(head: bytes) -> int:
        """The reply's whole length in bytes, from `head`, its first `HEAD` bytes.

        The reply's own ATYP sizes it, not the request's. Raises RemoteProtocolError for an
        unknown one.
        """
        try:
            return 3 + wire_length(head[3:5])
        except ValueError as error:
            raise RemoteProtocolError(f"the reply has an {error}") from None


def _wrong_version(what: str, data: bytes, hint: str = "") -> RemoteProtocolError:
    return RemoteProtocolError(f"{what} has the version {data[0]:#04x}, not 0x05{hint}")
