"""What a driver does with a proxy, written once: to connect, converse, meet a peer, relay.

These are generators: they make the calls on their sockets by themselves, and yield what they
have to wait for (`waiting`), which each driver does in its own way.
"""

from .deadline import Deadline
from .opening import Tunnel, open_tunnel

__all__ = ["Deadline", "Tunnel", "open_tunnel"]
