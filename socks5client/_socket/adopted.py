"""Drop-in sockets on connections that stand already."""

from __future__ import annotations

from .._plain import moved
from ..tunnel.rendezvous import peer_of
from .stream import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket as _stdlib
    from typing import Any

    from ..tunnel import Tunnel


def adopt(sock: _stdlib.socket, wire: _stdlib.socket, timeout: float | None) -> socket:
    """A drop-in socket on the fd of `sock`, which looks like `wire`, what it leads to."""
    adopted = moved(sock, socket, wire.family, wire.type, wire.proto)
    adopted.settimeout(timeout)  # non-blocking mode is the kernel socket's, and came along
    if wire is not sock:
        adopted._wire = wire
    return adopted


def accepted(tunnel: Tunnel, name: Any) -> socket:
    """The drop-in socket for a peer that came to the rendezvous at `name`; in blocking mode."""
    sock = adopt(tunnel.plain(), tunnel.wire, None)
    sock._proxied, sock._peer, sock._name = True, peer_of(tunnel.reply), name
    return sock
