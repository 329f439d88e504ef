"""Name servers as text, and those of the system."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import dns.inet
import dns.resolver

from .https import DoHNameserver
from .nameserver import DoTNameserver, Nameserver, ProxiedNameserver
from .tor import TorNameserver

if TYPE_CHECKING:
    import ssl

    from ..route import ProxyLike

TOR = "tor"


def from_text(
    text: str, port: int, proxy: ProxyLike, tcp: bool, ssl_context: ssl.SSLContext | None
) -> ProxiedNameserver:
    """The name server that `text` means, asked through `proxy`.

    Parameters: `text`, an IP address, a tls:// or https:// URL, or "tor"; `port` and `tcp` (to
    ask by TCP alone) for an IP address; `ssl_context`, for a URL. Raises ValueError where it
    means none.
    """
    if text == TOR:
        return TorNameserver(proxy)
    if text.startswith("https:"):
        return DoHNameserver(text, proxy=proxy, ssl_context=ssl_context)
    if text.startswith("tls:"):
        return _over_tls(text, proxy, ssl_context)
    if dns.inet.is_address(text):
        return Nameserver(text, port, proxy=proxy, tcp=tcp)
    shown = "(with an @ in it)" if "@" in text else repr(text)  # behind it may be a password
    raise ValueError(
        f"the name server {shown} is no IP address, no tls:// or https:// URL, and not {TOR!r}"
    )


def _over_tls(url: str, proxy: ProxyLike, ssl_context: ssl.SSLContext | None) -> DoTNameserver:
    what = "the name server's URL"
    if "@" in url:
        raise ValueError(f"{what} has user info, which DNS over TLS has no use for")
    try:
        if not url.isprintable():
            raise ValueError("it has a control character")
        parts = urlsplit(url)
        if not parts.hostname or parts.path or parts.query:
            raise ValueError("it is not tls://host[:port][#name]")
        return DoTNameserver(
            parts.hostname,
            853 if parts.port is None else parts.port,
            hostname=parts.fragment or None,
            proxy=proxy,
            ssl_context=ssl_context,
        )
    except ValueError as error:
        raise ValueError(f"{what} {url!r}: {error}") from None


def of_the_system() -> list[str]:
    """The addresses of the system's name servers that mean something to a proxy.

    Raises ValueError where there is none.
    """
    try:
        found = [str(server) for server in dns.resolver.Resolver().nameservers]
    except dns.resolver.NoResolverConfiguration:
        found = []
    servers = [server for server in found if _is_global(server)]
    if not servers:
        raise ValueError(
            "the system has no name server that a proxy could reach"
            f" ({', '.join(found) or 'none at all'}): name some"
        )
    return servers


def _is_global(server: str) -> bool:
    """Whether it is the same machine, seen from here and from the proxy."""
    address = ip_address(server.partition("%")[0])
    return not (address.is_loopback or address.is_link_local or address.is_unspecified)
