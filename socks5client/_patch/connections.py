"""The addresses of connections whose socket object has been given up: wrapped by TLS, duplicated.

A connection is known by its two ends in the kernel, so it does not matter who has its fd now.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from .._plain import Plain

if TYPE_CHECKING:
    import socket
    from typing import Any


class Names(NamedTuple):
    """What `getpeername` and `getsockname` say."""

    peer: Any
    own: Any


_MOST = 4096
_known: OrderedDict[tuple[Any, Any], Names] = OrderedDict()


def note(sock: socket.socket, names: Names) -> None:
    """The connection of `sock` is called so from now on."""
    _known[Plain.getsockname(sock), Plain.getpeername(sock)] = names
    while len(_known) > _MOST:
        _known.popitem(last=False)


def names_of(sock: socket.socket) -> Names | None:
    """What the connection of `sock` is called, None for what the system says."""
    if not _known:
        return None
    try:
        return _known.get((Plain.getsockname(sock), Plain.getpeername(sock)))
    except OSError:
        return None
