"""The driver for plain blocking sockets."""

from __future__ import annotations

import errno
import socket
import time
from collections import namedtuple
from itertools import pairwise

from .errors import (
    HandshakeTimeout,
    ProxyConnectionError,
    RemoteProtocolError,
    ReplyError,
    SocksError,
)
from .handshake import Connected, Handshake
from .protocol import Address, AddressType, Command, Request
from .route import DIRECT, find_route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from .handshake import Trace
    from .protocol import Reply
    from .proxy import Proxy
    from .route import Chain, ProxyLike

# The C methods, whatever a shim may put on the class later: the way to the proxy is our own.
_connect = socket.socket.connect
_getaddrinfo = socket.getaddrinfo


def connect(
    address: tuple[str | bytes, int] | tuple[str, int, int, int],
    *,
    proxy: ProxyLike = None,
    timeout: float | None = None,
) -> socket.socket:
    """A plain `socket.socket`, connected to `address` through `proxy`, in blocking mode.

    Parameters: `address`, ("host", port), or the four of IPv6; `proxy`, as everywhere (see
    `socks5client.connect`); `timeout`, in seconds, for all of it, None for no limit. Looking
    up a name with the system's resolver cannot be interrupted and is not bounded.

    Raises a SocksError, or the system's `gaierror` where a name is looked up here; ValueError
    for what cannot be, before any I/O. Source: RFC 1928 section 4, CONNECT.
    """
    target = Address.from_tuple(address)
    route = find_route(proxy)
    deadline = Deadline(timeout)
    if route is DIRECT:
        return socket.create_connection(target, timeout)
    sock = open_tunnel(route, target, deadline).sock
    sock.settimeout(None)
    return sock


class Deadline:
    """One absolute end for a whole operation, on the monotonic clock.

    Parameter: `timeout`, seconds from now, None for no end. Raises ValueError where it is
    negative.
    """

    __slots__ = ("_end",)

    def __init__(self, timeout: float | None) -> None:
        if timeout is not None and not timeout >= 0:
            raise ValueError(f"timeout {timeout} is negative")
        self._end = None if timeout is None else time.monotonic() + timeout

    def apply(self, sock: socket.socket) -> None:
        """Bounds the next call on `sock`. Raises TimeoutError where the end has passed."""
        if self._end is None:
            if sock.gettimeout() is not None:
                sock.settimeout(None)  # setdefaulttimeout() gave it one
            return
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline passed")
        sock.settimeout(left)


class Tunnel(namedtuple("Tunnel", ("sock", "wire", "reply", "target"))):
    """A connection through proxies.

    `sock` carries the user's bytes; `wire` is the connection to the first proxy, the same
    object unless something wraps the bytes; `reply` the last proxy's; `target` what it was
    asked for.
    """

    __slots__ = ()
    sock: socket.socket
    wire: socket.socket
    reply: Reply
    target: Address


def open_tunnel(
    chain: Chain,
    target: Address,
    deadline: Deadline,
    *,
    family: int = 0,
    source_address: tuple[str, int] | None = None,
    socket_options: Iterable[tuple[int, int, int | bytes]] = (),
    all_errors: bool = False,
    trace: Trace | None = None,
) -> Tunnel:
    """CONNECT to `target` through `chain`.

    `family` limits the addresses where `target` is a name that is looked up here; each is
    tried until the last proxy reaches one. `source_address` and `socket_options` are for the
    connection to the first proxy (not for a unix socket). Where all addresses fail, the
    first error is raised, or with `all_errors` an ExceptionGroup of all, as
    `socket.create_connection` does.
    """
    hops = [_next_hop(before, hop, target) for before, hop in pairwise(chain)]
    failures: list[ReplyError] = []
    for address in _destinations(chain[-1], target, family):
        wire = _dial(chain[0], target, deadline, source_address, socket_options)
        try:
            if trace is not None:
                trace(chain[0], Connected(wire.getpeername()))
            request = Request(Command.CONNECT, address)
            handshake = Handshake(chain, request, hops=hops, trace=trace)
            reply = _run(handshake, wire, deadline)
            plain = wire
            if handshake.layers:
                from ._bridge import bridge  # threads, which most programs never need

                plain = bridge(wire, handshake.layers, handshake.trailing_data)
            return Tunnel(plain, wire, reply, address)
        except ReplyError as error:
            wire.close()
            failures.append(error)
        except BaseException:
            wire.close()
            raise
    try:
        if all_errors:
            raise ExceptionGroup("the proxy reached none of the addresses", failures)
        raise failures[0]
    finally:
        failures.clear()  # an error's traceback holds this frame


def _destinations(proxy: Proxy, target: Address, family: int = 0) -> Iterator[Address]:
    """What to ask `proxy` for: a name where it resolves names, else what it means here."""
    if proxy.remote_dns or target.type is not AddressType.NAME:
        yield target
        return
    seen = set()
    for *_, sockaddr in _getaddrinfo(target.host, target.port, family, socket.SOCK_STREAM):
        address = Address(str(sockaddr[0]).partition("%")[0], target.port)
        if address not in seen:
            seen.add(address)
            yield address


def _next_hop(before: Proxy, hop: Proxy, target: Address) -> Address:
    """What to ask the proxy `before` for, to reach the proxy `hop`."""
    try:
        return next(_destinations(before, Address(hop.host, hop.port)))
    except socket.gaierror as error:
        raise _unknown_proxy(hop, target, error) from error


def _dial(
    proxy: Proxy,
    target: Address,
    deadline: Deadline,
    source_address: tuple[str, int] | None,
    socket_options: Iterable[tuple[int, int, int | bytes]],
) -> socket.socket:
    """The connection to the first proxy, by the first of its addresses that takes it."""
    failure = OSError(errno.EADDRNOTAVAIL, "it has no address")
    try:
        for family, sockaddr in _locations(proxy):
            try:
                sock = socket.socket(family)
            except OSError as error:
                failure = error
                continue
            try:
                if proxy.unix_path is None:
                    for option in socket_options:
                        sock.setsockopt(*option)
                    if source_address is not None:
                        sock.bind(source_address)
                deadline.apply(sock)
                _connect(sock, sockaddr)
                return sock
            except OSError as error:
                sock.close()
                if _is_timeout(error):
                    raise HandshakeTimeout(
                        "the proxy did not take the connection in time", proxy=proxy, target=target
                    ) from error
                failure = error
            except BaseException:
                sock.close()
                raise
    except socket.gaierror as error:
        raise _unknown_proxy(proxy, target, error) from error
    raise ProxyConnectionError(
        f"cannot connect to the proxy: {failure.strerror or failure}",
        errno=failure.errno,
        proxy=proxy,
        target=target,
    ) from failure


def _locations(proxy: Proxy) -> Iterator[tuple[int, Any]]:
    """Family and socket address, one for each way to the proxy."""
    if proxy.unix_path is not None:
        yield socket.AF_UNIX, proxy.unix_path
        return
    kind = AddressType.NAME if "%" in proxy.host else Address(proxy.host, proxy.port).type
    if kind is AddressType.IPV4:
        yield socket.AF_INET, (proxy.host, proxy.port)
    elif kind is AddressType.IPV6:
        yield socket.AF_INET6, (proxy.host, proxy.port)
    else:
        for family, *_, sockaddr in _getaddrinfo(proxy.host, proxy.port, 0, socket.SOCK_STREAM):
            yield family, sockaddr


def _unknown_proxy(proxy: Proxy, target: Address, error: socket.gaierror) -> ProxyConnectionError:
    return ProxyConnectionError(
        f"the proxy's name cannot be resolved: {error.strerror}",
        errno=errno.EHOSTUNREACH,  # an errno of getaddrinfo is none of the system's
        proxy=proxy,
        target=target,
    )


def _run(handshake: Handshake, sock: socket.socket, deadline: Deadline) -> Reply:
    """Moves the bytes of `handshake` over `sock`."""
    while True:
        data = handshake.data_to_send()
        try:
            if data:
                deadline.apply(sock)
                sock.sendall(data)
            if handshake.reply is not None:
                return handshake.reply
            deadline.apply(sock)
            data = sock.recv(handshake.bytes_needed)
        except OSError as error:
            raise handshake.placed(_broken(error)) from error
        handshake.receive_data(data)


def _broken(error: OSError) -> SocksError:
    """What an error of the connection means in the middle of the handshake."""
    if _is_timeout(error):
        return HandshakeTimeout("the proxy did not finish the handshake in time")
    return RemoteProtocolError(
        f"the connection to the proxy broke in the handshake: {error.strerror or error}"
    )


def _is_timeout(error: OSError) -> bool:
    """Whether the deadline passed; the system's own ETIMEDOUT has an errno."""
    return isinstance(error, TimeoutError) and error.errno is None
