"""A table filled and read by asyncpg, over connections of a pool."""

import asyncio
import sys

import asyncpg


async def main(host: str, port: str, user: str, password: str, database: str, text: str) -> None:
    place = {"host": host, "port": int(port), "database": database}
    async with asyncpg.create_pool(
        **place, user=user, password=password, min_size=2, max_size=2
    ) as pool:
        await pool.execute("CREATE TABLE book (title text)")
        await pool.execute("INSERT INTO book VALUES ($1)", text)
        print(await pool.fetchval("SELECT title FROM book"))
        await pool.execute("DROP TABLE book")


asyncio.run(main(*sys.argv[1:]))
