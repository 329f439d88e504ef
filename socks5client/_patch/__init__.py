"""`patch()`: a whole program through a proxy, and nothing past it.

It is done in place: methods are set on the class `socket.socket` itself, where names bound
earlier, derived classes and sockets that exist already find them, and taken off again.
"""

from .patching import Patch, patch, unpatch

__all__ = ["Patch", "patch", "unpatch"]
