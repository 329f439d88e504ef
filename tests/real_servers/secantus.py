"""SecantusDB: MongoDB's protocol over MongoDB's storage engine, from PyPI, for MongoDB's driver.

Nobody packages MongoDB's own server: neither Debian nor PyPI.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .process import LOOPBACK, Server, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class DocumentStore:
    """A running document store, without a password."""

    host: str
    port: int
    servers: tuple[Server, ...] = field(default=(), repr=False, compare=False)


@contextmanager
def secantus(folder: Path) -> Iterator[DocumentStore]:
    """Run SecantusDB as the user that runs the tests, all its files in the folder."""

    def prepare(port: int) -> list[str]:
        # Standalone: else it tells clients of a replica set, at an address that only it knows.
        place = ["--host", LOOPBACK, "--port", str(port), "--storage-path", str(folder / "data")]
        return [sys.executable, "-m", "secantus", "--standalone", *place]

    with running("secantus", folder, prepare) as server:
        host, port = server.addresses[0]
        yield DocumentStore(host, port, servers=(server,))
