"""What a UDP echo server sends back, by a socket of trio's, connected and not."""

import sys

import trio
import trio.socket


async def main(host: str, port: str, text: str) -> None:
    place = (host, int(port))
    with trio.fail_after(10):
        with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as sock:
            await sock.sendto(text.encode(), place)
            data, sender = await sock.recvfrom(1000)
            assert (data, sender[1]) == (text.encode(), place[1])
        with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as sock:
            await sock.connect(place)
            await sock.send(text.encode())
            print((await sock.recv(1000)).decode())


trio.run(main, *sys.argv[1:])
