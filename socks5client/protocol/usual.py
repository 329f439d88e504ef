"""The usual exchange: no authentication, and a reply of success that is bound to IPv4.

Nearly every negotiation is this one, byte for byte. A driver may run it without a
`Negotiation`, in a third of the time, as long as the proxy says what is usual. It judges
nothing: at the first other byte the driver hands what it received to a `Negotiation`, which has
sent the same by then, and all rules and errors are that one's.
"""

from __future__ import annotations

from functools import lru_cache

from .address import AddressType, wire_length
from .messages import VERSION, Method, MethodOffer, MethodSelection, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .address import Address

_OFFER = MethodOffer((Method.NO_AUTHENTICATION,)).encode()
_SELECTION = bytes((VERSION, Method.NO_AUTHENTICATION))
_SUCCESS = bytes((VERSION, 0, 0, AddressType.IPV4))
_REST = wire_length(_SUCCESS[3:]) - 1

# Where the reply's ATYP is in all that was received.
ADDRESS_START = MethodSelection.LENGTH + 3


@lru_cache
def usual_turns(command: int, address: Address) -> tuple[tuple[bytes, int, bytes | None], ...]:
    """What to send, how many bytes then surely belong to the answer, and what they are.

    The last of these are any, which is said by None.

    `command` and `address` are what to ask for, as a `Request` has them. Source: RFC 1928
    sections 3, 4 and 6.
    """
    return (
        (_OFFER, len(_SELECTION), _SELECTION),
        (Request(command, address).encode(), len(_SUCCESS), _SUCCESS),
        (b"", _REST, None),
    )
