"""Whether a server is there: it accepts a connection, or replies to a datagram."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 1.0

# From linux/in.h; Python names it as of 3.14.
IP_RECVERR = 11


def family_of(host: str) -> socket.AddressFamily:
    """The address family of a numeric address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def accepts(host: str, port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket(family_of(host)) as probe:
        probe.settimeout(SECONDS)
        connected = probe.connect_ex((host, port)) == 0
        # On loopback a free port may be picked as the source: connected to itself.
        return connected and probe.getsockname() != probe.getpeername()


def replies(host: str, port: int, query: bytes, is_reply: Callable[[bytes], bool]) -> bool:
    """Whether somebody replies to a datagram, from whatever port (TFTP picks a new one)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(SECONDS)
        # A socket that is not connected learns only so that nobody has the port.
        probe.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        try:
            probe.sendto(query, (host, port))
            return is_reply(probe.recv(2048))
        except OSError:
            return False
