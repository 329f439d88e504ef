"""The driver for plain blocking sockets."""

from __future__ import annotations

import errno
import socket
import time
from functools import lru_cache
from itertools import pairwise

from .errors import (
    HandshakeTimeout,
    ProxyConnectionError,
    RemoteProtocolError,
    ReplyError,
    SocksError,
)
from .handshake import Connected, Handshake
from .protocol import Address, AddressType, Command, Reply, Request
from .protocol.usual import REPLY_START, usual_turns
from .proxy import NO_AUTH
from .route import DIRECT, find_route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from .handshake import Trace
    from .proxy import Proxy
    from .route import Chain, ProxyLike

# The C methods, whatever a shim may put on the class later: the way to the proxy is our own.
_connect = socket.socket.connect
_getaddrinfo = socket.getaddrinfo

# Options of these levels mean nothing where the proxy is reached by the other family.
_FAMILY_OF_LEVEL = {socket.IPPROTO_IP: socket.AF_INET, socket.IPPROTO_IPV6: socket.AF_INET6}


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
    deadline = Deadline.after(timeout)
    if route is DIRECT:
        return socket.create_connection(target, timeout)
    sock, _, _ = open_tunnel(route, target, deadline)
    sock.settimeout(None)
    return sock


class Deadline:
    """One absolute end for a whole operation, on the monotonic clock: `timeout` s from now."""

    __slots__ = ("_end",)

    def __init__(self, timeout: float) -> None:
        if not timeout >= 0:
            raise ValueError(f"timeout {timeout} is negative")
        self._end = time.monotonic() + timeout

    @classmethod
    def after(cls, timeout: float | None) -> Deadline | None:
        """None for no end. Raises ValueError where `timeout` is negative."""
        return None if timeout is None else cls(timeout)

    def apply(self, sock: socket.socket) -> None:
        """Bounds the next call on `sock`. Raises TimeoutError where the end has passed."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline passed")
        sock.settimeout(left)


def open_tunnel(
    chain: Chain,
    target: Address,
    deadline: Deadline | None,
    *,
    family: int = 0,
    source_address: tuple[str, int] | None = None,
    socket_options: Iterable[tuple[int, int, int | bytes]] = (),
    all_errors: bool = False,
    trace: Trace | None = None,
    make: Callable[[int], socket.socket] = socket.socket,
) -> tuple[socket.socket, socket.socket, Reply]:
    """CONNECT to `target` through `chain`.

    Returns the socket that carries the user's bytes; the connection to the first proxy,
    which is the same object unless something wraps the bytes; and the last proxy's reply.

    `make` makes an unconnected TCP socket of a family. `family` limits the addresses where
    `target` is a name that is looked up here; each is tried until the last proxy reaches
    one. `source_address` and `socket_options` are for the connection to the first proxy (not
    for a unix socket). Where all addresses fail, the first error is raised, or with
    `all_errors` an ExceptionGroup of all, as `socket.create_connection` does.
    """
    hops = [_next_hop(*pair, target) for pair in pairwise(chain)] if len(chain) > 1 else ()
    usual = len(chain) == 1 and chain[0].auth == NO_AUTH and not chain[0].tls and trace is None
    failures: list[ReplyError] = []
    for address in (target,) if chain[-1].remote_dns else _look_up(target, family):
        wire = _dial(chain[0], target, deadline, source_address, socket_options, make)
        try:
            if trace is not None:
                trace(chain[0], Connected(wire.getpeername()))
            request = Request(Command.CONNECT, address)
            if usual:
                return wire, wire, _run_usual(chain, request, wire, deadline)
            handshake = Handshake(chain, request, hops=hops, trace=trace)
            reply = _run(handshake, wire, deadline)
            plain = wire
            if handshake.layers:
                from ._bridge import bridge  # threads, which most programs never need

                plain = bridge(wire, handshake.layers, handshake.trailing_data)
            return plain, wire, reply
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


def _look_up(target: Address, family: int = 0) -> Sequence[Address]:
    """What a name means here; an IP literal is itself."""
    if target.type is not AddressType.NAME:
        return (target,)
    infos = _getaddrinfo(target.host, target.port, family, socket.SOCK_STREAM)
    hosts = dict.fromkeys(str(sockaddr[0]).partition("%")[0] for *_, sockaddr in infos)
    return [Address(host, target.port) for host in hosts]


def _next_hop(before: Proxy, hop: Proxy, target: Address) -> Address:
    """What to ask the proxy `before` for, to reach the proxy `hop`."""
    address = Address(hop.host, hop.port)
    try:
        return address if before.remote_dns else _look_up(address)[0]
    except socket.gaierror as error:
        raise _unknown_proxy(hop, target, error) from error


def _dial(
    proxy: Proxy,
    target: Address,
    deadline: Deadline | None,
    source_address: tuple[str, int] | None,
    socket_options: Iterable[tuple[int, int, int | bytes]],
    make: Callable[[int], socket.socket],
) -> socket.socket:
    """The connection to the first proxy, by the first of its addresses that takes it."""
    failure = OSError(errno.EADDRNOTAVAIL, "it has no address")
    try:
        for family, sockaddr in _literal(proxy.host, proxy.port) or _locations(proxy):
            try:
                sock = make(family)
            except OSError as error:
                failure = error
                continue
            try:
                if proxy.unix_path is None:
                    for option in socket_options:
                        if _FAMILY_OF_LEVEL.get(option[0], family) == family:
                            sock.setsockopt(*option)
                    if source_address is not None:
                        _bind(sock, source_address)
                if deadline is not None:
                    deadline.apply(sock)
                elif sock.gettimeout() is not None:
                    sock.settimeout(None)  # socket.setdefaulttimeout() gave it one
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


def _bind(sock: socket.socket, source: tuple[Any, ...]) -> None:
    """The local end; "any address" is one in every family. Errors name it, not the proxy."""
    host, port = source[:2]
    try:
        sock.bind(("", port) if host in ("", "0.0.0.0", "::") else source)
    except OSError as error:
        number = errno.EADDRNOTAVAIL if isinstance(error, socket.gaierror) else error.errno
        raise OSError(number, f"{error.strerror} (source address {host!r}, {port})") from error


def _locations(proxy: Proxy) -> Sequence[tuple[int, Any]]:
    """Family and socket address, one for each way to a proxy that is no plain IP literal."""
    if proxy.unix_path is not None:
        return ((socket.AF_UNIX, proxy.unix_path),)
    infos = _getaddrinfo(proxy.host, proxy.port, 0, socket.SOCK_STREAM)
    return [(family, sockaddr) for family, *_, sockaddr in infos]


@lru_cache(maxsize=64)
def _literal(host: str, port: int) -> tuple[tuple[int, Any], ...]:
    """The same for an IP literal; nothing for a name, and for a zone that must be looked up."""
    families = {AddressType.IPV4: socket.AF_INET, AddressType.IPV6: socket.AF_INET6}
    family = families.get(Address(host, port).type) if host and "%" not in host else None
    return () if family is None else ((family, (host, port)),)


def _unknown_proxy(proxy: Proxy, target: Address, error: socket.gaierror) -> ProxyConnectionError:
    return ProxyConnectionError(
        f"the proxy's name cannot be resolved: {error.strerror}",
        errno=errno.EHOSTUNREACH,  # an errno of getaddrinfo is none of the system's
        proxy=proxy,
        target=target,
    )


def _run(handshake: Handshake, sock: socket.socket, deadline: Deadline | None) -> Reply:
    """Moves the bytes of `handshake` over `sock`."""
    while True:
        data = handshake.data_to_send()
        try:
            if data:
                if deadline is not None:
                    deadline.apply(sock)
                sock.sendall(data)
            if deadline is not None:
                deadline.apply(sock)
            data = sock.recv(handshake.bytes_needed)
        except OSError as error:
            raise handshake.placed(_broken(error)) from error
        handshake.receive_data(data)
        if handshake.reply is not None:
            return handshake.reply


def _run_usual(
    chain: Chain, request: Request, sock: socket.socket, deadline: Deadline | None
) -> Reply:
    """The usual exchange, as long as it is that; else all is left to a `Handshake`."""
    received = b""
    broken = None
    try:
        for send, count, start in usual_turns(request):
            if deadline is not None:
                deadline.apply(sock)
            if send:
                sock.sendall(send)
            data = sock.recv(count)
            received += data
            if len(data) < count or not data.startswith(start):
                break
        else:
            return Reply(0, received[REPLY_START + 3 :])
    except OSError as error:
        broken = error
    handshake = Handshake(chain, request)
    if received:
        handshake.receive_data(received)
    if broken is not None:
        raise handshake.placed(_broken(broken)) from broken
    handshake.data_to_send()  # that has been sent
    return _run(handshake, sock, deadline)


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
