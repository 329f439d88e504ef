"""Two tasks at one object: who waits for what another one is waiting for, or closes."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Any

import pytest

import socks5client.asyncio as api
from socks5client import ProxyConnectionError, RemoteProtocolError
from socks5client._socket.datagram import DatagramSocket
from tests.origins import UdpEcho
from tests.server_fixture import Server
from tests.test_scenarios_bind import come, converse
from tests.tunnel.leftovers import nothing_left

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tests.asyncio_driver.loops import Loops


async def begun(call: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """A task that waits by now."""
    task = asyncio.create_task(call)
    await asyncio.sleep(0)
    assert not task.done()
    return task


def test_two_accept(loops: Loops) -> None:
    async def main() -> None:
        async with await api.bind(proxy=server.url) as meeting:
            first = await begun(meeting.accept())
            with pytest.raises(RuntimeError, match="another task is waiting to accept"):
                await meeting.accept()
            peer = come(meeting.address)
            sock, _ = await first
            sock.setblocking(True)
            converse(sock, peer)

    with Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()


@pytest.mark.parametrize("how", ["close", "reset"])
def test_the_proxy_ends_the_wait(loops: Loops, how: str) -> None:
    async def main() -> None:
        meeting = await api.bind(proxy=server.url)
        accepting = await begun(meeting.accept())
        await asyncio.to_thread(server.hang_up, server.exchanges[0], how)  # type: ignore[arg-type]
        with pytest.raises(RemoteProtocolError):
            await accepting
        assert meeting.fileno() == -1

    with Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()


def test_closing_wakes_who_accepts(loops: Loops) -> None:
    async def main() -> None:
        meeting = await api.bind(proxy=server.url)
        accepting = await begun(meeting.accept())
        meeting.close()
        with pytest.raises(OSError, match="closed meanwhile") as caught:
            await accepting
        assert caught.value.errno == errno.EBADF
        # The loop has forgotten the number of the descriptor, which comes again.
        async with await api.bind(proxy=server.url) as another:
            with come(another.address):
                (await another.accept(5))[0].close()

    with Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()


def test_two_receive(loops: Loops) -> None:
    async def main() -> None:
        with await api.associate(proxy=server.url) as sock:
            first = await begun(sock.recvfrom(10))
            with pytest.raises(RuntimeError, match="another task is waiting to receive"):
                await sock.recv(10)
            assert await sock.sendto(b"x", origin.address) == 1  # one may send meanwhile
            assert await first == (b"x", origin.address)

    with UdpEcho() as origin, Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()


def test_two_send(loops: Loops, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(sock: DatagramSocket, *args: Any) -> int:
        if is_full:
            raise BlockingIOError
        return real(sock, *args)

    async def main() -> None:
        with await api.associate(proxy=server.url) as sock:
            await sock.connect(origin.address)
            first = await begun(sock.send(b"first"))
            with pytest.raises(RuntimeError, match="another task is waiting to send"):
                await sock.send(b"second")
            is_full.clear()
            assert await first == 5
            assert await sock.recv(10) == b"first"

    is_full, real = [True], DatagramSocket.send
    monkeypatch.setattr(DatagramSocket, "send", send)
    with UdpEcho() as origin, Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()


def test_closing_wakes_who_receives(loops: Loops) -> None:
    async def main() -> None:
        sock = await api.associate(proxy=server.url)
        receiving = await begun(sock.recv(10))
        sock.close()
        with pytest.raises(OSError, match="closed meanwhile") as caught:
            await receiving
        assert caught.value.errno == errno.EBADF
        with pytest.raises(OSError) as after:
            await sock.recv(10)
        assert after.value.errno == errno.EBADF
        with await api.associate(proxy=server.url) as another:
            await another.sendto(b"x", origin.address)
            assert await another.recv(10) == b"x"

    with UdpEcho() as origin, Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()


def test_the_association_ends_while_one_receives(loops: Loops) -> None:
    async def main() -> None:
        with await api.associate(proxy=server.url) as sock:
            receiving = await begun(sock.recv(10))
            await asyncio.to_thread(server.hang_up, server.exchanges[0])
            for call in (receiving, sock.sendto(b"x", ("127.0.0.1", 9)), sock.recv(10)):
                with pytest.raises(ProxyConnectionError, match="ended the UDP association"):
                    await call

    with Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()
