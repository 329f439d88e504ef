"""The connection to the first proxy, and the look-ups that are made here."""

from __future__ import annotations

import errno
import socket
from functools import lru_cache

from ..errors import HandshakeTimeout, ProxyConnectionError, RemoteProtocolError
from ..protocol import Address, AddressType
from .deadline import is_timeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from ..proxy import Proxy
    from ..route import Chain
    from .deadline import Deadline

# The C methods, whatever a shim may put on the class later: the way to the proxy is our own.
_connect = socket.socket.connect
_getaddrinfo = socket.getaddrinfo

# Options of these levels mean nothing where the proxy is reached by the other family.
_FAMILY_OF_LEVEL = {socket.IPPROTO_IP: socket.AF_INET, socket.IPPROTO_IPV6: socket.AF_INET6}


def dial(
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
                if is_timeout(error):
                    raise HandshakeTimeout(
                        "the proxy did not take the connection in time", proxy=proxy, target=target
                    ) from error
                failure = error
            except BaseException:
                sock.close()
                raise
    except socket.gaierror as error:
        raise unknown_proxy(proxy, target, error) from error
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


def unknown_proxy(proxy: Proxy, target: Address, error: socket.gaierror) -> ProxyConnectionError:
    return ProxyConnectionError(
        f"the proxy's name cannot be resolved: {error.strerror}",
        errno=errno.EHOSTUNREACH,  # an errno of getaddrinfo is none of the system's
        proxy=proxy,
        target=target,
    )


def look_up(target: Address, family: int = 0, kind: int = socket.SOCK_STREAM) -> Sequence[Address]:
    """What a name means here; an IP literal is itself."""
    if target.type is not AddressType.NAME:
        return (target,)
    infos = _getaddrinfo(target.host, target.port, family, kind)
    hosts = dict.fromkeys(str(sockaddr[0]).partition("%")[0] for *_, sockaddr in infos)
    return [Address(host, target.port) for host in hosts]


def own_host(chain: Chain, wire: socket.socket) -> str:
    """The host of the last proxy, as far as it is known here: its IP address, or its name."""
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
