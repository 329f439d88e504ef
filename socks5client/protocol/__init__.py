"""SOCKS5 without I/O: bytes in, bytes out (RFC 1928, RFC 1929).

No module in here knows sockets, threads, clocks or random numbers. `Negotiation` is the
way in; the drivers move its bytes.
"""

from .address import Address, AddressType
from .auth import AuthMethod, Encapsulation, NoAuth, UsernamePassword
from .messages import (
    Authenticated,
    Command,
    Method,
    MethodOffer,
    MethodSelection,
    Reply,
    Request,
)
from .negotiation import Negotiation, State

__all__ = [
    "Address",
    "AddressType",
    "AuthMethod",
    "Authenticated",
    "Command",
    "Encapsulation",
    "Method",
    "MethodOffer",
    "MethodSelection",
    "Negotiation",
    "NoAuth",
    "Reply",
    "Request",
    "State",
    "UsernamePassword",
]
