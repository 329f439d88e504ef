"""Every way to open a connection, behind one face, so that scenarios are written once.

A driver's `connect` takes ("host", port), what `proxy=` takes, and a timeout in seconds; it
returns something with `sendall`, `recv` and `close`, and raises the library's own errors.
"""

from __future__ import annotations

from functools import partial

from tests.drivers import blocking, in_asyncio, in_trio, patched, unblocking
from tests.drivers.faces import (
    ANYBODY,
    BindDriver,
    Connection,
    Driver,
    Meeting,
    Udp,
    UdpDriver,
)

__all__ = [
    "ANYBODY",
    "BIND_DRIVERS",
    "DRIVERS",
    "UDP_DRIVERS",
    "BindDriver",
    "Connection",
    "Driver",
    "Meeting",
    "Udp",
    "UdpDriver",
]

DRIVERS: dict[str, Driver] = {
    "sync": blocking.plain,
    "drop-in connect": blocking.drop_in_connect,
    "create_connection": blocking.create_connection,
    "drop-in socket": blocking.drop_in_socket,
    "drop-in non-blocking": unblocking.connect,
    "drop-in in asyncio": in_asyncio.drop_in,
    "asyncio": in_asyncio.connect,
    "asyncio streams": in_asyncio.open_connection,
    "uvloop": partial(in_asyncio.connect, uvloop=True),
    "trio": in_trio.connect,
    "patched": patched.blocking,
    "patched non-blocking": patched.unblocking,
    "httpcore": blocking.httpcore_backend,
    "httpcore asyncio": in_asyncio.httpcore_backend,
    "httpcore trio": in_trio.httpcore_backend,
}

BIND_DRIVERS: dict[str, BindDriver] = {
    "sync.bind": blocking.plain_rendezvous,
    "bind": blocking.drop_in_rendezvous,
    "listener": blocking.listener,
    "patched listener": patched.listener,
    "asyncio": in_asyncio.rendezvous,
    "uvloop": partial(in_asyncio.rendezvous, uvloop=True),
    "trio": in_trio.rendezvous,
}

UDP_DRIVERS: dict[str, UdpDriver] = {
    "sendto": blocking.udp_unconnected,
    "connect": blocking.udp_connected,
    "associate": blocking.udp_associated,
    "patched sendto": partial(patched.udp, connected=False),
    "patched connect": partial(patched.udp, connected=True),
    "asyncio": in_asyncio.udp,
    "asyncio endpoint": in_asyncio.endpoint,
    "uvloop endpoint": partial(in_asyncio.endpoint, uvloop=True),
    "trio": in_trio.udp,
}
