"""What a UDP echo server sends back, by a connected socket of anyio's, on asyncio or trio."""

import sys

import anyio


async def main(host: str, port: str, text: str) -> None:
    with anyio.fail_after(10):
        async with await anyio.create_connected_udp_socket(host, int(port)) as sock:
            await sock.send(text.encode())
            print((await sock.receive()).decode())


*arguments, backend = sys.argv[1:]
anyio.run(main, *arguments, backend=backend)
