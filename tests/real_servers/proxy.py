"""What a test needs to know about a running SOCKS5 proxy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from .process import Server


@dataclass(frozen=True)
class RealProxy:
    """A running proxy of another project.

    `features` says what it can do, of: connect, bind, udp, password, names (resolves
    them itself), ipv6 (destinations), failures (a destination out of reach gets a
    failure reply; from the others it gets EOF).
    """

    name: str
    host: str
    port: int
    features: frozenset[str]
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    # Their arguments hold the password, so they are kept out of the repr as well.
    servers: tuple[Server, ...] = field(default=(), repr=False, compare=False)

    @property
    def address(self) -> tuple[str, int]:
        """Where to connect to."""
        return self.host, self.port

    @property
    def url(self) -> str:
        """The proxy as curl and socks5client take it; names are resolved by the proxy."""
        credentials = ""
        if self.user is not None:
            credentials = f"{quote(self.user, safe='')}:{quote(self.password or '', safe='')}@"
        return f"socks5h://{credentials}{self.host}:{self.port}"
