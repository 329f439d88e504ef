"""SOCKS5 without I/O: bytes in, bytes out (RFC 1928, RFC 1929, RFC 1961).

No module in here knows sockets, threads, clocks or random numbers. `Negotiation` is the
way in, and `Association` what follows it for UDP; the drivers move their bytes.
"""

from .address import Address, AddressType
from .auth import AuthMethod, NoAuth, UsernamePassword
from .encapsulation import DatagramEncapsulation, Encapsulation
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
    from .association import Association as Association
    from .datagram import Datagram as Datagram
    from .datagram import Fragment as Fragment
    from .datagram import fragment as fragment
    from .gssapi import GSSAPI as GSSAPI
    from .negotiation import Steps as Steps
    from .reassembly import Reassembler as Reassembler
else:
    # UDP and GSSAPI are imported at first use: most programs never need them.
    _LATER = {
        "Association": "association",
        "Datagram": "datagram",
        "Fragment": "datagram",
        "GSSAPI": "gssapi",
        "Reassembler": "reassembly",
        "fragment": "datagram",
    }

    def __getattr__(name):
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(f".{_LATER[name]}", __name__), name)
        return value


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
    "DatagramEncapsulation",
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
