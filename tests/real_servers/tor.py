"""tor: a proxy that resolves, here what it knows without a network."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .packages import require
from .process import LOOPBACK, Server, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NAMES = {"name.test": "192.0.2.7", "name6.test": "2001:db8::7"}

# The one directory authority is nobody, so that it asks none of the real ones.
NOBODY = f"x orport=1 v3ident={1:040} {LOOPBACK}:1 {2:040}"

CONFIGURATION = """\
SocksPort {host}:{port}
DataDirectory {folder}/data
DirAuthority {nobody}
AutomapHostsOnResolve 1
Log notice stdout
"""


@dataclass(frozen=True)
class Tor:
    """A running tor without a network, and the names it knows, one address each.

    Of other names it knows nothing, and does not say so; a name in .onion gets an address of its
    own. No address has a name.
    """

    host: str
    port: int
    names: Mapping[str, str]
    servers: tuple[Server, ...] = field(default=(), repr=False, compare=False)

    @property
    def url(self) -> str:
        """The proxy as socks5client takes it."""
        return f"socks5h://{self.host}:{self.port}"


@contextmanager
def tor(folder: Path) -> Iterator[Tor]:
    """Run tor as the user that runs the tests."""
    binary = require("tor")
    configuration = folder / "torrc"
    empty = folder / "defaults"
    empty.touch()

    def prepare(port: int) -> list[str]:
        text = CONFIGURATION.format(host=LOOPBACK, port=port, folder=folder, nobody=NOBODY)
        mapped = (
            f"MapAddress {name} {f'[{address}]' if ':' in address else address}\n"
            for name, address in NAMES.items()
        )
        configuration.write_text(text + "".join(mapped))
        return [binary, "-f", str(configuration), "--defaults-torrc", str(empty)]

    with running("tor", folder, prepare) as server:
        host, port = server.addresses[0]
        yield Tor(host, port, NAMES, servers=(server,))
