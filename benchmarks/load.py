"""Many connections: `python -m benchmarks.load [--sequential 5000] [--concurrent 2000]`.

Each driver makes them one after the other, then as many at once, through a proxy that does wrong in
one of a hundred. Shown: how many ended how, how long it took, and what was left of descriptors,
threads and memory. It fails where a connection hangs or ends in another way than it should.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import threading
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

import socks5client
import socks5client.asyncio
import socks5client.trio
from socks5client import SocksError
from tests.drivers import DRIVERS

from .children import child, keeper
from .measure import layout
from .soak import resources

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

    Address = tuple[str, int]

TIMEOUT = 3.0  # of one connection, in seconds
SETTLES = 5.0  # after which what is left is a leak
TIMEOUT_AT_ONCE = 30.0  # of one among thousands: the proxy is one process


def one_after_the_other(connect: Any, target: Address, proxy: str, count: int) -> Counter[str]:
    """The drivers of the tests, closing each connection before the next."""
    ends: Counter[str] = Counter()
    for _ in range(count):
        try:
            connect(target, proxy, TIMEOUT).close()
            ends["connected"] += 1
        except SocksError as error:
            ends[type(error).__name__] += 1
    return ends


def in_threads(target: Address, proxy: str, count: int) -> Counter[str]:
    """All at once, a thread each; all stay open until the last one is there."""
    threading.stack_size(256 * 1024)
    ends: Counter[str] = Counter()
    lock, meet = threading.Lock(), threading.Barrier(count)

    def work() -> None:
        sock: socket.socket | None = None
        try:
            sock = socks5client.connect(target, proxy=proxy, timeout=TIMEOUT_AT_ONCE)
            end = "connected"
        except SocksError as error:
            end = type(error).__name__
        with lock:
            ends[end] += 1
        meet.wait(2 * TIMEOUT_AT_ONCE)
        if sock is not None:
            sock.close()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3 * TIMEOUT_AT_ONCE)
    threading.stack_size(0)
    return ends


async def _tasks(open_: Callable[[], Awaitable[Any]], count: int) -> Counter[str]:
    ends: Counter[str] = Counter()
    opened = await asyncio.gather(*(open_() for _ in range(count)), return_exceptions=True)
    for result in opened:
        if isinstance(result, SocksError):
            ends[type(result).__name__] += 1
        elif isinstance(result, BaseException):
            raise result
        else:
            ends["connected"] += 1
            (result[1] if isinstance(result, tuple) else result).close()
    await asyncio.sleep(0.1)  # transports close in the next turn
    return ends


def in_asyncio(
    target: Address, proxy: str, count: int, *, streams: bool = False, uvloop: bool = False
) -> Counter[str]:
    """All at once, a task each."""
    open_: Callable[[], Awaitable[Any]]
    if streams:
        open_ = partial(
            socks5client.asyncio.open_connection, *target, proxy=proxy, timeout=TIMEOUT_AT_ONCE
        )
    else:
        open_ = partial(socks5client.asyncio.connect, target, proxy=proxy, timeout=TIMEOUT_AT_ONCE)
    factory = None
    if uvloop:
        from uvloop import new_event_loop as factory
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_tasks(open_, count))


def in_trio(target: Address, proxy: str, count: int) -> Counter[str]:
    """All at once, a task each."""
    ends: Counter[str] = Counter()

    async def one(opened: list[trio.SocketStream]) -> None:
        try:
            stream = await socks5client.trio.connect(target, proxy=proxy, timeout=TIMEOUT_AT_ONCE)
            opened.append(stream)
            ends["connected"] += 1
        except SocksError as error:
            ends[type(error).__name__] += 1

    async def all_() -> None:
        opened: list[trio.SocketStream] = []
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(one, opened)
        for stream in opened:
            await trio.aclose_forcefully(stream)

    trio.run(all_)
    return ends


AT_ONCE: dict[str, Callable[[Address, str, int], Counter[str]]] = {
    "threads": in_threads,
    "asyncio": in_asyncio,
    "asyncio streams": partial(in_asyncio, streams=True),
    "uvloop": partial(in_asyncio, uvloop=True),
    "trio": in_trio,
}


def _settled(before: tuple[int, int, float]) -> tuple[int, int, float]:
    """What is used once all is given back: a bridge closes a moment behind its user."""
    deadline = time.monotonic() + SETTLES
    while True:
        after = resources()
        left = after[0] > before[0] or after[1] > before[1]
        if not left or time.monotonic() > deadline:
            return after
        time.sleep(0.01)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--sequential", type=int, default=5000)
    parser.add_argument("--concurrent", type=int, default=2000)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rows = [["driver", "count", "seconds", "ends", "fds", "threads", "MB"]]
    failed = False
    works = [
        (name, options.sequential, partial(one_after_the_other, connect))
        for name, connect in DRIVERS.items()
    ]
    works += [(f"{name}, at once", options.concurrent, work) for name, work in AT_ONCE.items()]
    for name, count, work in works:
        with child("benchmarks.faulty") as proxy, keeper() as target:
            url = "socks5h://{}:{}".format(*proxy)
            work(target, url, 20)  # what is made only once: a thread, a module
            before, begun = resources(), time.monotonic()
            ends = work(target, url, count)
            seconds = time.monotonic() - begun
            after = _settled(before)
        grown = [later - sooner for later, sooner in zip(after, before, strict=True)]
        failed |= sum(ends.values()) != count or grown[0] > 0 or grown[1] > 0
        told = ", ".join(f"{number} {end}" for end, number in ends.most_common())
        rows.append(
            [name, str(count), f"{seconds:.1f}", told, *(f"{value:+.0f}" for value in grown)]
        )
        print(rows[-1], flush=True)
    print("\n".join(layout(rows)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
