"""What would block is done aside: names that are looked up here, methods that ask others."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

import socks5client.asyncio as api
from tests.origins import UdpEcho
from tests.server_fixture import Server
from tests.tunnel.leftovers import nothing_left
from tests.tunnel.methods import Blocking
from tests.tunnel.stalling import deaf

if TYPE_CHECKING:
    from tests.asyncio_driver.loops import Loops


class Resolver:
    """Says what every name means, once `answer` is set."""

    def __init__(self, patch: pytest.MonkeyPatch, host: str) -> None:
        self._host = host
        self.asked, self.answer = threading.Event(), threading.Event()
        patch.setattr("socks5client.tunnel.dial._getaddrinfo", self._look_up)

    def _look_up(self, host: str, port: int, *args: Any) -> Any:
        self.asked.set()
        assert self.answer.wait(10)
        return [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (self._host, port))]

    async def meanwhile(self, call: Any) -> Any:
        """Awaits `call`, to whose question this task has the answer."""
        self.asked.clear()
        self.answer.clear()
        task = asyncio.create_task(call)
        await asyncio.to_thread(self.asked.wait, 10)
        assert not task.done()
        self.answer.set()
        return await task


def test_names_of_datagrams(loops: Loops, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        with await api.associate(proxy=server.url_as("socks5")) as sock:
            name = ("name.test", echo.address[1])
            await resolver.meanwhile(sock.sendto(b"x", name))
            await resolver.meanwhile(sock.sendto(b"x", 0, name))
            await resolver.meanwhile(sock.sendmsg([b"x"], [], 0, name))
            await resolver.meanwhile(sock.connect(name))
            await sock.send(b"x")
            for _ in range(4):
                assert await sock.recvfrom(10) == (b"x", echo.address)

    resolver = Resolver(monkeypatch, "127.0.0.1")
    with UdpEcho() as echo, Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()


def test_the_name_of_an_endpoints_peer(loops: Loops, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        name = ("name.test", 9)
        opening = api.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=name, proxy=server.url_as("socks5")
        )
        transport, _ = await resolver.meanwhile(opening)
        transport.close()
        await asyncio.sleep(0)
        resolver.answer.clear()
        try:
            with pytest.raises(TimeoutError):
                await api.create_datagram_endpoint(
                    asyncio.DatagramProtocol,
                    remote_addr=name,
                    proxy=server.url_as("socks5"),
                    timeout=0.2,
                )
        finally:
            resolver.answer.set()

    resolver = Resolver(monkeypatch, "127.0.0.1")
    with Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()


def test_names_of_proxies_and_destinations(loops: Loops, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        for url in (f"socks5h://proxy.test:{server.port}", server.url_as("socks5")):
            sock = await resolver.meanwhile(api.connect(("name.test", target[1]), proxy=url))
            sock.close()
        assert [exchange.host for exchange in server.requests] == ["name.test", "127.0.0.1"]

    resolver = Resolver(monkeypatch, "127.0.0.1")
    with deaf() as target, Server(names={"name.test": target}) as server, nothing_left():
        loops.run(main)
        server.wait_idle()


def test_a_method_that_waits(loops: Loops) -> None:
    async def main() -> None:
        task = asyncio.create_task(api.connect(target, proxy=method.proxy(server)))
        await asyncio.to_thread(method.begun.wait, 10)
        method.go_on.set()  # by this task, which goes on meanwhile
        (await task).close()

    method = Blocking()
    with deaf() as target, Server(methods=[0]) as server, nothing_left():
        loops.run(main)
        server.wait_idle()


def test_a_method_that_is_cancelled(loops: Loops) -> None:
    async def main() -> None:
        try:
            for call in (
                api.connect(("name.test", 80), proxy=proxy),
                api.bind(proxy=proxy),
                api.associate(proxy=proxy),
            ):
                method.begun.clear()
                task: asyncio.Task[Any] = asyncio.create_task(call)
                await asyncio.to_thread(method.begun.wait, 10)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                closed = len(server.exchanges) - 1
                await asyncio.to_thread(
                    server.wait_for, lambda server, closed=closed: server.exchanges[closed].closed
                )
        finally:
            method.go_on.set()

    method = Blocking()
    with Server(methods=[0]) as server, nothing_left():
        proxy = method.proxy(server)
        loops.run(main)
        server.wait_idle()
