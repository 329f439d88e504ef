"""httpx through danted to nginx: a connection for each request, and one for all."""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING

from .measure import CPU_MICROSECONDS, WALL_MICROSECONDS, Bar, Contestant, Table, interleave, timed
from .run import missing, proxy_and_origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    import httpx

    from tests.real_servers import Origin, RealProxy

    from .run import Settings

    Client = httpx.Client

ROUNDS, REQUESTS, NEW_CONNECTIONS = 31, 40, 10
DIRECT, OURS = "httpx direct, no proxy", "Socks5Transport"
OWN, HTTPX_SOCKS = "httpx's own SOCKS", "httpx-socks"
KEEP_ALIVE_BAR = {OURS: Bar(1.05)}


def run(settings: Settings) -> Iterator[Table]:
    """CPU and wall time per request."""
    requests = settings.size_or(REQUESTS, 3)
    news = settings.size_or(NEW_CONNECTIONS, 2)
    with proxy_and_origin("httpx") as (proxy, origin):
        setting = proxy, origin, settings.rounds_or(ROUNDS)
        yield _table("a new connection for each request", *setting, origin.http_url, news, False)
        yield _table("keep-alive", *setting, origin.http_url, requests, True)
        yield _table("keep-alive", *setting, origin.https_url, requests, True)
        if find_spec("h2"):
            url = origin.https_url
            yield _table("HTTP/2, one connection", *setting, url, requests, True, http2=True)


def _table(
    what: str,
    proxy: RealProxy,
    origin: Origin,
    rounds: int,
    url: str,
    requests: int,
    keep_alive: bool,
    *,
    http2: bool = False,
) -> Table:
    with ExitStack() as stack:
        contestants = []
        for name, client in _clients(proxy, origin, keep_alive, http2).items():
            stack.enter_context(client)
            work = _requests(client, f"{url}/index.html", requests)
            bar = KEEP_ALIVE_BAR.get(name) if keep_alive else None
            contestants.append(Contestant(name, timed(work, requests), DIRECT, bar))
        results = interleave(contestants, rounds)
    scheme = url.partition(":")[0]
    title = f"httpx, {scheme}, {what}: {rounds} rounds of {requests} requests, nginx by danted"
    notes = [
        *missing(socksio="httpx's own SOCKS (socksio)", httpx_socks="httpx-socks"),
        "the floor is httpx direct",
    ]
    return Table(title, (CPU_MICROSECONDS, WALL_MICROSECONDS), results, notes)


def _clients(proxy: RealProxy, origin: Origin, keep_alive: bool, http2: bool) -> dict[str, Client]:
    import httpx

    from socks5client.httpx import Socks5Transport

    kept = 20 if keep_alive else 0
    common: dict[str, Any] = {
        "verify": ssl.create_default_context(cafile=origin.ca_file),
        "limits": httpx.Limits(max_connections=100, max_keepalive_connections=kept),
        "trust_env": False,
        "http2": http2,
    }
    transports: dict[str, httpx.BaseTransport] = {
        DIRECT: httpx.HTTPTransport(**common),
        OURS: Socks5Transport(proxy.url, **common),
    }
    if find_spec("socksio"):
        transports[OWN] = httpx.HTTPTransport(proxy=proxy.url, **common)
    if find_spec("httpx_socks"):
        from httpx_socks import SyncProxyTransport

        url = proxy.url.replace("socks5h:", "socks5:")  # it knows no socks5h
        transports[HTTPX_SOCKS] = SyncProxyTransport.from_url(url, rdns=True, **common)
    return {
        name: httpx.Client(transport=transport, trust_env=False)
        for name, transport in transports.items()
    }


def _requests(client: Client, url: str, times: int) -> Callable[[], None]:
    def work() -> None:
        for _ in range(times):
            client.get(url).raise_for_status()

    return work
