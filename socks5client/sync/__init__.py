"""The driver for plain blocking sockets: CONNECT, BIND and UDP ASSOCIATE."""

from .deadline import Deadline
from .rendezvous import Rendezvous, bind
from .tunnel import Tunnel, connect, open_tunnel

__all__ = ["Deadline", "Rendezvous", "Tunnel", "bind", "connect", "open_tunnel"]
