"""The system's sockets and resolver, as they are when the package is imported.

A shim may change the class `socket.socket` and the functions of the module later: our own way to
a proxy, and what a user wants to be direct, must not go through it.
"""

from __future__ import annotations

import _socket
import socket as _stdlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    T = TypeVar("T", bound=_stdlib.socket)

# What a shim may set on the class `socket.socket`.
CHANGEABLE = (
    "__repr__",
    "_real_close",
    "accept",
    "bind",
    "connect",
    "connect_ex",
    "detach",
    "dup",
    "getpeername",
    "getsockname",
    "getsockopt",
    "listen",
    "recvfrom",
    "recvfrom_into",
    "recvmsg",
    "recvmsg_into",
    "sendmsg",
    "sendto",
    "setsockopt",
)


System = _stdlib.socket  # gevent may put another one in its place later


class Plain(_stdlib.socket):
    """A `socket.socket` whose methods stay the system's, whatever is set on that class."""

    __slots__ = ()


for _name in CHANGEABLE:
    if hasattr(_stdlib.socket, _name):  # Windows, and gevent's class, lack some
        setattr(Plain, _name, getattr(_stdlib.socket, _name))

# The standard library's own calls what is in `_socket`, which a shim may replace, too.
_is_own = _stdlib.getaddrinfo.__module__ == _stdlib.__name__
getaddrinfo: Any = _socket.getaddrinfo if _is_own else _stdlib.getaddrinfo
_system_getaddrinfo = _socket.getaddrinfo


def read_literal(
    host: str, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
) -> list[Any]:
    """As `getaddrinfo`, of an IP literal: gaierror for what would have to be looked up."""
    flags |= _socket.AI_NUMERICHOST
    return _system_getaddrinfo(host, port, family, type, proto, flags)


def family_of(literal: str) -> int:
    """The family of an IP literal."""
    return _stdlib.AF_INET6 if ":" in literal else _stdlib.AF_INET


def moved(
    sock: _stdlib.socket, cls: type[T], family: int = -1, type: int = -1, proto: int = -1
) -> T:
    """A new socket of `cls` for the fd of `sock`, which has none then; closed where that fails."""
    new = cls.__new__(cls)
    try:
        Plain.__init__(new, family, type, proto, sock.fileno())
        sock.detach()
    except BaseException:
        give_up(sock, new)
        raise
    return new


def give_up(old: _stdlib.socket, new: _stdlib.socket) -> None:
    """Closes the fd of `old`, which was interrupted in passing to `new`: once, not by both.

    Passed on as a mere number it would be nobody's for a moment, and an interrupt lose it.
    """
    if old.fileno() < 0:
        Plain.close(new)
    else:
        Plain.detach(new)
        old.close()


def handed_out(sock: _stdlib.socket) -> _stdlib.socket:
    """`sock`, for a user: of exactly the class that the system makes, as trio insists."""
    if type(sock) is Plain:
        object.__setattr__(sock, "__class__", System)
    return sock


__all__ = [
    "CHANGEABLE",
    "Plain",
    "System",
    "family_of",
    "getaddrinfo",
    "give_up",
    "handed_out",
    "moved",
    "read_literal",
]
