"""moto: Amazon's services, of which S3 is what the tests use, kept in memory."""

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
class MotoServer:
    """A running moto, which takes any credentials."""

    host: str
    port: int
    servers: tuple[Server, ...] = field(default=(), repr=False, compare=False)


@contextmanager
def moto_server(folder: Path) -> Iterator[MotoServer]:
    """Run moto's server in a process of its own."""

    def prepare(port: int) -> list[str]:
        # Or the first part of a host's name would be taken for a bucket.
        setting = "S3_IGNORE_SUBDOMAIN_BUCKETNAME=true"
        place = ["-H", LOOPBACK, "-p", str(port)]
        return ["env", setting, sys.executable, "-m", "moto.server", *place]

    with running("moto", folder, prepare) as server:
        host, port = server.addresses[0]
        yield MotoServer(host, port, servers=(server,))
