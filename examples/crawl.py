"""Pages through a SOCKS5 proxy with httpx: many at a time, with retries, each host by itself.

    python -m examples.crawl --proxy socks5h://127.0.0.1:1080 https://example.com/ ...

A line for each page: status, size, URL. At most 20 requests are under way, at most 4 to a host.
What may pass (a timeout, a host that is down, 429, 502 to 504) is tried again; what will not (the
proxy refuses the password) ends it all. With --isolate each host gets credentials of its own, which
Tor takes for a wish: a circuit of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import sys
from collections import defaultdict
from contextlib import AsyncExitStack

import httpx

import socks5client
from socks5client import Proxy, UsernamePassword
from socks5client.httpx import AsyncSocks5Transport

AT_A_TIME, PER_HOST = 20, 4
TRIES = 4
BUSY = {429, 502, 503, 504}

# Trying again changes nothing about these.
HOPELESS = (
    socks5client.AuthenticationError,
    socks5client.NotAllowed,
    socks5client.CommandNotSupported,
    socks5client.AddressTypeNotSupported,
    socks5client.RemoteProtocolError,
)


class Crawler:
    """A client for each host, as long as the block lasts."""

    def __init__(self, proxy: str, *, isolate: bool = False, pause: float = 1.0) -> None:
        self._proxy = Proxy.from_url(proxy)
        self._label = secrets.token_hex(8) if isolate else None
        self._pause = pause  # seconds before the second try; then twice as long each time
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._running = asyncio.Semaphore(AT_A_TIME)
        self._at_host: dict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(PER_HOST)
        )
        self._closing = AsyncExitStack()

    async def __aenter__(self) -> Crawler:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._closing.aclose()

    async def fetch(self, url: str) -> httpx.Response:
        """The page, whatever its status; raises httpx.HTTPError where there is none."""
        host = httpx.URL(url).host
        async with self._at_host[host]:
            for attempt in range(TRIES):
                if attempt:
                    await asyncio.sleep(self._pause * 2 ** (attempt - 1) * random.uniform(0.5, 1))
                last = attempt == TRIES - 1
                try:
                    async with self._running:
                        response = await (await self._client(host)).get(url)
                except httpx.TransportError as error:
                    if last or isinstance(error.__cause__, HOPELESS):
                        raise
                else:
                    if last or response.status_code not in BUSY:
                        return response
        raise AssertionError("the last try returns or raises")

    async def _client(self, host: str) -> httpx.AsyncClient:
        key = host if self._label else ""
        if key not in self._clients:
            proxy = self._proxy
            if self._label:
                proxy = Proxy(proxy.host, proxy.port, auth=UsernamePassword(host, self._label))
            client = httpx.AsyncClient(
                transport=AsyncSocks5Transport(proxy, http2=True),
                timeout=httpx.Timeout(30, connect=60),
                follow_redirects=False,  # to another host it would take this one's circuit
            )
            self._clients[key] = client
            await self._closing.enter_async_context(client)
        return self._clients[key]


async def crawl(proxy: str, urls: list[str], *, isolate: bool, pause: float) -> bool:
    """Prints a line for each page; whether there was one for each URL."""
    failed = []

    async def one(crawler: Crawler, url: str) -> None:
        try:
            response = await crawler.fetch(url)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if isinstance(error.__cause__, socks5client.AuthenticationError):
                raise  # no other page would do better
            failed.append(url)
            print(f"crawl: {url}: {error}", file=sys.stderr)
        else:
            print(response.status_code, len(response.content), url)

    async with (
        Crawler(proxy, isolate=isolate, pause=pause) as crawler,
        asyncio.TaskGroup() as group,
    ):
        for url in urls:
            group.create_task(one(crawler, url))
    return not failed


def main() -> int | str:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--proxy", required=True, metavar="URL")
    parser.add_argument("--isolate", action="store_true", help="credentials for each host, for Tor")
    parser.add_argument(
        "--pause", type=float, default=1.0, metavar="SECONDS", help="before a retry"
    )
    parser.add_argument("urls", nargs="+", metavar="URL")
    options = parser.parse_args()
    work = crawl(options.proxy, options.urls, isolate=options.isolate, pause=options.pause)
    try:
        return not asyncio.run(work)
    except* httpx.TransportError as group:
        error = group.exceptions[0]
    return f"crawl: {error}"


if __name__ == "__main__":
    sys.exit(main())
