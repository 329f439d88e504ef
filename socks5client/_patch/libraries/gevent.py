"""gevent's sockets are none of `socket.socket`'s, unless it has patched before we were imported.

Then ours are of its class, and that one is patched as any. Otherwise theirs fail closed.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from ..._plain import System
from ..shim import INTERNET

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..shim import Shim
    from .changes import Changes, Original

# Which argument is the address.
_SENDING = {"connect": 0, "connect_ex": 0, "sendto": -1, "sendmsg": 3}
_ORDER = (
    "gevent's sockets go through the proxy only where gevent has patched before socks5client was"
    " imported: python -m gevent.monkey --module socks5client ..."
)


def changes(module: Any, shim: Shim, original_of: Original) -> Changes:
    """For `gevent._socket3`: what would go past the proxy is an error."""
    cls = module.socket
    if cls is System:
        return []

    def guarded(name: str, place: int) -> Callable[..., Any]:
        original = original_of(cls, name)

        def call(self: Any, *args: Any) -> Any:
            if self.family in INTERNET and len(args) > max(place, 0):
                chain, address = shim.way(self.family, args[place], name)
                if chain is not None:
                    raise OSError(errno.EOPNOTSUPP, _ORDER)
                args = (*args[:place], address, *args[place:][1:])
            return original(self, *args)

        return call

    return [(cls, {name: guarded(name, place) for name, place in _SENDING.items()})]
