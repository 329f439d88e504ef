"""A command's output, by asyncssh."""

import asyncio
import sys

import asyncssh


async def main(host: str, port: str, user: str, key: str, known_hosts: str, command: str) -> None:
    async with asyncssh.connect(
        host, int(port), username=user, client_keys=[key], known_hosts=known_hosts, config=None
    ) as connection:
        done = await connection.run(command, check=True)
        print(done.stdout, end="")


asyncio.run(main(*sys.argv[1:]))
