"""dnspython over SOCKS5: name servers that are asked through a proxy.

::

    from socks5client.dns import Resolver

    resolver = Resolver("192.0.2.53", proxy="socks5h://127.0.0.1:1080")
    for record in resolver.resolve("example.com", "AAAA"):
        print(record)
    resolver.addresses("example.com")

What a resolver may be given as a name server:

==========================================  =====================================================
`"192.0.2.53"`, `"2001:db8::53"`            UDP; TCP where the answer was truncated, or where the
                                            proxy does no UDP
`"tls://192.0.2.53#dns.example"`            DNS over TLS (RFC 7858); behind the # the name in its
                                            certificate
`"tls://dns.example:853"`                   the same; that name is the host's
`"https://dns.example/dns-query"`           DNS over HTTPS (RFC 8484); needs the extra `httpx`
`"tor"`                                     Tor: the proxy itself, by RESOLVE and RESOLVE_PTR
==========================================  =====================================================

or one of the classes of the same meaning: `Nameserver`, `DoTNameserver`, `DoHNameserver` and
`TorNameserver`. The host of a URL may be a name: the proxy looks it up, never this machine,
whatever the scheme of the proxy's URL.
"""

try:
    import dns  # noqa: F401
except ImportError as error:
    raise ImportError(
        "socks5client.dns needs dnspython: pip install 'socks5client[dns]'"
    ) from error

from .https import DoHNameserver
from .nameserver import DoTNameserver, Nameserver
from .resolver import AsyncResolver, Resolver
from .tor import TorNameserver

__all__ = [
    "AsyncResolver",
    "DoHNameserver",
    "DoTNameserver",
    "Nameserver",
    "Resolver",
    "TorNameserver",
]
