"""SOCKS5 for asyncio programs, on any event loop: its own one, uvloop.

::

    import socks5client.asyncio

    reader, writer = await socks5client.asyncio.open_connection("example.com", 80, proxy=url)

Cancelling, at any await, closes what has been opened so far.
"""

from .connection import connect, create_connection, open_connection
from .datagrams import DatagramSocket, associate
from .endpoint import DatagramTransport, create_datagram_endpoint
from .rendezvous import Rendezvous, bind

__all__ = [
    "DatagramSocket",
    "DatagramTransport",
    "Rendezvous",
    "associate",
    "bind",
    "connect",
    "create_connection",
    "create_datagram_endpoint",
    "open_connection",
]
