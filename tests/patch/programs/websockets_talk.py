"""What a websocket server answers, by websockets' blocking client or asyncio's."""

import asyncio
import sys

import websockets.asyncio.client
import websockets.sync.client

host, port, text, how = sys.argv[1:]
url = f"ws://{host}:{port}/"


async def talk() -> None:
    async with websockets.asyncio.client.connect(url) as connection:
        await connection.send(text)
        print(await connection.recv())


if how == "asyncio":
    asyncio.run(talk())
else:
    with websockets.sync.client.connect(url) as connection:
        connection.send(text)
        print(connection.recv())
