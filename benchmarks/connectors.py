"""Ways to connect to a target through a proxy: the contestants of several benchmarks."""

from __future__ import annotations

import os
import select
import socket
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import socks5client

from . import floor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Address = tuple[str, int]
User = tuple[str, str]

FLOOR, FLOOR_TIMEOUT = "floor", "floor, timeout"
# The same code once more: how far its ratio is from 1 is the noise of the other ratios.
FLOOR_AGAIN = "floor again (noise)"
OURS, OURS_TIMEOUT = "socks5client.create_connection", "create_connection, timeout"
OURS_URL, OURS_SOCKET = "create_connection, proxy a URL", "socks5client.socket().connect"
# Connected by a program that does not wait for it, outside asyncio: its bytes go over the bridge.
OURS_BRIDGED = "socket(), non-blocking connect"
DIRECT, PYSOCKS, PYTHON_SOCKS = "direct, no proxy", "PySocks", "python-socks"
NAMES = (
    FLOOR,
    FLOOR_AGAIN,
    DIRECT,
    OURS,
    OURS_URL,
    OURS_SOCKET,
    FLOOR_TIMEOUT,
    OURS_TIMEOUT,
    PYSOCKS,
    PYTHON_SOCKS,
)
# Those that know a password.
NAMES_WITH_PASSWORD = (FLOOR, FLOOR_AGAIN, OURS, OURS_URL, OURS_SOCKET, PYSOCKS, PYTHON_SOCKS)
TIMEOUT = 10.0

# The module and the package of those that need one.
PACKAGES = {"socks": "PySocks", "python_socks": "python-socks"}
_MODULES = {PYSOCKS: "socks", PYTHON_SOCKS: "python_socks"}


def installed(names: Iterable[str] = NAMES) -> list[str]:
    """Those of `names` whose package is there."""
    return [name for name in names if name not in _MODULES or find_spec(_MODULES[name])]


def connector(
    name: str, proxy: Address, target: Address, user: User | None = None
) -> Callable[[], Any]:
    """A function that returns something connected to `target`, which can be closed."""
    if name == PYSOCKS:
        return _pysocks(proxy, target, user)
    if name == PYTHON_SOCKS:
        return _python_socks(proxy, target, user)
    url, ours = "socks5h://{}:{}".format(*proxy), socks5client.Proxy(*proxy)
    by_hand: Callable[[], Any] = partial(floor.connect, proxy, target)
    if user is not None:
        url = "socks5h://{}:{}@{}:{}".format(*user, *proxy)
        ours = ours.replace(auth=socks5client.UsernamePassword(*user))
        secrets = user[0].encode(), user[1].encode()
        by_hand = partial(floor.connect_with_password, proxy, target, *secrets)

    def by_socket() -> socket.socket:
        sock = socks5client.socket(proxy=ours)
        sock.connect(target)
        return sock

    def by_poll() -> socket.socket:
        sock = socks5client.socket(proxy=ours)
        sock.setblocking(False)
        sock.connect_ex(target)
        ready = select.poll()
        ready.register(sock, select.POLLOUT)
        ready.poll()
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            raise OSError(number, os.strerror(number))
        sock.setblocking(True)
        return sock

    found: dict[str, Callable[[], Any]] = {
        FLOOR: by_hand,
        FLOOR_AGAIN: by_hand,
        DIRECT: lambda: socket.create_connection(target),
        OURS: lambda: socks5client.create_connection(target, proxy=ours),
        OURS_URL: lambda: socks5client.create_connection(target, proxy=url),
        OURS_SOCKET: by_socket,
        OURS_BRIDGED: by_poll,
        FLOOR_TIMEOUT: lambda: floor.connect(proxy, target, TIMEOUT),
        OURS_TIMEOUT: lambda: socks5client.create_connection(target, TIMEOUT, proxy=ours),
    }
    return found[name]


def _pysocks(proxy: Address, target: Address, user: User | None) -> Callable[[], Any]:
    socks: Any = import_module("socks")  # it has no types

    def connect() -> Any:
        sock = socks.socksocket()
        sock.set_proxy(socks.SOCKS5, *proxy, True, *(user or ()))
        sock.connect(target)
        return sock

    return connect


def _python_socks(proxy: Address, target: Address, user: User | None) -> Callable[[], Any]:
    from python_socks import ProxyType
    from python_socks.sync import Proxy

    theirs = Proxy(ProxyType.SOCKS5, *proxy, *(user or ()), rdns=True)
    return lambda: theirs.connect(*target)
