"""The drop-in socket: TCP (`stream`), listening (`listener`), UDP (`associated`, `datagram`)."""

from .datagram import DatagramSocket
from .functions import associate, bind, connect, create_connection
from .stream import socket

__all__ = ["DatagramSocket", "associate", "bind", "connect", "create_connection", "socket"]
