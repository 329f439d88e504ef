"""What a probe asks the proxy for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...protocol import Address, AddressType
from ..urls import MalformedUrl, Url

if TYPE_CHECKING:
    from ...proxy import Proxy
    from ..options import Options


# Where nobody listens, for proxies that let nobody connect to themselves.
_NOBODY = 1


@dataclass(frozen=True)
class Targets:
    """The destinations: of each kind the user's, else two ports of the proxy's own loopback.

    The next one is tried where the reply to the one before says nothing. `datagrams` is whom
    datagrams are sent to, None where the user named nobody.
    """

    name: tuple[Address, ...]
    ipv4: tuple[Address, ...]
    ipv6: tuple[Address, ...]
    datagrams: Address | None = None

    @classmethod
    def of(cls, options: Options, proxy: Proxy) -> Targets:
        """Raises MalformedUrl or UnsupportedScheme."""
        name, ipv4, ipv6 = (
            tuple(Address(host, port) for port in (proxy.port, _NOBODY))
            for host in ("localhost", "127.0.0.1", "::1")
        )
        chosen = cls(name, ipv4, ipv6)
        for text in options.urls:
            url = Url.parse(text, options.proto_default or "tcp")
            if not url.port and url.scheme in ("tcp", "udp"):
                raise MalformedUrl("port 0 leads nowhere")
            target = Address(url.connect_host, url.effective_port)
            if url.scheme == "udp":
                chosen = replace(chosen, datagrams=target)
            elif target.type is AddressType.NAME:
                chosen = replace(chosen, name=(target,))
            elif target.type is AddressType.IPV4:
                chosen = replace(chosen, ipv4=(target,))
            else:
                chosen = replace(chosen, ipv6=(target,))
        return chosen
