"""dnspython over SOCKS5: name servers that are asked through a proxy."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

try:
    import dns.asyncquery
    import dns.asyncresolver
    import dns.exception
    import dns.inet
    import dns.message
    import dns.nameserver
    import dns.query
    import dns.resolver
except ImportError as error:
    raise ImportError(
        "socks5client.dns needs dnspython: pip install 'socks5client[dns]'"
    ) from error

from ._socket import associate, create_connection
from .errors import HandshakeTimeout
from .route import DIRECT, find_route
from .tunnel import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from .route import ProxyLike

__all__ = ["Socks5AsyncResolver", "Socks5Nameserver", "Socks5Resolver"]

# What dnspython's own name servers say to their queries over UDP.
_AS_DNSPYTHON = {"raise_on_truncation": True, "ignore_errors": True, "ignore_unexpected": True}


class Socks5Nameserver(dns.nameserver.Do53Nameserver):
    """A name server for a resolver of dnspython, asked through a SOCKS5 proxy.

    Parameters:
        address, port: its IP address, and its port.
        proxy: a `Proxy`, a URL, a sequence of either (a chain, first hop first), `DIRECT`, or
            None for the default proxy, else the environment; looked up once, here.
        tcp: True for a proxy without UDP: it is asked by TCP only.

    As dnspython itself it is asked by UDP, and by TCP where the answer was truncated. In an
    `asyncresolver` it works on asyncio and on trio. dnspython's timeout bounds the handshake.

    Raises ValueError where `address` is no IP address, `proxy` is malformed or none is to be
    found. Queries raise a SocksError, or `dns.exception.Timeout`; a resolver collects them.
    """

    def __init__(
        self, address: str, port: int = 53, *, proxy: ProxyLike = None, tcp: bool = False
    ) -> None:
        if not dns.inet.is_address(address):
            raise ValueError(f"the name server {address!r} is no IP address")
        super().__init__(address, port)
        self._family = dns.inet.af_for_address(address)
        self._route = find_route(proxy)
        self._tcp = tcp

    def is_always_max_size(self) -> bool:
        """Whether it is asked by TCP only."""
        return self._tcp

    def query(
        self,
        request: dns.message.QueryMessage,
        timeout: float,
        source: str | None = None,
        source_port: int = 0,
        max_size: bool = False,
        one_rr_per_rrset: bool = False,
        ignore_trailing: bool = False,
    ) -> dns.message.Message:
        """Asks, as a resolver calls it."""
        if self._route is DIRECT:
            return super().query(
                request, timeout, source, source_port, max_size, one_rr_per_rrset, ignore_trailing
            )
        _refuse(source, source_port)
        deadline = Deadline(timeout)
        try:
            if max_size:
                sock = create_connection((self.address, self.port), timeout, proxy=self._route)
            else:
                sock = associate(proxy=self._route, timeout=timeout, family=self._family)
        except HandshakeTimeout as error:
            raise _timeout(timeout) from error
        with sock:
            sock.setblocking(False)
            ask: Callable[..., dns.message.Message] = dns.query.tcp if max_size else dns.query.udp
            return ask(
                request,
                self.address,
                deadline.left(),
                self.port,
                sock=sock,
                one_rr_per_rrset=one_rr_per_rrset,
                ignore_trailing=ignore_trailing,
                **({} if max_size else _AS_DNSPYTHON),
            )

    async def async_query(
        self,
        request: dns.message.QueryMessage,
        timeout: float,
        source: str | None,
        source_port: int,
        max_size: bool,
        backend: Any,
        one_rr_per_rrset: bool = False,
        ignore_trailing: bool = False,
    ) -> dns.message.Message:
        """Asks, as an asynchronous resolver calls it."""
        if self._route is DIRECT:
            return await super().async_query(
                request,
                timeout,
                source,
                source_port,
                max_size,
                backend,
                one_rr_per_rrset,
                ignore_trailing,
            )
        _refuse(source, source_port)
        deadline = Deadline(timeout)
        driver = _driver(backend.name())
        options: dict[str, Any] = {"proxy": self._route, "timeout": timeout}
        try:
            if max_size:
                sock = await driver.connect((self.address, self.port), **options)
            else:
                sock = await driver.associate(family=self._family, **options)
        except HandshakeTimeout as error:
            raise _timeout(timeout) from error
        with _AsyncSocket(sock, self._family, backend.wait_for) as opened:
            ask: Any = dns.asyncquery.tcp if max_size else dns.asyncquery.udp
            response: dns.message.Message = await ask(
                request,
                self.address,
                deadline.left(),
                self.port,
                sock=opened,
                one_rr_per_rrset=one_rr_per_rrset,
                ignore_trailing=ignore_trailing,
                **({} if max_size else _AS_DNSPYTHON),
            )
            return response


class _Through(dns.resolver.BaseResolver):
    """What both resolvers do: a name server that is given as text is asked through the proxy."""

    def __init__(
        self,
        nameservers: str | Sequence[str | dns.nameserver.Nameserver],
        *,
        port: int = 53,
        proxy: ProxyLike = None,
        tcp: bool = False,
    ) -> None:
        self._route = find_route(proxy)
        self._tcp = tcp
        super().__init__(configure=False)
        self.port = port
        self.nameservers = [nameservers] if isinstance(nameservers, str) else nameservers

    @property
    def nameservers(self) -> Sequence[str | dns.nameserver.Nameserver]:
        """The name servers; text that is assigned becomes a `Socks5Nameserver`."""
        return self._nameservers

    @nameservers.setter
    def nameservers(self, nameservers: Sequence[str | dns.nameserver.Nameserver]) -> None:
        self._nameservers = [
            Socks5Nameserver(
                server,
                self.nameserver_ports.get(server, self.port),
                proxy=self._route,
                tcp=self._tcp,
            )
            if isinstance(server, str)
            else server
            for server in nameservers
        ]


class Socks5Resolver(_Through, dns.resolver.Resolver):
    """A `dns.resolver.Resolver` whose name servers are asked through a SOCKS5 proxy.

    ::

        Socks5Resolver("192.0.2.53", proxy="socks5h://127.0.0.1:1080").resolve("example.com")

    Parameters: `nameservers`, an IP address or a sequence of them; `port`, `proxy` and `tcp`, see
    `Socks5Nameserver`, as is what it raises. The system's name servers are not read.
    """


class Socks5AsyncResolver(_Through, dns.asyncresolver.Resolver):
    """The same as a `dns.asyncresolver.Resolver`, for asyncio and trio."""


class _AsyncSocket:
    """What a driver opened, as dnspython's asynchronous queries take it."""

    def __init__(self, opened: Any, family: int, wait_for: Any) -> None:
        self.family = family
        self._opened, self._wait_for = opened, wait_for
        if isinstance(opened, socket.socket):  # asyncio's connect
            loop = asyncio.get_running_loop()
            self._send: Any = partial(loop.sock_sendall, opened)
            self._receive: Any = partial(loop.sock_recv, opened)
        elif hasattr(opened, "recvfrom"):
            self._send, self._receive = opened.sendto, opened.recvfrom
        else:  # trio's stream
            self._send, self._receive = opened.send_all, opened.receive_some
            self._opened = opened.socket

    async def sendto(self, what: bytes, destination: Any, timeout: float | None) -> Any:
        return await self._wait_for(self._send(what, destination), timeout)

    async def sendall(self, what: bytes, timeout: float | None) -> Any:
        return await self._wait_for(self._send(what), timeout)

    async def recv(self, size: int, timeout: float | None) -> Any:
        return await self._wait_for(self._receive(size), timeout)

    recvfrom = recv

    async def getpeername(self) -> Any:
        return self._opened.getpeername()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()


def _driver(backend: str) -> Any:
    """The one for the event loop that dnspython runs on."""
    if backend == "trio":
        from . import trio

        return trio
    from . import asyncio

    return asyncio


def _timeout(seconds: float) -> Exception:
    """What a resolver asks again after, unlike an OSError."""
    make: Any = dns.exception.Timeout
    error: Exception = make(timeout=seconds)
    return error


def _refuse(source: str | None, source_port: int) -> None:
    if source is not None or source_port:
        raise NotImplementedError("the source of a query is the proxy: it cannot be chosen here")
