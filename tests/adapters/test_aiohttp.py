"""What is aiohttp's own: HTTP proxies, fingerprints, limits, websockets, cancellation."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web

import socks5client
from socks5client.aiohttp import Socks5Connector
from tests.server_fixture import Fault, Server, stall

if TYPE_CHECKING:
    from pathlib import Path

    import trustme

pytestmark = pytest.mark.asyncio


def session(proxy: Any, **kwargs: Any) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=Socks5Connector(proxy, **kwargs))


async def test_one_after_the_other(proxy: Server, port: int) -> None:
    """A limit makes requests wait for each other's connection, which is kept."""
    async with session(proxy.url, limit=1) as http:

        async def get(number: int) -> str:
            async with http.get(f"http://origin.test:{port}/{number}") as response:
                return await response.text()

        texts = await asyncio.gather(*map(get, range(5)))
    assert texts == [f"origin.test:{port} /{number}" for number in range(5)]
    assert len(proxy.requests) == 1


async def test_no_keep_alive(proxy: Server, port: int) -> None:
    async with session(proxy.url, force_close=True) as http:
        for _ in range(2):
            async with http.get(f"http://origin.test:{port}/") as response:
                assert response.status == 200
    assert len(proxy.requests) == 2


async def test_an_http_proxy_behind_this_one(proxy: Server, port: int) -> None:
    """The origin plays it: it is asked for the whole URL, and found through the SOCKS proxy."""
    async with (
        session(proxy.url) as http,
        http.get("http://other.test/x", proxy=f"http://origin.test:{port}") as response,
    ):
        assert await response.text() == "other.test http://other.test/x"
    assert [request.host for request in proxy.requests] == ["origin.test"]


async def test_the_http_proxy_cannot_be_reached(proxy: Server) -> None:
    async with session(proxy.url) as http:
        with pytest.raises(aiohttp.ClientProxyConnectionError) as caught:
            await http.get("http://other.test/", proxy="http://unknown.test:1")
    assert isinstance(caught.value.__cause__, socks5client.HostUnreachable)


async def test_fingerprints(proxy: Server, tls_port: int, authority: trustme.CA) -> None:
    url = f"https://origin.test:{tls_port}/"
    pem = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", tls_port))
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()
    async with session(proxy.url) as http:
        async with http.get(url, ssl=aiohttp.Fingerprint(digest)) as response:
            assert response.status == 200
        with pytest.raises(aiohttp.ServerFingerprintMismatch):
            await http.get(url, ssl=aiohttp.Fingerprint(bytes(32)))
    assert len(proxy.requests) == 2


async def test_tls_by_another_name(proxy: Server, tls_port: int, ca_file: Path) -> None:
    context = ssl.create_default_context(cafile=ca_file)
    async with (
        session(proxy.url, ssl=context) as http,
        http.get(f"https://other.test:{tls_port}/", server_hostname="origin.test") as response,
    ):
        assert response.status == 200
    assert [request.host for request in proxy.requests] == ["other.test"]


async def test_a_websocket(proxy: Server) -> None:
    async def echo(request: web.Request) -> web.WebSocketResponse:
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        async for message in answer:
            await answer.send_str(message.data)
        return answer

    app = web.Application()
    app.router.add_get("/", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"ws://origin.test:{runner.addresses[0][1]}/"
        async with session(proxy.url) as http, http.ws_connect(url) as websocket:
            await websocket.send_str("hello")
            assert await websocket.receive_str() == "hello"
    finally:
        await runner.cleanup()
    assert [request.host for request in proxy.requests] == ["origin.test"]


@pytest.mark.parametrize("limits", [{"connect": 0.2}, {"total": 0.2}, {"sock_connect": 0.2}])
async def test_each_timeout_bounds_the_handshake(port: int, limits: dict[str, float]) -> None:
    with Server(faults=[Fault("method", stall())]) as server:
        async with session(server.url) as http:
            with pytest.raises(TimeoutError):
                await http.get(f"http://127.0.0.1:{port}/", timeout=aiohttp.ClientTimeout(**limits))
        await asyncio.to_thread(server.wait_idle)


async def test_a_request_that_is_cancelled(port: int) -> None:
    with Server(faults=[Fault("method", stall())]) as server:
        async with session(server.url) as http:
            task = asyncio.ensure_future(http.get(f"http://127.0.0.1:{port}/"))
            await asyncio.to_thread(server.wait_for, lambda server: server.exchanges)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await asyncio.to_thread(server.wait_idle)


async def test_the_local_end_of_the_connection_to_the_proxy(proxy: Server, port: int) -> None:
    async with (
        session(proxy.url, local_addr=("127.0.0.9", 0)) as http,
        http.get(f"http://origin.test:{port}/") as response,
    ):
        assert response.status == 200
    (exchange,) = proxy.exchanges
    assert exchange.peer is not None
    assert exchange.peer[0] == "127.0.0.9"


@pytest.mark.parametrize("name", ["resolver", "socket_factory", "family"])
async def test_what_has_no_meaning_here(proxy: Server, name: str) -> None:
    with pytest.raises(TypeError, match=name):
        Socks5Connector(proxy.url, **{name: None})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_aiohttp_itself_has_no_way(
    proxy: Server, port: int, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were our method not called, by a release to come, that would be no way past the proxy."""
    monkeypatch.delattr(Socks5Connector, "_create_direct_connection")
    monkeypatch.setattr(socket, "getaddrinfo", None)
    async with session(proxy.url) as http:
        with pytest.raises(
            aiohttp.ClientConnectorError, match=r"by the proxy|no direct connection"
        ):
            await http.get(f"http://{host}:{port}/")
    assert proxy.exchanges == []
