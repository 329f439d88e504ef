"""What an echo server sends back, by a stream of anyio's, on asyncio or trio."""

import sys

import anyio


async def main(host: str, port: str, text: str) -> None:
    with anyio.fail_after(10):
        async with await anyio.connect_tcp(host, int(port)) as stream:
            await stream.send(text.encode())
            await stream.send_eof()
            print(b"".join([piece async for piece in stream]).decode())


*arguments, backend = sys.argv[1:]
anyio.run(main, *arguments, backend=backend)
