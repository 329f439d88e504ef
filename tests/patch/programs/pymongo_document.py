"""A document kept and found by PyMongo, its blocking client or asyncio's.

Threads, or tasks, of its own watch the server over connections of their own.
"""

import asyncio
import sys

import pymongo

host, port, text, how = sys.argv[1:]
books = f"books-{how}"


async def talk() -> None:
    async with pymongo.AsyncMongoClient(host, int(port), connectTimeoutMS=10_000) as client:
        await client.library[books].insert_one({"title": text})
        print((await client.library[books].find_one({}))["title"])


if how == "asyncio":
    asyncio.run(talk())
else:
    with pymongo.MongoClient(host, int(port), connectTimeoutMS=10_000) as client:
        client.library[books].insert_one({"title": text})
        print(client.library[books].find_one({})["title"])
