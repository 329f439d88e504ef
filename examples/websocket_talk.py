"""A websocket through a SOCKS5 proxy: `websockets` takes a connected socket as `sock=`.

    python -m examples.websocket_talk --proxy socks5h://127.0.0.1:1080 wss://ws.example.com/ hello

It sends the message, and prints what comes back. With --asyncio it does so on an event loop.
"""

from __future__ import annotations

import argparse
import asyncio
from urllib.parse import urlsplit

import websockets.asyncio.client
import websockets.sync.client

import socks5client
import socks5client.asyncio


def talk(proxy: str, url: str, message: str) -> str | bytes:
    with (
        socks5client.connect(address_of(url), proxy=proxy, timeout=30) as sock,
        websockets.sync.client.connect(url, sock=sock) as websocket,
    ):
        websocket.send(message)
        return websocket.recv()


async def talk_async(proxy: str, url: str, message: str) -> str | bytes:
    sock = await socks5client.asyncio.connect(address_of(url), proxy=proxy, timeout=30)
    with sock:
        async with websockets.asyncio.client.connect(url, sock=sock) as websocket:
            await websocket.send(message)
            return await websocket.recv()


def address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)


def main() -> int | str:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--proxy", required=True, metavar="URL")
    parser.add_argument("--asyncio", action="store_true")
    parser.add_argument("url", metavar="WSS-URL")
    parser.add_argument("message", metavar="MESSAGE")
    options = parser.parse_args()
    try:
        if options.asyncio:
            answer = asyncio.run(talk_async(options.proxy, options.url, options.message))
        else:
            answer = talk(options.proxy, options.url, options.message)
    except (OSError, websockets.WebSocketException) as error:
        return f"websocket_talk: {error}"
    print(answer)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
