"""SOCKS5 for trio programs: trio's own streams and sockets.

::

    import socks5client.trio

    stream = await socks5client.trio.connect(("example.com", 80), proxy=url)

Cancelling, at any checkpoint, closes what has been opened so far.
"""

try:
    import trio as _trio  # noqa: F401
except ImportError as error:
    raise ImportError("socks5client.trio needs trio: pip install 'socks5client[trio]'") from error

from .connection import connect, open_ssl_over_tcp_stream, open_tcp_stream
from .datagrams import DatagramSocket, associate
from .rendezvous import Rendezvous, bind

__all__ = [
    "DatagramSocket",
    "Rendezvous",
    "associate",
    "bind",
    "connect",
    "open_ssl_over_tcp_stream",
    "open_tcp_stream",
]
