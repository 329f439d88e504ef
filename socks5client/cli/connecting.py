"""Sockets through the proxy, for all that is not HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..protocol import Address
from ..route import DIRECT
from ..sync import open_tunnel
from ..sync.tunnel import connect as connect_directly
from ..tunnel import Deadline

if TYPE_CHECKING:
    import socket

    from .transfer import Transfer


def connect(transfer: Transfer, host: str, port: int) -> socket.socket:
    """Raises SocksError, OSError, UsageError or TransferError."""
    timeout = transfer.deadline.connecting()
    chain = transfer.way(host, port)
    if chain is None:
        return connect_directly((host, port), proxy=DIRECT, timeout=timeout)
    deadline = Deadline.after(timeout)
    tunnel = open_tunnel(chain, Address(host, port), deadline, trace=transfer.handshake)
    return tunnel.plain()
