"""CONNECT for trio: streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from .._plain import handed_out
from ..protocol import Address
from ..route import DIRECT, find_route
from ..tunnel import Deadline
from ..tunnel.dial import make_unblocking, reach
from .running import open_tunnel, run

if TYPE_CHECKING:
    import socket
    import ssl

    from ..route import ProxyLike


async def connect(
    address: tuple[str | bytes, int] | tuple[str, int, int, int],
    *,
    proxy: ProxyLike = None,
    timeout: float | None = None,
    local_address: str | None = None,
    early_data: bytes = b"",
) -> trio.SocketStream:
    """A `trio.SocketStream`, connected to `address` through `proxy`.

    Parameters: `address`, ("host", port), or the four of IPv6; `proxy`, as everywhere (see
    `socks5client.connect`); `timeout`, in seconds, for all of it, None for no limit, besides
    any cancel scope; `local_address`, a host, the local end of the connection to the proxy;
    `early_data`, as for `socks5client.connect`.

    Raises a SocksError, or the system's `gaierror` where a name is looked up here; ValueError
    for what cannot be, before any I/O. Source: RFC 1928 section 4, CONNECT.
    """
    target = Address.from_tuple(address)
    sock = await connected(target, proxy, timeout, local_address, early_data)
    return stream_of(sock)


async def connected(
    target: Address,
    proxy: ProxyLike,
    timeout: float | None,
    local_address: str | None = None,
    early_data: bytes = b"",
) -> socket.socket:
    """A plain socket to `target`, in non-blocking mode; otherwise as `connect`."""
    route = find_route(proxy)
    deadline = Deadline.after(timeout)
    source = None if local_address is None else (local_address, 0)
    if route is DIRECT:
        steps = reach(target, make_unblocking, source, early_data=early_data)
        return handed_out(await run(steps, deadline))
    tunnel = await open_tunnel(
        route, target, deadline, source_address=source, early_data=early_data
    )
    return tunnel.plain()


def stream_of(sock: socket.socket) -> trio.SocketStream:
    """trio's stream on `sock`, a connected socket, which is closed where that fails."""
    try:
        return trio.SocketStream(trio.socket.from_stdlib_socket(sock))
    except BaseException:
        sock.close()
        raise


async def open_tcp_stream(
    host: str | bytes,
    port: int,
    *,
    local_address: str | None = None,
    proxy: ProxyLike = None,
    timeout: float | None = None,
) -> trio.SocketStream:
    """As `trio.open_tcp_stream`, to `host` and `port` through `proxy`; otherwise as `connect`."""
    return await connect((host, port), proxy=proxy, timeout=timeout, local_address=local_address)


async def open_ssl_over_tcp_stream(
    host: str | bytes,
    port: int,
    *,
    https_compatible: bool = False,
    ssl_context: ssl.SSLContext | None = None,
    local_address: str | None = None,
    proxy: ProxyLike = None,
    timeout: float | None = None,
) -> trio.SSLStream[trio.SocketStream]:
    """As `trio.open_ssl_over_tcp_stream`, through `proxy`; otherwise as `connect`.

    `host`, `port`, `https_compatible` and `ssl_context` are as trio takes them. `timeout` bounds
    the way to the destination; its TLS handshake comes with the first use.
    """
    import ssl

    stream = await open_tcp_stream(
        host, port, local_address=local_address, proxy=proxy, timeout=timeout
    )
    try:
        return trio.SSLStream(
            stream,
            ssl.create_default_context() if ssl_context is None else ssl_context,
            server_hostname=host.decode() if isinstance(host, bytes) else host,
            https_compatible=https_compatible,
        )
    except BaseException:
        stream.socket.close()
        raise
