"""The functions that make drop-in sockets."""

from __future__ import annotations

import socket as _stdlib

from .._plain import Plain
from ..protocol import Address
from ..route import DIRECT, find_route
from ..sync import Rendezvous, run
from ..sync.rendezvous import ask_for_rendezvous
from ..sync.tunnel import connect_tunnel
from ..tunnel import Deadline
from ..tunnel.dial import reach
from ..tunnel.rendezvous import ANYBODY
from .adopted import accepted, adopt
from .stream import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..route import ProxyLike
    from ..tunnel import Tunnel
    from .datagram import DatagramSocket
    from .stream import SocketAddress

# What socket.create_connection takes for "the default timeout".
_DEFAULT_TIMEOUT: Any = getattr(_stdlib, "_GLOBAL_DEFAULT_TIMEOUT", object())


def connect(
    address: SocketAddress,
    *,
    proxy: ProxyLike = None,
    timeout: float | None = None,
    early_data: bytes = b"",
) -> socket:
    """A drop-in `socket`, connected to `address` through `proxy`, in blocking mode.

    Parameters: `address`, ("host", port) or the four of IPv6; `proxy`, a `Proxy`, a URL, a
    sequence of either (a chain, first hop first), `DIRECT`, or None for the default proxy,
    else the environment; `timeout`, in seconds, for all of it, None for no limit; `early_data`,
    bytes for `address` that are sent as soon as may be, behind the reply, or with the request
    where the proxy is pipelined; 16384 at the most. They can be lost, or arrive, with a
    connection that fails: they are for what may be said twice.

    Raises a SocksError, or `socket.gaierror` where a name is looked up here; ValueError for
    what cannot be, or where no proxy is to be found, before any I/O. Source: RFC 1928.
    """
    sock = create_connection(address, timeout, proxy=proxy, early_data=early_data)
    sock.settimeout(None)
    return sock


def create_connection(
    address: SocketAddress,
    timeout: float | None = _DEFAULT_TIMEOUT,
    source_address: tuple[str, int] | None = None,
    *,
    all_errors: bool = False,
    proxy: ProxyLike = None,
    early_data: bytes = b"",
) -> socket:
    """As `socket.create_connection`, through `proxy`.

    Parameters: `address`, `proxy` and `early_data` as for `connect`; `timeout`, in seconds, for
    the whole operation, which the socket then keeps (default: `socket.getdefaulttimeout()`);
    `source_address`, ("host", port), the local end of the connection to the proxy;
    `all_errors`, where a name is looked up here and no address can be reached, raises an
    ExceptionGroup of all the errors.

    Returns a drop-in `socket`; raises as `connect` does.
    """
    target = Address.from_tuple(address)
    route = find_route(proxy)
    if timeout is _DEFAULT_TIMEOUT:
        timeout = _stdlib.getdefaulttimeout()
    deadline = Deadline.after(timeout)
    if route is DIRECT:
        steps = reach(
            target,
            Plain,
            source_address,
            deadline,
            all_errors=all_errors,
            early_data=early_data,
        )
        plain = run(steps, deadline)
        return adopt(plain, plain, timeout)
    tunnel = connect_tunnel(
        route, target, deadline, _make, 0, source_address, (), all_errors, early_data
    )
    wire, reply, handshake, _ = tunnel
    sock = wire if handshake is None else tunnel.plain()
    if not isinstance(sock, socket):  # the plain end of a bridge
        sock = adopt(sock, wire, timeout)
    elif sock.gettimeout() != timeout:
        sock.settimeout(timeout)
    sock._proxied, sock._peer, sock._reply = True, address, reply
    return sock


def _make(family: int) -> socket:
    """A socket of the class whose fd is no stand-in, to be connected to a proxy."""
    sock = socket.__new__(socket)
    Plain.__init__(sock, family)
    return sock


def bind(
    expected_peer: SocketAddress = ANYBODY,
    *,
    proxy: ProxyLike = None,
    timeout: float | None = None,
) -> Rendezvous:
    """Asks `proxy` for a rendezvous, where one peer may connect (BIND).

    Parameters: `expected_peer`, ("host", port) or the four of IPv6, who is to come, zeros for
    anybody: what that means is the proxy's affair; `proxy` as for `connect`, but not `DIRECT`;
    `timeout`, in seconds, for the proxy's answer, None for no limit.

    Returns a `Rendezvous`, a context manager: `address` is what to tell the peer, and
    `accept(timeout=None)` waits for it and gives (socket, its address), the socket a drop-in
    one in blocking mode. Raises as `connect` does. Source: RFC 1928 section 4, BIND.
    """
    return _DropInRendezvous(*ask_for_rendezvous(expected_peer, proxy, timeout))


class _DropInRendezvous(Rendezvous):
    def _hand_out(self, tunnel: Tunnel) -> socket:
        return accepted(tunnel, self.address)


def associate(
    *,
    proxy: ProxyLike = None,
    timeout: float | None = None,
    family: int = _stdlib.AF_INET,
    client_address: SocketAddress = ANYBODY,
    fragment_size: int | None = None,
) -> DatagramSocket:
    """A UDP socket whose association stands already (UDP ASSOCIATE), in blocking mode.

    Parameters: `proxy` as for `connect`, but not `DIRECT`; `timeout`, in seconds, for all of
    it, None for no limit; `family`, AF_INET or AF_INET6, the shape that received addresses
    take; `client_address`, where the datagrams will come from as the proxy sees it, for proxies
    that want to be told, zeros by default; `fragment_size`, the most payload bytes of a packet,
    beyond which a datagram is sent in fragments, None for never.

    Returns a `DatagramSocket`; raises as `connect` does. Source: RFC 1928 section 7.
    """
    sock = unassociated(proxy, family, client_address, fragment_size)
    try:
        sock.settimeout(timeout)
        sock.associate()
        sock.settimeout(None)
    except BaseException:
        sock.close()
        raise
    return sock


def unassociated(
    proxy: ProxyLike, family: int, client_address: SocketAddress, fragment_size: int | None
) -> DatagramSocket:
    """What `associate` of each driver begins with. Raises ValueError for what cannot be."""
    route = find_route(proxy)
    if route is DIRECT:
        raise ValueError("an association is with a proxy, and DIRECT is none: use a UDP socket")
    if family not in (_stdlib.AF_INET, _stdlib.AF_INET6):
        raise ValueError(f"family {family} is neither AF_INET nor AF_INET6")
    Address.from_tuple(client_address)
    from .datagram import DatagramSocket  # most programs never need it

    sock = socket(family, _stdlib.SOCK_DGRAM, proxy=route)
    try:
        assert isinstance(sock, DatagramSocket)
        sock.client_address = client_address
        sock.fragment_size = fragment_size
    except BaseException:
        sock.close()
        raise
    return sock
