"""Holds connections, and says in KB what each of them takes.

`python -m benchmarks.held CONTESTANT PROXY_PORT TARGET_PORT COUNT`, of `CONTESTANTS`; the memory is
the process's anonymous one, beyond what was there before.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import sys
from typing import TYPE_CHECKING, Any

import socks5client.asyncio

from . import async_connectors, connectors
from .children import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .connectors import Address

PLAIN = "socket, direct"
STREAMS, OUR_STREAMS = "asyncio streams, direct", "socks5client.asyncio.open_connection"
_SOCKETS = {
    PLAIN: connectors.DIRECT,
    "create_connection": connectors.OURS,
    "socket(), non-blocking connect": connectors.OURS_BRIDGED,
    "PySocks": connectors.PYSOCKS,
    "python-socks": connectors.PYTHON_SOCKS,
}
_TASKS = {
    "asyncio, direct": ("asyncio", async_connectors.DIRECT),
    "socks5client.asyncio.connect": ("asyncio", async_connectors.OURS["asyncio"]),
    "python-socks, asyncio": ("asyncio", async_connectors.PYTHON_SOCKS),
    "trio, direct": ("trio", async_connectors.DIRECT),
    "socks5client.trio.connect": ("trio", async_connectors.OURS["trio"]),
    "python-socks, trio": ("trio", async_connectors.PYTHON_SOCKS),
}
# Each with the one that it is compared with.
CONTESTANTS = {
    **dict.fromkeys(_SOCKETS, PLAIN),
    **{name: "trio, direct" if "trio" in name else "asyncio, direct" for name in _TASKS},
    STREAMS: STREAMS,
    OUR_STREAMS: STREAMS,
}


def anonymous() -> int:
    """This process's anonymous memory, in KB."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))


def hold(connect: Callable[[], Any], count: int) -> float:
    """KB for each of `count` connections."""
    held = [connect()]  # and what is done only once
    gc.collect()
    before = anonymous()
    held += [connect() for _ in range(count)]
    gc.collect()
    return (anonymous() - before) / count


async def hold_in_tasks(connect: Callable[[], Awaitable[Any]], count: int) -> float:
    """The same in an event loop."""
    held = [await connect()]
    gc.collect()
    before = anonymous()
    for _ in range(count):
        held.append(await connect())
    gc.collect()
    return (anonymous() - before) / count


def measure(name: str, proxy: Address, target: Address, count: int) -> float:
    """KB for each connection of the contestant `name`."""
    if name in _SOCKETS:
        return hold(connectors.connector(_SOCKETS[name], proxy, target), count)
    if name in _TASKS:
        loop, way = _TASKS[name]
        connect = async_connectors.connectors(loop, proxy, target)[way]
        each: float = async_connectors.run(loop, hold_in_tasks, connect, count)
        return each
    if name == STREAMS:
        return asyncio.run(hold_in_tasks(lambda: asyncio.open_connection(*target), count))
    url = "socks5h://{}:{}".format(*proxy)
    return asyncio.run(
        hold_in_tasks(lambda: socks5client.asyncio.open_connection(*target, proxy=url), count)
    )


if __name__ == "__main__":
    _, _name, _proxy_port, _target_port, _count = sys.argv
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(
        measure(_name, (LOOPBACK, int(_proxy_port)), (LOOPBACK, int(_target_port)), int(_count)),
        flush=True,
    )
    os._exit(0)  # thousands of connections need not be closed one by one
