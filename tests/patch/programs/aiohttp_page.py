"""A page by aiohttp, on asyncio's own event loop or uvloop's."""

import asyncio
import ssl
import sys

import aiohttp


async def main(host: str, port: str, ca_file: str) -> None:
    context = ssl.create_default_context(cafile=ca_file)
    timeout = aiohttp.ClientTimeout(10)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(f"https://{host}:{port}/", ssl=context) as page,
    ):
        print(page.status, await page.text(), end="")


*place, loop = sys.argv[1:]
if loop == "uvloop":
    import uvloop

    uvloop.run(main(*place))
else:
    asyncio.run(main(*place))
