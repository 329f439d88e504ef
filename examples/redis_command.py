"""Redis through a SOCKS5 proxy: a connection class for the pools of `redis`.

    python -m examples.redis_command --proxy socks5h://127.0.0.1:1080 redis.example.com GET key

With TLS: `class ProxiedTLS(redis.SSLConnection, ProxiedConnection)` has nothing to add.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import redis

import socks5client

if TYPE_CHECKING:
    import socket


class ProxiedConnection(redis.Connection):
    """A connection of a pool that goes through `proxy`."""

    def __init__(self, *, proxy: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.proxy = proxy

    def _connect(self) -> socket.socket:
        address = self.host, self.port
        sock = socks5client.create_connection(
            address, self.socket_connect_timeout, proxy=self.proxy
        )
        sock.settimeout(self.socket_timeout)
        return sock


def main() -> int | str:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--proxy", required=True, metavar="URL")
    parser.add_argument("server", metavar="HOST[:PORT]")
    parser.add_argument("command", nargs="+", metavar="COMMAND")
    options = parser.parse_args()
    server = urlsplit(f"//{options.server}")
    pool = redis.ConnectionPool(
        connection_class=ProxiedConnection,
        proxy=options.proxy,
        host=server.hostname,
        port=server.port or 6379,
        socket_connect_timeout=30,
    )
    try:
        with redis.Redis.from_pool(pool) as client:
            answer = client.execute_command(*options.command)
    except (OSError, redis.RedisError) as error:
        return f"redis_command: {error}"
    sys.stdout.buffer.write(answer if isinstance(answer, bytes) else str(answer).encode())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
