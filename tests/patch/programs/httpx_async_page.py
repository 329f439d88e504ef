"""A page by httpx's async client, over HTTP/2, on asyncio or trio."""

import ssl
import sys

import anyio
import httpx


async def main(host: str, port: str, ca_file: str) -> None:
    context = ssl.create_default_context(cafile=ca_file)
    async with httpx.AsyncClient(verify=context, http2=True, timeout=10) as client:
        page = await client.get(f"https://{host}:{port}/")
        assert page.http_version == "HTTP/2"
        print(page.status_code, page.text, end="")


*place, backend = sys.argv[1:]
anyio.run(main, *place, backend=backend)
