"""Name servers for dnspython's resolvers that are asked through a proxy: UDP, TCP and TLS."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dns.exception
import dns.inet
import dns.message
import dns.nameserver

from ..errors import HandshakeTimeout
from ..protocol import Address
from ..route import DIRECT, find_route
from ..sync import run
from ..tunnel import Deadline
from ..tunnel.deadline import is_timeout
from .exchange import NoUdp, Question, over_stream, over_udp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..route import Chain, Direct, ProxyLike
    from ..tunnel.waiting import Waiting


class ProxiedNameserver(dns.nameserver.Nameserver):
    """What all of them have in common: a resolver here asks no others.

    Parameter: `proxy`, as everywhere, see `socks5client.connect`.

    `address` and `port` are what an answer says of it. How it is asked says a subclass, in
    `_steps`. Queries raise a SocksError, another OSError, or `dns.exception.Timeout`; a resolver
    collects them. dnspython's timeout bounds all of a query, the handshake with the proxy too.
    """

    address: str
    port: int

    def __init__(self, proxy: ProxyLike) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._route = _resolving(find_route(proxy))

    def __str__(self) -> str:
        return f"{self.kind()}:{self.address}@{self.port}"

    def is_always_max_size(self) -> bool:
        """Whether its answers are never truncated."""
        return True

    def answer_nameserver(self) -> str:
        """Its address, for an answer."""
        return self.address

    def answer_port(self) -> int:
        """Its port, for an answer."""
        return self.port

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
        """Asks, as a resolver calls it; `timeout`, in seconds, bounds all of it."""
        _refuse_source(source, source_port)
        question = Question(request, one_rr_per_rrset, ignore_trailing)
        deadline = Deadline(timeout)
        with _dnspython_timeouts(timeout):
            message = self._ask(question, max_size, deadline)
        message.time = timeout - deadline.left()
        return message

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
        """Asks, as an asynchronous resolver calls it, on asyncio or trio."""
        _refuse_source(source, source_port)
        question = Question(request, one_rr_per_rrset, ignore_trailing)
        deadline = Deadline(timeout)
        with _dnspython_timeouts(timeout):
            message = await self._async_ask(question, max_size, deadline, backend)
        message.time = timeout - deadline.left()
        return message

    def _ask(self, question: Question, max_size: bool, deadline: Deadline) -> dns.message.Message:
        return run(self._steps(question, max_size), deadline)

    async def _async_ask(
        self, question: Question, max_size: bool, deadline: Deadline, backend: Any
    ) -> dns.message.Message:
        steps = self._steps(question, max_size)
        message: dns.message.Message = await _running(backend.name()).run(steps, deadline)
        return message

    def _steps(self, question: Question, max_size: bool) -> Waiting[dns.message.Message]:
        """A query, by TCP where `max_size` says so."""
        raise NotImplementedError


class Nameserver(ProxiedNameserver):
    """A name server that is asked by UDP and TCP, through a SOCKS5 proxy.

    Parameters:
        address, port: its IP address, and its port.
        proxy: a `Proxy`, a URL, a sequence of either (a chain, first hop first), `DIRECT`, or
            None for the default proxy, else the environment; looked up once, here.
        tcp: True: it is asked by TCP only, for a proxy whose UDP leads nowhere.

    It is asked by TCP where the answer was truncated; and from then on where the proxy does no
    UDP: answers UDP ASSOCIATE by a failure, hangs up on it, ends the association, or is spoken to
    by TLS. A proxy that cannot be reached, refuses the credentials or does not answer in time is
    not tried again by TCP.

    Raises ValueError where `address` is no IP address, `port` no port, `proxy` malformed or none
    to be found. Source: RFC 1035 section 4.2, RFC 7766.
    """

    def __init__(
        self, address: str, port: int = 53, *, proxy: ProxyLike = None, tcp: bool = False
    ) -> None:
        super().__init__(proxy)
        if not dns.inet.is_address(address):
            raise ValueError(f"the name server {address!r} is no IP address")
        self._server = place(address, port)
        self.address, self.port = address, port
        self._tcp = tcp
        self._no_udp = False  # as the proxy has shown

    def kind(self) -> str:
        """What dnspython calls it."""
        return "Do53"

    def is_always_max_size(self) -> bool:
        """Whether it is asked by TCP only."""
        return self._tcp

    def _steps(self, question: Question, max_size: bool) -> Waiting[dns.message.Message]:
        if not (max_size or self._tcp or self._no_udp):
            try:
                return (yield from over_udp(self._route, self._server, question))
            except NoUdp:
                self._no_udp = True
        return (yield from over_stream(self._route, self._server, question))


class DoTNameserver(ProxiedNameserver):
    """A name server that is asked by DNS over TLS, through a SOCKS5 proxy.

    Parameters:
        address: its IP address, or its name, which the proxy looks up.
        port: its port.
        hostname: the name in its certificate, by default `address`.
        proxy: as for `Nameserver`.
        ssl_context: verifies the certificate, default `ssl.create_default_context()`.

    Raises ValueError where `address`, `hostname` or `port` cannot be, and as `Nameserver` does.
    Source: RFC 7858, with the strict profile of RFC 8310 section 5.
    """

    def __init__(
        self,
        address: str,
        port: int = 853,
        *,
        hostname: str | None = None,
        proxy: ProxyLike = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(proxy)
        self._server = place(address, port)
        self.address, self.port = address, port
        self._hostname = place(address if hostname is None else hostname, port).host
        self._context = ssl.create_default_context() if ssl_context is None else ssl_context

    def kind(self) -> str:
        """What dnspython calls it."""
        return "DoT"

    def _steps(self, question: Question, max_size: bool) -> Waiting[dns.message.Message]:
        return over_stream(self._route, self._server, question, self._context, self._hostname)


def place(host: str, port: int) -> Address:
    """Where a name server is: `host`, and `port`, 1 to 65535. Raises ValueError for others."""
    if port == 0:
        raise ValueError("the name server's port 0 is outside 1 to 65535")
    return Address(host, port)


def _refuse_source(source: str | None, source_port: int) -> None:
    if source is not None or source_port:
        raise NotImplementedError("the source of a query is the proxy: it cannot be chosen here")


def _resolving(route: Chain | Direct) -> Chain | Direct:
    """`route`, whose last proxy looks names up: here, the resolver's own would leak."""
    if route is DIRECT or route[-1].remote_dns:
        return route
    return (*route[:-1], route[-1].replace(remote_dns=True))


def _running(backend: str) -> Any:
    """How the library that runs the event loop runs steps."""
    if backend == "trio":
        from ..trio import running as trio_running

        return trio_running
    from ..asyncio import running as asyncio_running

    return asyncio_running


@contextmanager
def _dnspython_timeouts(seconds: float) -> Iterator[None]:
    """A deadline that passed is dnspython's error, after which a resolver asks again."""
    try:
        yield
    except TimeoutError as error:
        if not isinstance(error, HandshakeTimeout) and not is_timeout(error):
            raise  # what a proxy, or the system, says of another one's time
        timeout: Any = dns.exception.Timeout
        raise timeout(timeout=seconds) from error
