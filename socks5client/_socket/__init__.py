"""The drop-in socket: TCP (`stream`), listening (`listener`), UDP (`datagram`, and its parts).

The parts of UDP, each a class on top of the one before: `sizes`, `associated`, `addressed`.
"""

from .functions import associate, bind, connect, create_connection
from .stream import socket

__all__ = ["associate", "bind", "connect", "create_connection", "socket"]
