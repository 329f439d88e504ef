"""The connection to the first proxy, and the look-ups that are made here."""

from __future__ import annotations

import errno
import os
import socket
from functools import lru_cache, partial
from itertools import zip_longest

from .._plain import Plain
from .._plain import getaddrinfo as _getaddrinfo
from ..errors import HandshakeTimeout, ProxyConnectionError, RemoteProtocolError, SocksError
from ..protocol import Address, AddressType
from .deadline import is_timeout
from .waiting import Aside, Wait, send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, TypeAlias

    from ..proxy import Proxy
    from ..route import Chain
    from .deadline import Deadline
    from .waiting import Waiting

    # A way to a proxy: the family, and the socket address.
    Way: TypeAlias = tuple[int, Any]

# Of a drop-in socket too, which may be the one to be connected.
_connect = Plain.connect
_connect_ex = Plain.connect_ex

# Options of these levels mean nothing where the proxy is reached by the other family.
_FAMILY_OF_LEVEL = {socket.IPPROTO_IP: socket.AF_INET, socket.IPPROTO_IPV6: socket.AF_INET6}

# How long one address of the proxy may take before the next is tried beside it, in seconds
# (RFC 8305 section 5, "Connection Attempt Delay").
ATTEMPT_DELAY = 0.25
# When to ask again a unix socket whose backlog is full, in seconds: no event tells.
_RETRY = 0.02


def dial(
    proxy: Proxy,
    target: Address,
    deadline: Deadline | None,
    source_address: tuple[str, int] | None,
    socket_options: Iterable[tuple[int, int, int | bytes]],
    make: Callable[[int], socket.socket],
) -> Waiting[socket.socket]:
    """The connection to `proxy`, by the first of its addresses that takes it.

    Parameters: `target`, for the errors; `source_address`, the local end, ("host", port);
    `socket_options`, as `setsockopt` takes them. It blocks or not as the sockets of `make` do;
    `deadline` is for those that do. Raises ProxyConnectionError, HandshakeTimeout.
    """
    start = make
    try:
        if proxy.unix_path is not None:
            ways: Sequence[Way] = ((socket.AF_UNIX, proxy.unix_path),)
        else:
            ways = literal(proxy.host, proxy.port) or (yield from _found(proxy.host, proxy.port))
            if source_address is not None or socket_options:
                start = partial(_made, make, source_address, socket_options)
        return (yield from _reach(ways, deadline, start, []))
    except socket.gaierror as error:
        raise unknown_proxy(proxy, target, error) from error
    except OSError as error:
        raise unreached(proxy, target, error) from error


def reach(
    target: Address,
    make: Callable[[int], socket.socket],
    source_address: Any = None,
    deadline: Deadline | None = None,
    *,
    all_errors: bool = False,
    early_data: bytes = b"",
) -> Waiting[socket.socket]:
    """A connection to `target` itself, for `DIRECT`; errors are the system's.

    `source_address` is its local end, ("host", port). It blocks or not as the sockets of `make`
    do; `deadline` is for those that do. With `all_errors` an ExceptionGroup of all the attempts'
    errors is raised. `early_data` is sent as soon as the connection stands.
    """
    start = partial(_made, make, source_address, ())
    ways = literal(*target) or (yield from _found(*target))
    failures: list[OSError] = []
    try:
        sock = yield from _reach(ways, deadline, start, failures)
    except OSError as error:
        if not all_errors:
            raise
        raise ExceptionGroup("no address can be reached", failures or [error]) from None
    finally:
        failures.clear()  # an error's traceback holds this frame
    try:
        if early_data:
            yield from send(sock, early_data, deadline)
    except BaseException:
        sock.close()
        raise
    return sock


def make_unblocking(family: int) -> socket.socket:
    """A TCP socket of `family` that never waits, for the drivers of event loops."""
    sock = Plain(family, socket.SOCK_STREAM | getattr(socket, "SOCK_NONBLOCK", 0))
    if sock.gettimeout() != 0:
        sock.setblocking(False)
    return sock


def _made(
    make: Callable[[int], socket.socket],
    source_address: Any,
    options: Iterable[tuple[int, int, int | bytes]],
    family: int,
) -> socket.socket:
    """What `make` makes, with its options set, and its local end; closed where that fails."""
    sock = make(family)
    try:
        for option in options:
            if _FAMILY_OF_LEVEL.get(option[0], sock.family) == sock.family:
                sock.setsockopt(*option)
        if source_address is not None:
            _bind(sock, source_address)
    except BaseException:
        sock.close()
        raise
    return sock


def _reach(
    ways: Sequence[Way],
    deadline: Deadline | None,
    start: Callable[[int], socket.socket],
    failures: list[OSError],
) -> Waiting[socket.socket]:
    """A connection by one of `ways`; `start` makes a socket, `failures` takes what failed."""
    if len(ways) != 1:
        return _race(_interleaved(ways), start, failures)
    family, address = ways[0]
    return _connected(start(family), address, deadline)


def _connected(
    sock: socket.socket, address: Any, deadline: Deadline | None
) -> Waiting[socket.socket]:
    """`sock`, connected to `address`; closed where that fails."""
    try:
        while True:
            try:
                begin_to_connect(sock, address, deadline)
                return sock
            except BlockingIOError as error:
                if error.errno == errno.EINPROGRESS:
                    break
            yield Wait((), pause=_RETRY)
        yield from until_connected(sock)
        return sock
    except BaseException:
        sock.close()
        raise


def begin_to_connect(sock: socket.socket, address: Any, deadline: Deadline | None) -> None:
    """Connects `sock` to `address` where it blocks, which `deadline` bounds.

    Else it raises BlockingIOError: EINPROGRESS where it is on its way, EAGAIN where a unix
    socket's backlog is full. Raises what the system does.
    """
    if deadline is not None:
        deadline.apply(sock)
    elif sock.gettimeout():
        sock.settimeout(None)  # socket.setdefaulttimeout() gave it one
    _connect(sock, address)


def until_connected(sock: socket.socket) -> Waiting[None]:
    """Waits for the connection of `sock`, on its way. Raises the OSError that it fails with."""
    while not _is_connected(sock):
        yield Wait((sock,), True)


def _race(
    ways: list[Way], start: Callable[[int], socket.socket], failures: list[OSError]
) -> Waiting[socket.socket]:
    """The first connection of several attempts, each begun a moment after the one before.

    Source: RFC 8305 section 5 ("happy eyeballs").
    """
    attempts: list[socket.socket] = []
    try:
        while ways or attempts:
            if ways:
                family, address = ways.pop(0)
                try:
                    sock = start(family)
                except OSError as error:
                    failures.append(error)
                    continue
                attempts.append(sock)
                blocking = sock.getblocking()
                sock.setblocking(False)
                number = _connect_ex(sock, address)
                if number not in (0, errno.EINPROGRESS):
                    failures.append(OSError(number, os.strerror(number)))
                    attempts.remove(sock)
                    sock.close()
                    continue
            yield Wait(tuple(attempts), True, ATTEMPT_DELAY if ways else None)
            for sock in tuple(attempts):
                try:
                    if _is_connected(sock):
                        attempts.remove(sock)
                        sock.setblocking(blocking)
                        return sock
                except OSError as error:
                    failures.append(error)
                    attempts.remove(sock)
                    sock.close()
        raise failures[-1] if failures else OSError(errno.EADDRNOTAVAIL, "it has no address")
    finally:
        for sock in attempts:
            sock.close()


def _interleaved(ways: Sequence[Way]) -> list[Way]:
    """One of each family in turn, beginning with the first (RFC 8305 section 4)."""
    groups: dict[int, list[Way]] = {}
    for way in ways:
        groups.setdefault(way[0], []).append(way)
    return [way for turn in zip_longest(*groups.values()) for way in turn if way is not None]


def _is_connected(sock: socket.socket) -> bool:
    """Whether an attempt has succeeded; raises the OSError with which it has failed."""
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        raise OSError(number, os.strerror(number))
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def _bind(sock: socket.socket, source: tuple[Any, ...]) -> None:
    """The local end; "any address" is one in every family. Errors name it, not the proxy."""
    host, port = source[:2]
    try:
        sock.bind(("", port) if host in ("", "0.0.0.0", "::") else source)
    except OSError as error:
        number = errno.EADDRNOTAVAIL if isinstance(error, socket.gaierror) else error.errno
        raise OSError(number, f"{error.strerror} (source address {host!r}, {port})") from error


def _found(host: str, port: int) -> Waiting[Sequence[Way]]:
    """The ways to a host that is no plain IP literal."""
    infos = yield Aside(partial(_getaddrinfo, host, port, 0, socket.SOCK_STREAM))
    return [(family, sockaddr) for family, *_, sockaddr in infos]


@lru_cache(maxsize=64)
def literal(host: str, port: int) -> tuple[Way, ...]:
    """The same for an IP literal; nothing for a name, and for a zone that must be looked up."""
    families = {AddressType.IPV4: socket.AF_INET, AddressType.IPV6: socket.AF_INET6}
    family = families.get(Address(host, port).type) if host and "%" not in host else None
    return () if family is None else ((family, (host, port)),)


def unreached(proxy: Proxy, target: Address, error: OSError) -> SocksError:
    """What `error`, of connecting to `proxy`, means on the way to `target`."""
    if is_timeout(error):
        return HandshakeTimeout(
            "the proxy did not take the connection in time", proxy=proxy, target=target
        )
    return ProxyConnectionError(
        f"cannot connect to the proxy: {error.strerror or error}",
        errno=error.errno,
        proxy=proxy,
        target=target,
    )


def unknown_proxy(proxy: Proxy, target: Address, error: socket.gaierror) -> ProxyConnectionError:
    """What `error`, of looking up the name of `proxy`, means on the way to `target`."""
    return ProxyConnectionError(
        f"the proxy's name cannot be resolved: {error.strerror}",
        errno=errno.EHOSTUNREACH,  # an errno of getaddrinfo is none of the system's
        proxy=proxy,
        target=target,
    )


def look_up(
    target: Address, family: int = 0, kind: int = socket.SOCK_STREAM
) -> Waiting[Sequence[Address]]:
    """The addresses that the name in `target` has here; an IP literal is itself.

    `family` and `kind` are as `getaddrinfo` takes them. Raises a `gaierror`.
    """
    if target.type is not AddressType.NAME:
        return (target,)
    infos = yield Aside(partial(_getaddrinfo, target.host, target.port, family, kind))
    hosts = dict.fromkeys(str(sockaddr[0]).partition("%")[0] for *_, sockaddr in infos)
    return [Address(host, target.port) for host in hosts]


def own_host(chain: Chain, wire: socket.socket) -> str:
    """The host of the last proxy of `chain`, as far as it is known here: its IP address or name.

    `wire` is the connection to the first one. Raises RemoteProtocolError where it has broken.
    """
    if len(chain) > 1:
        return chain[-1].host
    if chain[0].unix_path is not None:
        return "127.0.0.1"  # it is on this machine
    try:
        return str(wire.getpeername()[0])
    except OSError as error:
        raise RemoteProtocolError(
            f"the connection to the proxy broke: {error.strerror}", proxy=chain[0]
        ) from error
