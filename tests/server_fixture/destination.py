"""Where a request leads: names, routes, and the connection to the destination."""

from __future__ import annotations

import asyncio
import errno
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import wire
from .endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

SocketAddress = tuple[str, int]
Name = str | SocketAddress
Route = SocketAddress | OSError

REPLY_CODES = {
    errno.ENETUNREACH: wire.NETWORK_UNREACHABLE,
    errno.ENETDOWN: wire.NETWORK_UNREACHABLE,
    errno.EHOSTUNREACH: wire.HOST_UNREACHABLE,
    errno.EHOSTDOWN: wire.HOST_UNREACHABLE,
    errno.EADDRNOTAVAIL: wire.HOST_UNREACHABLE,
    errno.ECONNREFUSED: wire.CONNECTION_REFUSED,
    errno.ETIMEDOUT: wire.TTL_EXPIRED,  # what servers answer: REP has no code for a time-out
    errno.EACCES: wire.NOT_ALLOWED,
    errno.EPERM: wire.NOT_ALLOWED,
    errno.EAFNOSUPPORT: wire.ADDRESS_TYPE_NOT_SUPPORTED,
}


class Unreachable(Exception):
    """The destination could not be connected to."""

    def __init__(self, text: str, reply_code: int) -> None:
        super().__init__(text)
        self.reply_code = reply_code


def _key(host: str, port: int) -> SocketAddress:
    ip = wire.as_ip(host)
    return (str(ip) if ip is not None else host.lower(), port)


@dataclass(frozen=True)
class Directory:
    """What stands for the DNS and the internet.

    `names`: name -> IP, or (IP, port) to redirect. `routes`: (host or name, port) -> the address
    to connect to in its place, or an OSError to fail with. `resolve`: other names go to the
    system's resolver; else only "localhost" does.
    """

    names: Mapping[str, Name]
    routes: Mapping[SocketAddress, Route]
    resolve: bool

    @classmethod
    def of(
        cls,
        names: Mapping[str, Name] | None,
        routes: Mapping[SocketAddress, Route] | None,
        resolve: bool,
    ) -> Directory:
        return cls(
            {name.lower(): value for name, value in (names or {}).items()},
            {_key(*address): route for address, route in (routes or {}).items()},
            resolve,
        )

    async def look_up(self, host: str, port: int) -> list[SocketAddress]:
        """The addresses to try, in order; raises Unreachable, or the OSError of a route."""
        route = self.routes.get(_key(host, port))
        if route is None:
            addresses = await self._resolve(host, port)
        elif isinstance(route, OSError):
            raise type(route)(*route.args)  # a new one: a traceback must not outlive its request
        else:
            addresses = [route]
        return [self._redirected(address) for address in addresses]

    def name_of(self, host: str) -> str | None:
        """The first name whose IP is `host`."""
        ip = wire.as_ip(host)
        for name, found in self.names.items():
            if ip is not None and wire.as_ip(found if isinstance(found, str) else found[0]) == ip:
                return name
        return None

    def _redirected(self, address: SocketAddress) -> SocketAddress:
        route = self.routes.get(_key(*address))
        if isinstance(route, OSError):
            raise type(route)(*route.args)
        return route or address

    async def _resolve(self, host: str, port: int) -> list[SocketAddress]:
        if wire.as_ip(host) is not None:  # servers accept literals where a name belongs
            return [(host, port)]
        name = host.lower()
        if name in self.names:
            found = self.names[name]
            return [(found, port)] if isinstance(found, str) else [found]
        if not self.resolve and name != "localhost":
            raise Unreachable(f"unknown name {host!r}", wire.HOST_UNREACHABLE)
        loop = asyncio.get_running_loop()
        try:
            found_all = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, ValueError) as exc:  # ValueError: NUL, surrogates, labels too long
            raise Unreachable(f"unknown name {host!r}: {exc}", wire.HOST_UNREACHABLE) from None
        return [(str(info[4][0]), port) for info in found_all]


async def open_connection(
    directory: Directory, host: str, port: int, time_limit: float
) -> tuple[Endpoint, SocketAddress]:
    """Connect to the first address that answers; raises Unreachable."""
    loop = asyncio.get_running_loop()
    failure = Unreachable(f"no address for {host!r}", wire.HOST_UNREACHABLE)
    try:
        addresses = await directory.look_up(host, port)
    except OSError as exc:
        raise _unreachable(exc) from None
    for address in addresses:
        try:
            async with asyncio.timeout(time_limit):
                _, endpoint = await loop.create_connection(Endpoint, *address)
        except OSError as exc:  # TimeoutError among them
            failure = _unreachable(exc)
        else:
            return endpoint, address
    raise failure


async def expected_hosts(directory: Directory, request: wire.Request) -> frozenset[str] | None:
    """The IPs that DST.ADDR of a BIND or UDP ASSOCIATE stands for, None if it is all zeros.

    Raises Unreachable.
    """
    ip = wire.as_ip(request.host)
    if ip is not None and ip.is_unspecified:
        return None
    try:
        addresses = await directory.look_up(request.host, request.port)
    except OSError as exc:
        raise _unreachable(exc) from None
    return frozenset(host for host, _ in addresses)


def _unreachable(exc: OSError) -> Unreachable:
    number = errno.ETIMEDOUT if isinstance(exc, TimeoutError) else exc.errno
    code = REPLY_CODES.get(number or 0, wire.GENERAL_FAILURE)
    return Unreachable(f"connect: {exc}", code)
