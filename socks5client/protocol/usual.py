"""The usual exchange: no authentication, and a reply of success that is bound to IPv4.

Nearly every negotiation is this one, byte for byte. A driver may run it without a
`Negotiation`, in a third of the time, as long as the proxy says what is usual. It judges
nothing: at the first other byte the driver hands what it received to a `Negotiation`, which has
sent the same by then, and all rules and errors are that one's.
"""

from __future__ import annotations

from .address import AddressType, wire_length
from .messages import VERSION, Method, MethodOffer, MethodSelection, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .messages import Request

_OFFER = MethodOffer((Method.NO_AUTHENTICATION,)).encode()
_SELECTION = bytes((VERSION, Method.NO_AUTHENTICATION))
_SUCCESS = bytes((VERSION, 0, 0, AddressType.IPV4))
_REST = 3 + wire_length(bytes((AddressType.IPV4, 0))) - Reply.HEAD

# Where the reply begins in all that was received.
REPLY_START = MethodSelection.LENGTH


def usual_turns(request: Request) -> tuple[tuple[bytes, int, bytes], ...]:
    """What to send, how many bytes then surely belong to the answer, and how it begins.

    `request` is what to ask for. Source: RFC 1928 sections 3, 4 and 6.
    """
    return (
        (_OFFER, MethodSelection.LENGTH, _SELECTION),
        (request.encode(), Reply.HEAD, _SUCCESS),
        (b"", _REST, b""),
    )
