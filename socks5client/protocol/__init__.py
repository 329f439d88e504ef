"""SOCKS5 without I/O: bytes in, bytes out (RFC 1928, RFC 1929).

No module in here knows sockets, threads, clocks or random numbers. `Negotiation` is the
way in; the drivers move its bytes.
"""

from .address import Address, AddressType
from .auth import AuthMethod, NoAuth, UsernamePassword
from .encapsulation import Encapsulation
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .negotiation import Steps as Steps

__all__ = [
    "READ_SIZE",
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
