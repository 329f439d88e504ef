"""What an echo server sends back, by asyncio's streams, on its own event loop or uvloop's."""

import asyncio
import sys


async def main(host: str, port: str, text: str) -> None:
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(text.encode())
        writer.write_eof()
        print((await reader.read()).decode())
        writer.close()
        await writer.wait_closed()


*arguments, loop = sys.argv[1:]
if loop == "uvloop":
    import uvloop

    uvloop.run(main(*arguments))
else:
    asyncio.run(main(*arguments))
