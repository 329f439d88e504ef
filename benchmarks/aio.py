"""asyncio: to connect and close through microsocks, and what many connections at once take."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import socks5client
import socks5client.asyncio
from tests import real_servers

from .children import ROOT, keeper, listener
from .measure import (
    CPU_MICROSECONDS,
    WALL_MICROSECONDS,
    Bar,
    Contestant,
    Quantity,
    Sample,
    Table,
    interleave,
    timed,
)
from .run import folder, missing, need_programs

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Iterator

    from .connectors import Address
    from .run import Settings

    Connect = Callable[[], Awaitable[socket.socket]]

ROUNDS, CONNECTS = 41, 25
MEMORY_ROUNDS, CONNECTIONS = 5, 3000
PYTHON_SOCKS, OURS, DIRECT = "python-socks", "socks5client.asyncio.connect", "direct, no proxy"
OURS_TIMEOUT = "the same with a timeout"
# A sample is of one connection; its first number is KB here.
KILOBYTES = Quantity("KB each", lambda sample: sample.cpu, 2)


def run(settings: Settings) -> Iterator[Table]:
    """CPU and wall time per connection, then memory."""
    need_programs("microsocks")
    with folder() as files, real_servers.microsocks(files) as proxy:
        yield _connects(settings, proxy.address)
        yield _memory(settings, proxy.address)


def _connects(settings: Settings, proxy: Address) -> Table:
    rounds, connects = settings.rounds_or(ROUNDS), settings.size_or(CONNECTS, 3)
    with listener() as target, asyncio.Runner() as runner:
        contestants = []
        for name, connect in _ways(proxy, target).items():
            bar = Bar(0.6) if name == OURS_TIMEOUT else None

            async def work(connect: Connect = connect) -> None:
                for _ in range(connects):
                    (await connect()).close()

            def in_loop(work: Callable[[], Awaitable[None]] = work) -> None:
                runner.get_loop().run_until_complete(work())

            contestants.append(Contestant(name, timed(in_loop, connects), PYTHON_SOCKS, bar))
        results = interleave(contestants, rounds)
    title = f"asyncio, connect and close through microsocks: {rounds} rounds of {connects}"
    notes = [*missing(python_socks=PYTHON_SOCKS), "python-socks always has a timeout"]
    return Table(title, (CPU_MICROSECONDS, WALL_MICROSECONDS), results, notes)


def _ways(proxy: Address, target: Address) -> dict[str, Connect]:
    ours = socks5client.Proxy(*proxy)

    async def direct() -> socket.socket:
        import socket

        sock = socket.socket()
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, target)
        return sock

    ways: dict[str, Connect] = {
        OURS_TIMEOUT: lambda: socks5client.asyncio.connect(target, proxy=ours, timeout=60),
        OURS: lambda: socks5client.asyncio.connect(target, proxy=ours),
        DIRECT: direct,
    }
    if find_spec("python_socks"):
        from python_socks import ProxyType
        from python_socks.async_.asyncio import Proxy

        async def theirs() -> socket.socket:
            return await Proxy(ProxyType.SOCKS5, *proxy, rdns=True).connect(*target)

        ways = {PYTHON_SOCKS: theirs, **ways}
    return ways


def _memory(settings: Settings, proxy: Address) -> Table:
    """Streams of asyncio, held by one process, in fresh ones by turns."""
    rounds = settings.rounds_or(MEMORY_ROUNDS)
    count = settings.size_or(CONNECTIONS, 30)
    url = "socks5h://{}:{}".format(*proxy)
    with keeper() as target:

        def take(proxy: str) -> Callable[[], Sample]:
            def measured() -> Sample:
                command = [
                    sys.executable,
                    "-m",
                    "benchmarks.held",
                    proxy,
                    str(target[1]),
                    str(count),
                ]
                kilobytes = subprocess.check_output(command, cwd=ROOT, text=True)
                return Sample(float(kilobytes), 0.0)

            return measured

        contestants = [
            Contestant("asyncio.open_connection, direct", take("")),
            Contestant(
                "socks5client.asyncio.open_connection",
                take(url),
                "asyncio.open_connection, direct",
                Bar(1.1),
            ),
        ]
        results = interleave(contestants, min(rounds, MEMORY_ROUNDS))
    title = f"asyncio, memory of {count} connections held by one process"
    return Table(title, (KILOBYTES,), results, ["anonymous memory, beyond what was there before"])
