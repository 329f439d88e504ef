"""What a UDP echo server sends back, by an endpoint of asyncio's own event loop or uvloop's."""

import asyncio
import sys


class Answer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, address: object) -> None:
        self.received.set_result(data)

    def error_received(self, error: Exception) -> None:
        self.received.set_exception(error)


async def main(host: str, port: str, text: str) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(10):
        place = (host, int(port))
        transport, answer = await loop.create_datagram_endpoint(Answer, remote_addr=place)
        transport.sendto(text.encode())
        print((await answer.received).decode())
        transport.close()


*arguments, loop = sys.argv[1:]
if loop == "uvloop":
    import uvloop

    uvloop.run(main(*arguments))
else:
    asyncio.run(main(*arguments))
