"""Pages with an async httpx client: some hosts directly, the rest through a SOCKS5 proxy.

    python -m examples.httpx_mounts --proxy socks5h://127.0.0.1:1080 \\
        --direct intranet.example https://intranet.example/ https://example.com/

All at a time. Whatever `mounts` does not name goes through the proxy, but for the destinations in
NO_PROXY, which the transport heeds by itself. With --trio it runs on trio.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from functools import partial

import anyio
import httpx

from socks5client.httpx import AsyncSocks5Transport


def client_of(proxy: str, direct: list[str]) -> httpx.AsyncClient:
    """The client; `direct` are hosts, `*.example.com` for all below one."""
    return httpx.AsyncClient(
        mounts={
            "all://": AsyncSocks5Transport(proxy, http2=True),
            **{f"all://{host}": httpx.AsyncHTTPTransport(http2=True) for host in direct},
        },
        # Else httpx would mount the proxies of the environment, HTTP_PROXY before "all://".
        trust_env=False,
    )


async def fetch(proxy: str, direct: list[str], urls: list[str]) -> bool:
    """Prints a line for each page; whether all went well."""
    failures: list[str] = []

    async def one(url: str) -> None:
        try:
            response = await client.get(url)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failures.append(url)
            print(f"httpx_mounts: {url}: {error}", file=sys.stderr)
        else:
            print(url, response.status_code, f"{len(response.content)} bytes")

    async with client_of(proxy, direct) as client, anyio.create_task_group() as group:
        for url in urls:
            group.start_soon(one, url)
    return not failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--proxy", required=True, metavar="URL")
    parser.add_argument("--direct", action="append", default=[], metavar="HOST")
    parser.add_argument("--trio", action="store_true")
    parser.add_argument("urls", nargs="+", metavar="PAGE")
    options = parser.parse_args()
    work = partial(fetch, options.proxy, options.direct, options.urls)
    if options.trio:
        import trio

        return not trio.run(work)
    return not asyncio.run(work())


if __name__ == "__main__":
    sys.exit(main())
