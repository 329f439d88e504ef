"""`patch(strict=True)`: what would leave this machine past the proxy is an error.

CPython's own socket module tells its audit hooks (PEP 578) of each connect, send and look-up,
whoever makes it: a module that has kept the C functions, too. What is not made by that module, but
by a library's own C code, no hook hears of.
"""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

from .._plain import Plain
from ..errors import LeakError
from .shim import INTERNET, numeric

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .shim import Shim

# What has an address in one of these families is on this machine.
_LOCAL = {
    getattr(socket, name)
    for name in ("AF_UNIX", "AF_NETLINK", "AF_ALG", "AF_ROUTE", "AF_SYSTEM")
    if hasattr(socket, name)
}
_PACKET = getattr(socket, "AF_PACKET", object())

_shim: Shim | None = None
_is_installed = False


def enforce(shim: Shim | None) -> None:
    """From now on the rules of `shim` hold, None for none. A hook can't be taken away again."""
    global _shim, _is_installed
    _shim = shim if shim is not None and shim.strict else None
    if _shim is not None and not _is_installed:
        _is_installed = True
        sys.addaudithook(_hook)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    check, shim = _CHECKS.get(event), _shim  # which another thread may take away
    if check is not None and shim is not None:
        check(shim, event, *args)


def _check_sending(shim: Shim, event: str, sock: Any, address: Any = None) -> None:
    if isinstance(sock, Plain) or address is None:
        return  # our own way to the proxy; and what is connected has been checked
    if sock.family in _LOCAL:
        return
    if sock.family not in INTERNET:
        raise LeakError(f"{event} to {address!r} would pass the proxy by")
    host, port = _text(address[0]), address[1]
    if host and not shim.is_direct(host, port):
        raise LeakError(f"{event} to {host}, port {port}, would pass the proxy by")


def _check_binding(shim: Shim, event: str, sock: Any, address: Any) -> None:
    if sock.family == _PACKET:  # send() sends frames then, and tells nobody
        raise LeakError(f"{event} to {address!r}: what is sent there would pass the proxy by")


def _check_look_up(shim: Shim, event: str, host: Any, *_: Any) -> None:
    host = _text(host)
    if not host or numeric(host) is not None or shim.may_look_up(host):
        return
    raise LeakError(f"{event} of {host} would ask a resolver past the proxy")


def _check_reverse_look_up(shim: Shim, event: str, address: Any, *_: Any) -> None:
    host = _text(address[0] if isinstance(address, tuple) else address)
    if not host or shim.may_look_up(host) or shim.is_direct(host, 0):
        return
    raise LeakError(f"{event} of {host} would ask a resolver past the proxy")


def _text(host: Any) -> str:
    if isinstance(host, (bytes, bytearray)):
        return host.decode("ascii", "replace")
    return host if isinstance(host, str) else ""


_CHECKS: dict[str, Callable[..., None]] = {
    "socket.bind": _check_binding,
    "socket.connect": _check_sending,
    "socket.sendto": _check_sending,
    "socket.sendmsg": _check_sending,
    "socket.getaddrinfo": _check_look_up,
    "socket.gethostbyname": _check_look_up,
    "socket.gethostbyaddr": _check_reverse_look_up,
    "socket.getnameinfo": _check_reverse_look_up,
}
