"""Every kind of connected socket that the library makes, for what all of them must bear.

They differ in what the fd is: the connection to the proxy itself, or an end of one within this
machine whose bytes the background thread moves.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import trustme

import socks5client
from socks5client import NoAuth, Proxy, sync
from tests.drivers import patched, unblocking
from tests.origins import Echo
from tests.server_fixture import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Unchanged:
    """An encapsulation that leaves the bytes alone; to the bridge it is one like GSSAPI's."""

    def wrap(self, data: bytes) -> bytes:
        return data

    def unwrap(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


class Encapsulating(NoAuth):
    """To the proxy it is no authentication."""

    def negotiate(self, request: Any, server: str) -> Any:
        yield from ()
        return Unchanged()


class Place(NamedTuple):
    """Where to connect to, and by which proxies."""

    server: Server
    covered: Server  # by TLS
    proxy: Proxy
    tls: Proxy
    encapsulating: Proxy
    address: tuple[str, int]


@cache
def _contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """That of a server on 127.0.0.1, and of a client that trusts it."""
    authority = trustme.CA()
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(ours)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    return ours, trusting


@contextmanager
def place(address: tuple[str, int] | None = None, **options: Any) -> Iterator[Place]:
    """The proxies, idle in the end; `options` are the server's, `address` an echo by default."""
    with ExitStack() as stack:
        if address is None:
            address = stack.enter_context(Echo()).address
        ours, trusting = _contexts()
        server = stack.enter_context(Server(**options))
        covered = stack.enter_context(Server(ssl_context=ours, **options))
        yield Place(
            server,
            covered,
            Proxy.from_url(server.url),
            Proxy.from_url(covered.url_as("socks5h+tls"), ssl_context=trusting),
            Proxy.from_url(server.url, auth=Encapsulating()),
            address,
        )
        server.wait_idle()
        covered.wait_idle()


def plain(place: Place) -> socket.socket:
    return socket.create_connection(place.address, 10)


def _connected(proxy: Proxy, place: Place) -> socket.socket:
    sock = socks5client.socket(proxy=proxy)
    try:
        sock.settimeout(10)
        sock.connect(place.address)
    except BaseException:
        sock.close()
        raise
    return sock


def drop_in(place: Place) -> socket.socket:
    return _connected(place.proxy, place)


def by_tls(place: Place) -> socket.socket:
    return _connected(place.tls, place)


def encapsulated(place: Place) -> socket.socket:
    sock = _connected(place.encapsulating, place)
    assert sock.getpeername() != socket.socket.getpeername(sock)
    return sock


def plain_by_sync(place: Place) -> socket.socket:
    sock = sync.connect(place.address, proxy=place.proxy, timeout=10)
    sock.settimeout(10)
    return sock


def unwaiting(place: Place) -> socket.socket:
    sock = socks5client.socket(proxy=place.proxy)
    return unblocking.connected(sock, place.address, 10)


def in_asyncio(place: Place) -> socket.socket:
    """One whose fd has become the connection to the proxy when the loop asked for SO_ERROR."""

    async def connect() -> socket.socket:
        sock = socks5client.socket(proxy=place.proxy)
        try:
            sock.setblocking(False)
            await asyncio.wait_for(asyncio.get_running_loop().sock_connect(sock, place.address), 10)
        except BaseException:
            sock.close()
            raise
        return sock

    sock = asyncio.run(connect(), debug=False)  # which tells of each slow step of a busy machine
    sock.settimeout(10)
    return sock


def by_patch(place: Place) -> socket.socket:
    sock = patched.make(patched.shim_for(place.proxy))
    try:
        sock.settimeout(10)
        sock.connect(place.address)
    except BaseException:
        sock.close()
        raise
    return sock


KINDS: dict[str, Callable[[Place], socket.socket]] = {
    "plain": plain,  # the model of the others
    "sync": plain_by_sync,
    "drop-in": drop_in,
    "drop-in, not waiting": unwaiting,
    "drop-in in asyncio": in_asyncio,
    "patched": by_patch,
    "TLS to the proxy": by_tls,
    "encapsulated": encapsulated,
}
