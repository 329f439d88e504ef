"""Plain pipes: tcp:// and udp:// URLs, and --listen, as nc does it."""

from .datagrams import pipe_udp
from .listening import listen
from .streams import pipe_tcp

__all__ = ["listen", "pipe_tcp", "pipe_udp"]
