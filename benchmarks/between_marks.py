"""Connects and closes; whoever watches the system calls sees a mark before and after.

`python -m benchmarks.between_marks LOOP CONTESTANT PROXY_PORT TARGET_PORT TIMES MARK`, and perhaps
USER and PASSWORD; LOOP is "blocking", or one of `async_connectors`.
"""

from __future__ import annotations

import os
import sys

from . import async_connectors, connectors
from .children import LOOPBACK

BLOCKING = "blocking"


def _blocking(
    name: str,
    proxy: connectors.Address,
    target: connectors.Address,
    times: int,
    mark: str,
    user: connectors.User | None,
) -> None:
    connect = connectors.connector(name, proxy, target, user)
    connect().close()  # what is done only once
    os.access(mark, os.F_OK)
    for _ in range(times):
        connect().close()
    os.access(mark, os.F_OK)


async def _in_loop(connect: async_connectors.Connect, times: int, mark: str) -> None:
    await async_connectors.repeated(connect, 1)
    os.access(mark, os.F_OK)
    await async_connectors.repeated(connect, times)
    os.access(mark, os.F_OK)


def main(loop: str, name: str, proxy: str, target: str, times: str, mark: str, *user: str) -> None:
    """What the command line asks for."""
    there, here = (LOOPBACK, int(proxy)), (LOOPBACK, int(target))
    if loop == BLOCKING:
        _blocking(name, there, here, int(times), mark, (user[0], user[1]) if user else None)
    else:
        connect = async_connectors.connectors(loop, there, here)[name]
        async_connectors.run(loop, _in_loop, connect, int(times), mark)


if __name__ == "__main__":
    main(*sys.argv[1:])
