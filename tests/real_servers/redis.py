"""redis-server: a Redis that keeps nothing."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .packages import require
from .process import LOOPBACK, Server, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class RedisServer:
    """A running Redis, without a password."""

    host: str
    port: int
    servers: tuple[Server, ...] = field(default=(), repr=False, compare=False)


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """Run redis-server as the user that runs the tests, with no file of its own."""
    binary = require("redis-server")

    def prepare(port: int) -> list[str]:
        place = ["--bind", LOOPBACK, "--port", str(port), "--dir", str(folder)]
        return [binary, *place, "--save", "", "--appendonly", "no"]

    with running("redis-server", folder, prepare) as server:
        host, port = server.addresses[0]
        yield RedisServer(host, port, servers=(server,))
