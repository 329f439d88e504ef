"""--dns tunnel: names are looked up through the proxy, by name servers of one's choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .options import UsageError
from .targets import host_of, is_literal

if TYPE_CHECKING:
    from ..route import Chain
    from .options import Options
    from .session import Session

_LIFETIME = 10.0  # seconds for a look-up


def look_up(
    session: Session, options: Options, chain: Chain, name: str, family: int, left: float
) -> list[str]:
    """The addresses of `name`; `left`, in seconds, bounds the look-up.

    Raises UsageError for a name server that is none, `socket.gaierror`.
    """
    if is_literal(name):
        return [name]
    try:
        from ..dns import Nameserver, Resolver
    except ImportError as error:
        raise UsageError(f"option --dns: {error}") from None

    def server(text: str) -> Any:
        """An IP address may have a port."""
        host, _, port = host_of(text)
        if is_literal(host) and port.isascii() and port.isdigit():
            return Nameserver(host, int(port), proxy=chain)
        return text

    try:
        servers = [server(text) for text in options.nameservers] or None
        # What the transfers of a command have learnt is shared.
        first = session.shared(
            ("dns", options.nameservers, chain), lambda: Resolver(servers, proxy=chain)
        )
        resolver = Resolver(servers, proxy=chain, cache=first.cache or False)
    except (ValueError, ImportError) as error:
        raise UsageError(f"option --nameserver: {error}") from None
    resolver.lifetime = min(_LIFETIME, left)
    return resolver.addresses(name, family)
