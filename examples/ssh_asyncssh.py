"""A command on another machine through a SOCKS5 proxy: `asyncssh` takes a socket as `sock=`.

    python -m examples.ssh_asyncssh --proxy socks5h://127.0.0.1:1080 \\
        --key ~/.ssh/id_ed25519 --known-hosts ~/.ssh/known_hosts me@ssh.example.com uptime

It prints what the command prints, and exits as it does.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from urllib.parse import urlsplit

import asyncssh

import socks5client.asyncio


async def run(options: argparse.Namespace) -> int | None:
    place = urlsplit(f"//{options.place}")
    address = place.hostname or "", place.port or 22
    with await socks5client.asyncio.connect(address, proxy=options.proxy, timeout=30) as sock:
        async with asyncssh.connect(
            *address,
            sock=sock,
            username=place.username,
            client_keys=[options.key],
            known_hosts=options.known_hosts,
            config=None,
            agent_path=None,
        ) as connection:
            done = await connection.run(options.command, encoding=None)
    assert isinstance(done.stdout, bytes)
    sys.stdout.buffer.write(done.stdout)
    return done.returncode


def main() -> int | str | None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--proxy", required=True, metavar="URL")
    parser.add_argument("--key", required=True, metavar="FILE")
    parser.add_argument("--known-hosts", required=True, metavar="FILE")
    parser.add_argument("place", metavar="USER@HOST[:PORT]")
    parser.add_argument("command", metavar="COMMAND")
    try:
        return asyncio.run(run(parser.parse_args()))
    except (OSError, asyncssh.Error) as error:
        return f"ssh_asyncssh: {error}"


if __name__ == "__main__":
    raise SystemExit(main())
