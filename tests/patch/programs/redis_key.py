"""A key set and read by redis-py, its blocking client or asyncio's."""

import asyncio
import sys

import redis
import redis.asyncio

host, port, value, how = sys.argv[1:]
key = f"patched-{how}"


async def talk() -> None:
    async with redis.asyncio.Redis(host=host, port=int(port)) as client:
        await client.set(key, value)
        print((await client.get(key)).decode())


if how == "asyncio":
    asyncio.run(talk())
else:
    with redis.Redis(host=host, port=int(port)) as client:
        client.set(key, value)
        print(client.get(key).decode())
