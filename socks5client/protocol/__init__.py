"""SOCKS5 without I/O: bytes in, bytes out (RFC 1928, RFC 1929, RFC 1961).

No module in here knows sockets, threads, clocks or random numbers. `Negotiation` is the
way in, and `Association` what follows it for UDP; the drivers move their bytes.
"""

from .address import Address, AddressType
from .association import Association
from .auth import AuthMethod, NoAuth, UsernamePassword
from .datagram import Datagram, Fragment, fragment
from .encapsulation import Encapsulation
from .gssapi import GSSAPI
from .messages import (
    Authenticated,
    Command,
    Method,
    MethodOffer,
    MethodSelection,
    Reply,
    Request,
)
from .negotiation import READ_SIZE, Negotiation, State
from .reassembly import Reassembler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .negotiation import Steps as Steps

__all__ = [
    "GSSAPI",
    "READ_SIZE",
    "Address",
    "AddressType",
    "Association",
    "AuthMethod",
    "Authenticated",
    "Command",
    "Datagram",
    "Encapsulation",
    "Fragment",
    "Method",
    "MethodOffer",
    "MethodSelection",
    "Negotiation",
    "NoAuth",
    "Reassembler",
    "Reply",
    "Request",
    "State",
    "UsernamePassword",
    "fragment",
]
