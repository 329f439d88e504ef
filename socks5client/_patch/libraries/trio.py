"""trio keeps the C methods that receive and send, which know of no header."""

from __future__ import annotations

import socket
from functools import wraps
from typing import TYPE_CHECKING, Any

from ..._plain import System
from ..datagrams import Datagrams

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..shim import Shim
    from .changes import Changes, Original


def changes(module: Any, shim: Shim, original_of: Original) -> Changes:
    """For `trio._socket`: the calls of a UDP socket, which may be another one by now."""
    cls, core = module._SocketType, module._core
    plain_init = original_of(cls, "__init__")

    def init(self: Any, sock: socket.socket) -> None:
        kind = type(sock)
        if kind is not Datagrams:
            plain_init(self, sock)
            return
        sock.__class__ = System  # no other would be taken
        try:
            plain_init(self, sock)
        finally:
            sock.__class__ = kind

    def method(name: str, wait: Any) -> Callable[..., Any]:
        original = original_of(cls, name)

        def attempt(sock: socket.socket, *args: Any, **kwargs: Any) -> Any:
            return getattr(sock, name)(*args, **kwargs)

        @wraps(original)
        async def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            if self._sock.type != socket.SOCK_DGRAM:
                return await original(self, *args, **kwargs)
            # What class it is of may change while this waits.
            return await self._nonblocking_helper(wait, attempt, *args, **kwargs)

        return call

    names = ("recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg", "recvmsg_into")
    methods = {name: method(name, core.wait_readable) for name in names if hasattr(cls, name)}
    return [(cls, {**methods, "__init__": init, "send": method("send", core.wait_writable)})]
