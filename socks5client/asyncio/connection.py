"""CONNECT for asyncio: a socket, a transport, a pair of streams."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from .._plain import handed_out
from ..protocol import Address
from ..route import DIRECT, find_route
from ..tunnel import Deadline
from ..tunnel import open_tunnel as opening
from ..tunnel.dial import make_unblocking, reach
from .running import run, run_connect

if TYPE_CHECKING:
    import ssl as ssl_module
    from collections.abc import Callable

    from ..route import ProxyLike

P = TypeVar("P", bound=asyncio.BaseProtocol)


async def connect(
    address: tuple[str | bytes, int] | tuple[str, int, int, int],
    *,
    proxy: ProxyLike = None,
    timeout: float | None = None,
    local_addr: tuple[str, int] | None = None,
    early_data: bytes = b"",
) -> socket.socket:
    """A plain `socket.socket`, connected to `address` through `proxy`, in non-blocking mode.

    Parameters: `address`, ("host", port), or the four of IPv6; `proxy`, as everywhere (see
    `socks5client.connect`); `timeout`, in seconds, for all of it, None for no limit;
    `local_addr`, ("host", port), the local end of the connection to the proxy; `early_data`, as
    for `socks5client.connect`.

    Raises a SocksError, or the system's `gaierror` where a name is looked up here; ValueError
    for what cannot be, before any I/O. Source: RFC 1928 section 4, CONNECT.
    """
    target = Address.from_tuple(address)
    route = find_route(proxy)
    deadline = Deadline.after(timeout)
    if route is DIRECT:
        reached = reach(target, make_unblocking, local_addr, early_data=early_data)
        return handed_out(await run(reached, deadline))
    steps = opening(
        route, target, make=make_unblocking, source_address=local_addr, early_data=early_data
    )
    sock = (await run_connect(route, steps, deadline)).plain()
    if sock.gettimeout() != 0:  # the plain end of a bridge
        sock.setblocking(False)
    return sock


async def create_connection(
    protocol_factory: Callable[[], P],
    host: str,
    port: int,
    *,
    ssl: ssl_module.SSLContext | bool | None = None,
    server_hostname: str | None = None,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
    local_addr: tuple[str, int] | None = None,
    proxy: ProxyLike = None,
    timeout: float | None = None,
) -> tuple[asyncio.Transport, P]:
    """As the event loop's `create_connection`, through `proxy`: (transport, protocol).

    Parameters: `protocol_factory`, `host`, `port`, `ssl`, `server_hostname`,
    `ssl_handshake_timeout`, `ssl_shutdown_timeout` and `local_addr` as asyncio takes them,
    `server_hostname` by default `host`; `proxy` as for `connect`; `timeout`, in seconds, for all
    of it, TLS with the destination included.

    The transport is the event loop's own, on the connection to the proxy; so its "peername" is
    the proxy's. Raises as `connect` does, what `ssl` raises, TimeoutError, and ValueError for
    what means nothing without `ssl`.
    """
    if not ssl:
        for name, value in (
            ("server_hostname", server_hostname),
            ("ssl_handshake_timeout", ssl_handshake_timeout),
            ("ssl_shutdown_timeout", ssl_shutdown_timeout),
        ):
            if value is not None:
                raise ValueError(f"{name} is only meaningful with ssl")
    loop = asyncio.get_running_loop()
    deadline = Deadline.after(timeout)
    options: dict[str, Any] = {}
    if ssl:
        options = {
            "ssl": ssl,
            "server_hostname": host if server_hostname is None else server_hostname,
            "ssl_handshake_timeout": ssl_handshake_timeout,
            "ssl_shutdown_timeout": ssl_shutdown_timeout,
        }
    sock = await connect((host, port), proxy=proxy, timeout=timeout, local_addr=local_addr)
    try:
        async with asyncio.timeout(None if deadline is None else deadline.left()):
            return await loop.create_connection(protocol_factory, sock=sock, **options)
    except BaseException:
        _end(loop, sock)
        raise


def _end(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
    """Closes what a transport may have by now, or not yet, or have closed."""
    if sock.fileno() < 0:
        return
    try:
        loop.remove_reader(sock)
    except RuntimeError:
        # It has, and after TLS's handshake waits for the other side to say goodbye, 30 s if need
        # be: now it hears an end, and closes. Who closed the fd under it would harm the next one.
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
    except NotImplementedError:  # a loop that reads in another way
        sock.close()
    else:
        sock.close()


async def open_connection(
    host: str, port: int, *, limit: int = 2**16, **options: Any
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """As `asyncio.open_connection`, through a proxy: (reader, writer).

    Parameters: `limit`, the reader's, in bytes; `options`, those of `create_connection`,
    `proxy` and `timeout` among them. Raises as that does.
    """
    reader = asyncio.StreamReader(limit=limit)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await create_connection(lambda: protocol, host, port, **options)
    writer = asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())
    return reader, writer
