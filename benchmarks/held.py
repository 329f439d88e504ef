"""Holds connections, and says in KB what each of them takes: `python -m benchmarks.held`."""

from __future__ import annotations

import asyncio
import gc
import resource
import sys

import socks5client.asyncio

from .children import LOOPBACK

AT_ONCE = 50


def anonymous() -> int:
    """This process's anonymous memory, in KB."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))


async def hold(proxy: str, port: int, count: int) -> float:
    """KB for each of `count` connections to `port`."""
    held = []
    turns = asyncio.Semaphore(AT_ONCE)

    async def connect() -> None:
        async with turns:
            if proxy:
                held.append(await socks5client.asyncio.open_connection(LOOPBACK, port, proxy=proxy))
            else:
                held.append(await asyncio.open_connection(LOOPBACK, port))

    await connect()  # what is done only once
    gc.collect()
    before = anonymous()
    for first in range(0, count, AT_ONCE):
        await asyncio.gather(*(connect() for _ in range(min(AT_ONCE, count - first))))
    gc.collect()
    each = (anonymous() - before) / count
    for _, writer in held:
        writer.transport.abort()
    return each


if __name__ == "__main__":
    _, _proxy, _port, _count = sys.argv
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(asyncio.run(hold(_proxy, int(_port), int(_count))))
