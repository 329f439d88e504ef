"""The addresses of connections whose socket object has been given up: wrapped by TLS, duplicated.

A connection is known by what it is in the kernel, so it does not matter who has its fd now. Its two
ends alone would not do: another one may have them later.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from .._plain import Plain

if TYPE_CHECKING:
    import socket
    from typing import Any

    from .._fakeip import Hold


class Names(NamedTuple):
    """What `getpeername` and `getsockname` say; `hold` keeps the peer's placeholder."""

    peer: Any
    own: Any
    hold: Hold | None = None


_MOST = 4096
_left: OrderedDict[int, Any] = OrderedDict()
_known: OrderedDict[tuple[int, Any, Any], Names] = OrderedDict()


def note(sock: socket.socket, names: Names) -> None:
    """The connection of `sock` is called so from now on."""
    try:
        _known[_identity(sock)] = names
    except OSError:
        return  # it has been reset meanwhile
    while len(_known) > _MOST:
        _known.popitem(last=False)


def names_of(sock: socket.socket) -> Names | None:
    """What the connection of `sock` is called, None for what the system says."""
    if not _known:
        return None
    try:
        return _known.get(_identity(sock))
    except OSError:
        return None


def leave(sock: socket.socket, left: Any) -> None:
    """`sock` is unconnected, and gives its fd away: `left` is for whoever takes that."""
    _left[_inode(sock)] = left
    while len(_left) > _MOST:
        _left.popitem(last=False)


def take(sock: socket.socket) -> Any:
    """What was left for whoever has the fd of `sock`; None for nothing."""
    return _left.pop(_inode(sock), None) if _left else None


def _identity(sock: socket.socket) -> tuple[int, Any, Any]:
    return _inode(sock), Plain.getsockname(sock), Plain.getpeername(sock)


def _inode(sock: socket.socket) -> int:
    return os.fstat(sock.fileno()).st_ino if os.name == "posix" and sock.fileno() >= 0 else 0
