"""What an echo server sends back, by a stream of trio's."""

import sys

import trio


async def main(host: str, port: str, text: str) -> None:
    with trio.fail_after(10):
        async with await trio.open_tcp_stream(host, int(port)) as stream:
            await stream.send_all(text.encode())
            await stream.send_eof()
            print(b"".join([piece async for piece in stream]).decode())


trio.run(main, *sys.argv[1:])
