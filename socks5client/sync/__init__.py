"""The driver for plain blocking sockets: CONNECT, BIND and UDP ASSOCIATE."""

from .rendezvous import Rendezvous, bind
from .running import run
from .tunnel import connect, open_tunnel

__all__ = ["Rendezvous", "bind", "connect", "open_tunnel", "run"]
