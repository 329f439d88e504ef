"""httpx's async client through danted to nginx, 20 at a time: fresh connections, and HTTP/2."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from .http import DIRECT, HTTPX_SOCKS, OWN
from .measure import CPU_MICROSECONDS, WALL_MICROSECONDS, Bar, Contestant, Table, interleave, timed
from .run import missing, proxy_and_origin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import httpx

    from tests.real_servers import Origin, RealProxy

    from .run import Settings

ROUNDS, REQUESTS, AT_A_TIME = 31, 100, 20
OURS = "AsyncSocks5Transport"
BAR = Bar(1.15)


def run(settings: Settings) -> Iterator[Table]:
    """CPU and wall time per request, on asyncio."""
    with proxy_and_origin("httpx") as (proxy, origin):
        yield _table(settings, proxy, origin, http2=False)
        if find_spec("h2"):
            yield _table(settings, proxy, origin, http2=True)


def _table(settings: Settings, proxy: RealProxy, origin: Origin, *, http2: bool) -> Table:
    """A new connection for each request, or one of HTTP/2 for all."""
    rounds, requests = settings.rounds_or(ROUNDS), settings.size_or(REQUESTS, AT_A_TIME)
    url = origin.https_url if http2 else origin.http_url
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        contestants = []
        for name, transport in _transports(proxy, origin, http2).items():
            client = stack.enter_context(_client(runner, transport))
            work = _Requests(runner, client, f"{url}/index.html", requests)
            bar = BAR if name == OURS and not http2 else None
            contestants.append(Contestant(name, timed(work, requests), DIRECT, bar))
        results = interleave(contestants, rounds)
    how = "https, HTTP/2" if http2 else "http, a new connection for each request"
    title = (
        f"httpx on asyncio, {how}, {AT_A_TIME} at a time:"
        f" {rounds} rounds of {requests} requests, nginx by danted"
    )
    notes = [
        *missing(socksio="httpx's own SOCKS (socksio)", httpx_socks="httpx-socks"),
        "the floor is httpx direct",
    ]
    return Table(title, (CPU_MICROSECONDS, WALL_MICROSECONDS), results, notes)


def _transports(
    proxy: RealProxy, origin: Origin, http2: bool
) -> dict[str, httpx.AsyncBaseTransport]:
    import httpx

    from socks5client.httpx import AsyncSocks5Transport

    common: dict[str, Any] = {
        "verify": ssl.create_default_context(cafile=origin.ca_file),
        "limits": httpx.Limits(max_connections=100, max_keepalive_connections=int(http2)),
        "trust_env": False,
        "http2": http2,
    }
    transports: dict[str, httpx.AsyncBaseTransport] = {
        DIRECT: httpx.AsyncHTTPTransport(**common),
        OURS: AsyncSocks5Transport(proxy.url, **common),
    }
    if find_spec("socksio"):
        transports[OWN] = httpx.AsyncHTTPTransport(proxy=proxy.url, **common)
    if find_spec("httpx_socks"):
        from httpx_socks import AsyncProxyTransport

        url = proxy.url.replace("socks5h:", "socks5:")  # it knows no socks5h
        transports[HTTPX_SOCKS] = AsyncProxyTransport.from_url(url, rdns=True, **common)
    return transports


@contextmanager
def _client(
    runner: asyncio.Runner, transport: httpx.AsyncBaseTransport
) -> Iterator[httpx.AsyncClient]:
    import httpx

    client = httpx.AsyncClient(transport=transport, trust_env=False, timeout=30)
    try:
        yield client
    finally:
        runner.run(client.aclose())


class _Requests:
    """So many requests, by tasks that make one after the other."""

    def __init__(
        self, runner: asyncio.Runner, client: httpx.AsyncClient, url: str, times: int
    ) -> None:
        self._runner, self._client, self._url = runner, client, url
        self._times = times // AT_A_TIME

    def __call__(self) -> None:
        self._runner.run(self._all())

    async def _all(self) -> None:
        await asyncio.gather(*(self._some() for _ in range(AT_A_TIME)))

    async def _some(self) -> None:
        for _ in range(self._times):
            (await self._client.get(self._url)).raise_for_status()
