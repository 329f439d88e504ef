"""aiohttp through danted to nginx: a connection for each request, and one for all."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import TYPE_CHECKING

from .measure import CPU_MICROSECONDS, WALL_MICROSECONDS, Contestant, Table, interleave, timed
from .run import missing, proxy_and_origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import aiohttp

    from tests.real_servers import RealProxy

    from .run import Settings

ROUNDS, REQUESTS, NEW_CONNECTIONS = 31, 40, 10
DIRECT, OURS, THEIRS = "aiohttp direct, no proxy", "Socks5Connector", "aiohttp-socks"


def run(settings: Settings) -> Iterator[Table]:
    """CPU and wall time per request, on asyncio."""
    with proxy_and_origin("aiohttp") as (proxy, origin):
        url, rounds = f"{origin.http_url}/index.html", settings.rounds_or(ROUNDS)
        yield _table(proxy, url, rounds, settings.size_or(NEW_CONNECTIONS, 2), keep_alive=False)
        yield _table(proxy, url, rounds, settings.size_or(REQUESTS, 3), keep_alive=True)


def _table(proxy: RealProxy, url: str, rounds: int, requests: int, *, keep_alive: bool) -> Table:
    with asyncio.Runner() as runner:
        sessions = runner.run(_sessions(proxy, keep_alive))
        try:
            contestants = [
                Contestant(name, timed(_requests(runner, session, url, requests), requests), DIRECT)
                for name, session in sessions.items()
            ]
            results = interleave(contestants, rounds)
        finally:
            runner.run(_close(sessions))
    what = "keep-alive" if keep_alive else "a new connection for each request"
    title = f"aiohttp, http, {what}: {rounds} rounds of {requests} requests, nginx by danted"
    notes = [*missing(aiohttp_socks=THEIRS), "the floor is aiohttp direct"]
    return Table(title, (CPU_MICROSECONDS, WALL_MICROSECONDS), results, notes)


async def _sessions(proxy: RealProxy, keep_alive: bool) -> dict[str, aiohttp.ClientSession]:
    import aiohttp

    from socks5client.aiohttp import Socks5Connector

    kept = {"force_close": not keep_alive}
    connectors: dict[str, aiohttp.TCPConnector] = {
        DIRECT: aiohttp.TCPConnector(**kept),
        OURS: Socks5Connector(proxy.url, **kept),
    }
    if find_spec("aiohttp_socks"):
        from aiohttp_socks import ProxyConnector

        url = proxy.url.replace("socks5h:", "socks5:")  # it knows no socks5h
        connectors[THEIRS] = ProxyConnector.from_url(url, rdns=True, **kept)
    return {
        name: aiohttp.ClientSession(connector=connector) for name, connector in connectors.items()
    }


async def _close(sessions: dict[str, aiohttp.ClientSession]) -> None:
    for session in sessions.values():
        await session.close()


def _requests(
    runner: asyncio.Runner, session: aiohttp.ClientSession, url: str, times: int
) -> Callable[[], None]:
    async def all_() -> None:
        for _ in range(times):
            async with session.get(url, raise_for_status=True) as answer:
                await answer.read()

    return lambda: runner.run(all_())
