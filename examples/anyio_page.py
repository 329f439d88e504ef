"""Fetch a page through a SOCKS5 proxy with anyio, on asyncio or on trio.

    python -m examples.anyio_page --proxy socks5h://127.0.0.1:1080 [--trio] http://example.com/

`open_stream` is all that an anyio program needs: an anyio stream on the socket that the driver
of the running library connected.
"""

from __future__ import annotations

import argparse
import sys
from urllib.parse import urlsplit

import anyio
import sniffio
from anyio.abc import SocketStream

import socks5client.asyncio
import socks5client.trio


async def open_stream(host: str, port: int, proxy: str, timeout: float = 30) -> SocketStream:
    """An anyio stream to `host` and `port` through `proxy`."""
    if sniffio.current_async_library() == "trio":
        stream = await socks5client.trio.connect((host, port), proxy=proxy, timeout=timeout)
        return await SocketStream.from_socket(stream.socket.detach())
    sock = await socks5client.asyncio.connect((host, port), proxy=proxy, timeout=timeout)
    return await SocketStream.from_socket(sock)


async def fetch(url: str, proxy: str) -> bytes:
    """The answer of the server, head and body."""
    place = urlsplit(url)
    assert place.hostname is not None
    answer = b""
    async with await open_stream(place.hostname, place.port or 80, proxy) as stream:
        await stream.send(
            f"GET {place.path or '/'} HTTP/1.1\r\nHost: {place.netloc}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        try:
            while True:
                answer += await stream.receive()
        except anyio.EndOfStream:
            return answer


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m examples.anyio_page", description=__doc__)
    parser.add_argument("--proxy", required=True, metavar="URL")
    parser.add_argument("--trio", action="store_true", help="on trio; default: on asyncio")
    parser.add_argument("url", help="http://...")
    options = parser.parse_args()
    backend = "trio" if options.trio else "asyncio"
    answer = anyio.run(fetch, options.url, options.proxy, backend=backend)
    sys.stdout.buffer.write(answer.partition(b"\r\n\r\n")[2])


if __name__ == "__main__":
    main()
