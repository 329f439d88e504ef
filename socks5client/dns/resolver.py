"""dnspython's resolvers, all of whose name servers are asked through a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import dns.asyncbackend
import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.rdatatype
import dns.resolver

from ..route import find_route
from . import lookups
from .nameserver import ProxiedNameserver
from .text import from_text, of_the_system

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence
    from typing import TypeVar

    from ..route import ProxyLike

    T = TypeVar("T")

# How many answers a resolver remembers: a few MB at most.
CACHED = 1000


class _Cache(dns.resolver.LRUCache):
    """One that leaves alone what has no TTL: that there is none, said without an SOA record.

    (RFC 2308 section 5; dnspython keeps it for minutes, and up to 2.6 for decades.)
    """

    def put(self, key: dns.resolver.CacheKey, value: dns.resolver.Answer) -> None:
        said = value.response.authority
        if value.rrset is not None or any(rrset.rdtype == dns.rdatatype.SOA for rrset in said):
            super().put(key, value)


class _Through(dns.resolver.BaseResolver):
    """What both resolvers have in common."""

    def __init__(
        self,
        nameservers: str | dns.nameserver.Nameserver | Sequence[Any] | None = None,
        *,
        port: int = 53,
        proxy: ProxyLike = None,
        tcp: bool = False,
        ssl_context: ssl.SSLContext | None = None,
        cache: dns.resolver.CacheBase | bool = True,
    ) -> None:
        self._route = find_route(proxy)
        self._tcp = tcp
        self._ssl_context = ssl_context
        super().__init__(configure=False)
        self.port = port
        self.cache = _Cache(CACHED) if cache is True else cache or None
        if nameservers is None:
            nameservers = of_the_system()
        elif isinstance(nameservers, (str, dns.nameserver.Nameserver)):
            nameservers = [nameservers]
        self.nameservers = nameservers

    @property
    def nameservers(self) -> Sequence[str | dns.nameserver.Nameserver]:
        """The name servers; text that is assigned becomes one that the proxy is asked for."""
        return self._nameservers

    @nameservers.setter
    def nameservers(self, nameservers: Sequence[str | dns.nameserver.Nameserver]) -> None:
        self._nameservers = [self._through_proxy(server) for server in nameservers]

    def _through_proxy(self, server: str | dns.nameserver.Nameserver) -> ProxiedNameserver:
        if isinstance(server, ProxiedNameserver):
            return server
        if not isinstance(server, str):
            raise ValueError(
                f"{type(server).__module__}.{type(server).__qualname__} asks past the proxy:"
                " give the name server as text, or as one of the classes of socks5client.dns"
            )
        port = self.nameserver_ports.get(server, self.port)
        return from_text(server, port, self._route, self._tcp, self._ssl_context)


class Resolver(_Through, dns.resolver.Resolver):
    """A `dns.resolver.Resolver` whose name servers are asked through a SOCKS5 proxy.

    Parameters:
        nameservers: text as the module says, or a name server of this module, or a sequence of
            these, asked in order; None: the system's, but those on loopback or with a zone.
        port: that of the name servers without a scheme.
        proxy: a `Proxy`, a URL, a sequence of either (a chain, first hop first), `DIRECT`, or
            None for the default proxy, else the environment; looked up once, here.
        tcp: True: no UDP, for a proxy whose UDP leads nowhere; see `Nameserver`.
        ssl_context: verifies the certificates of the name servers that are given as URLs, default
            `ssl.create_default_context()`.
        cache: True: an LRU cache of its own for 1000 answers, each for its TTL; False: none; or
            a cache of dnspython's.

    The attributes `lifetime` (5.0 seconds for a question) and `timeout` (2.0 for each try of it)
    are dnspython's, and so are `resolve` and its errors.

    Raises ValueError where a name server or `proxy` is malformed, or none is to be found. No
    search list is used, and no file of hosts.
    """

    def addresses(self, name: str, family: int = 0) -> list[str]:
        """The addresses of `name`, IPv4 before IPv6, as `socket.getaddrinfo` would find them.

        Parameters: `name`, a name, internationalised or not, or an IP address, which is its own
        answer; `family`, AF_INET, AF_INET6, or 0 for both. `lifetime` bounds all of it. Where one
        family cannot be learnt, the other's addresses are all.

        Raises `socket.gaierror`: EAI_NONAME where there is no such name, or no address of it;
        EAI_AGAIN where no name server answered properly in time, and then the proxy's error, if
        there was one, is the `__cause__`.
        """
        return self._look_up(lookups.addresses(name, family, self.lifetime))

    def name_of(self, address: str) -> str | None:
        """The name of an IP address (PTR), without the final dot; None where it has none.

        Raises `socket.gaierror` (EAI_AGAIN) as `addresses` does, ValueError where `address` is
        no IP address. Source: RFC 1035 section 3.5, RFC 3596 section 2.5.
        """
        return self._look_up(lookups.name_of(address, self.lifetime))

    def try_ddr(self, lifetime: float = 5.0) -> NoReturn:
        """Not here: dnspython would speak to the name servers past the proxy."""
        _refuse_ddr()

    def _look_up(self, steps: lookups.Steps[T]) -> T:
        try:
            name, kind, lifetime = next(steps)
            while True:
                try:
                    answer = self.resolve(name, kind, lifetime=lifetime)
                except dns.exception.DNSException as error:
                    name, kind, lifetime = steps.throw(error)
                else:
                    name, kind, lifetime = steps.send(answer)
        except StopIteration as end:
            found: T = end.value
            return found


class AsyncResolver(_Through, dns.asyncresolver.Resolver):
    """A `dns.asyncresolver.Resolver` whose name servers are asked through a SOCKS5 proxy.

    On asyncio and trio. Parameters and errors are those of `Resolver`.
    """

    async def resolve(self, *args: Any, **kwargs: Any) -> dns.resolver.Answer:
        """As dnspython's, whose parameters it takes; on whichever library runs the event loop.

        (dnspython's own goes on with the first one that it was used on.)
        """
        if kwargs.get("backend") is None:
            kwargs["backend"] = dns.asyncbackend.get_backend(dns.asyncbackend.sniff())
        return await super().resolve(*args, **kwargs)

    async def addresses(self, name: str, family: int = 0) -> list[str]:
        """As `Resolver.addresses`."""
        return await self._look_up(lookups.addresses(name, family, self.lifetime))

    async def name_of(self, address: str) -> str | None:
        """As `Resolver.name_of`."""
        return await self._look_up(lookups.name_of(address, self.lifetime))

    async def try_ddr(self, lifetime: float = 5.0) -> NoReturn:
        """Not here: dnspython would speak to the name servers past the proxy."""
        _refuse_ddr()

    async def _look_up(self, steps: lookups.Steps[T]) -> T:
        try:
            name, kind, lifetime = next(steps)
            while True:
                try:
                    answer = await self.resolve(name, kind, lifetime=lifetime)
                except dns.exception.DNSException as error:
                    name, kind, lifetime = steps.throw(error)
                else:
                    name, kind, lifetime = steps.send(answer)
        except StopIteration as end:
            found: T = end.value
            return found


def _refuse_ddr() -> NoReturn:
    raise NotImplementedError(
        "the discovery of encrypted resolvers (RFC 9462) would speak to name servers past the"
        " proxy: name one by a tls:// or https:// URL"
    )
