"""Ways to connect from an event loop: the contestants of several benchmarks."""

from __future__ import annotations

import asyncio
import socket
import time
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import socks5client
import socks5client.asyncio

from .measure import Sample

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .connectors import Address

    # Returns something connected, and `close` ends it.
    Connect = Callable[[], Awaitable[Any]]

DIRECT, PYTHON_SOCKS = "direct, no proxy", "python-socks"
OURS = {"asyncio": "socks5client.asyncio.connect", "trio": "socks5client.trio.connect"}
OURS_TIMEOUT = "the same with a timeout"
LOOPS = ("asyncio", "trio")
TIMEOUT = 60.0


def connectors(loop: str, proxy: Address, target: Address) -> dict[str, Connect]:
    """By name, for `loop`, one of `LOOPS`; python-socks first, where it is installed."""
    ours = socks5client.Proxy(*proxy)
    driver: Any = import_module(f"socks5client.{loop}")
    found: dict[str, Connect] = {
        OURS_TIMEOUT: lambda: driver.connect(target, proxy=ours, timeout=TIMEOUT),
        OURS[loop]: lambda: driver.connect(target, proxy=ours),
        DIRECT: _direct_trio(target) if loop == "trio" else _direct_asyncio(target),
    }
    if find_spec("python_socks"):
        from python_socks import ProxyType

        theirs: Any = import_module(f"python_socks.async_.{loop}").Proxy

        async def by_python_socks() -> Any:
            return await theirs(ProxyType.SOCKS5, *proxy, rdns=True).connect(*target)

        found = {PYTHON_SOCKS: by_python_socks, **found}
    return found


def _direct_asyncio(target: Address) -> Connect:
    async def direct() -> socket.socket:
        sock = socket.socket()
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, target)
        return sock

    return direct


def _direct_trio(target: Address) -> Connect:
    import trio

    async def direct() -> Any:
        sock = trio.socket.socket()
        await sock.connect(target)
        return trio.SocketStream(sock)

    return direct


def close(connected: Any) -> None:
    """Ends a socket, or a stream of trio's, at once."""
    getattr(connected, "socket", connected).close()


async def repeated(connect: Connect, times: int) -> None:
    """Connects and closes so many times."""
    for _ in range(times):
        close(await connect())


async def sample(connect: Connect, times: int) -> Sample:
    """What one of them costs, without the start of the loop."""
    wall, cpu = time.perf_counter(), time.process_time()
    await repeated(connect, times)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Sample(cpu / times, wall / times)


def run(loop: str, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    """What `function(*args)` returns, in a new loop."""
    if loop == "trio":
        import trio

        return trio.run(function, *args)
    with asyncio.Runner() as runner:
        return runner.run(function(*args))
