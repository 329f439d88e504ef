"""create_connection() and open_connection(): what they give, and what they refuse."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trustme

import socks5client.asyncio as api
from socks5client import DIRECT, Proxy
from tests.origins import Echo, Page, free_address, unused_address, web_server
from tests.server_fixture import Server
from tests.test_scenarios_bind import contexts
from tests.tunnel.leftovers import nothing_left
from tests.tunnel.stalling import deaf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.asyncio_driver.loops import Loops


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    with Echo() as origin:
        yield origin


@contextmanager
def a_way(how: str) -> Iterator[Any]:
    """What to pass for a proxy."""
    if how == "direct":
        yield DIRECT
    else:
        with Server(ssl_context=contexts()[0] if how == "tls" else None) as server:
            if how == "tls":
                yield Proxy(server.host, server.port, tls=True, ssl_context=contexts()[1])
            else:
                yield server.url
            server.wait_idle()


EACH_WAY = pytest.mark.parametrize("how", ["plain", "tls", "direct"])


@pytest.mark.parametrize(
    "options",
    [
        {"server_hostname": "a.test"},
        {"ssl": False, "server_hostname": "a.test"},
        {"ssl_handshake_timeout": 1},
        {"ssl_shutdown_timeout": 1},
    ],
)
@pytest.mark.parametrize("proxied", [True, False])
def test_options_of_ssl_without_ssl(loops: Loops, options: Any, proxied: bool) -> None:
    async def main() -> None:
        proxy = server.url if proxied else DIRECT
        with pytest.raises(ValueError, match="only meaningful with ssl"):
            await api.create_connection(
                asyncio.Protocol, "127.0.0.1", 1, proxy=proxy, timeout=5, **options
            )
        with pytest.raises(ValueError, match="only meaningful with ssl"):
            await api.open_connection("127.0.0.1", 1, proxy=proxy, **options)
        assert server.exchanges == []

    with Server() as server, nothing_left():
        loops.run(main)


@pytest.mark.parametrize(
    ("host", "port", "options", "error"),
    [
        ("", 80, {}, ValueError),
        ("a.test", 65536, {}, ValueError),
        ("a.test", "80", {}, TypeError),
        ("a\r\n.test", 80, {}, ValueError),
        ("a.test", 80, {"limit": 0}, ValueError),
        ("a.test", 80, {"limit": -1}, ValueError),
        ("a.test", 80, {"proxy": "http://127.0.0.1:1"}, ValueError),
        ("a.test", 80, {"nonsense": 1}, TypeError),
    ],
)
def test_bad_arguments(
    loops: Loops, host: Any, port: Any, options: Any, error: type[Exception]
) -> None:
    async def main() -> None:
        with pytest.raises(error):
            await api.open_connection(host, port, **{"proxy": server.url, **options})
        assert server.exchanges == []

    with Server() as server, nothing_left():
        loops.run(main)


@EACH_WAY
def test_streams(loops: Loops, echo: Echo, how: str) -> None:
    async def main() -> None:
        reader, writer = await api.open_connection(*echo.address, proxy=proxy, limit=16, timeout=5)
        data = bytes(range(256)) * 4096
        writer.write(data)
        await asyncio.gather(writer.drain(), receive(reader, data))
        writer.write(b"x" * 50 + b"\n")
        with pytest.raises(ValueError, match=r"limit|chunk"):
            await reader.readline()
        writer.close()
        await writer.wait_closed()

    async def receive(reader: asyncio.StreamReader, data: bytes) -> None:
        assert await reader.readexactly(len(data)) == data

    with a_way(how) as proxy:
        loops.run(main)


@pytest.mark.parametrize("how", ["plain", "direct"])  # asyncio's TLS, in the server, has none
def test_half_close(loops: Loops, echo: Echo, how: str) -> None:
    async def main() -> None:
        reader, writer = await api.open_connection(*echo.address, proxy=proxy)
        writer.write(b"all of it")
        writer.write_eof()
        assert await reader.read() == b"all of it"
        writer.close()
        await writer.wait_closed()

    with a_way(how) as proxy:
        loops.run(main)


def test_the_transport_is_the_loops_own(loops: Loops, echo: Echo) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        direct, _ = await loop.create_connection(asyncio.Protocol, *echo.address)
        made: list[asyncio.Protocol] = []

        def factory() -> asyncio.Protocol:
            made.append(asyncio.Protocol())
            return made[-1]

        transport, protocol = await api.create_connection(factory, *echo.address, proxy=server.url)
        assert type(transport) is type(direct)
        assert made == [protocol]
        assert transport.get_protocol() is protocol
        assert transport.get_extra_info("peername") == server.address
        (exchange,) = server.requests
        wire = transport.get_extra_info("socket")
        with socket.socket(fileno=socket.dup(wire.fileno())) as same:
            assert same.getpeername() == server.address
            assert same.getsockname() == exchange.peer
        for each in (direct, transport):
            each.close()

    with Server() as server:
        loops.run(main)
        server.wait_idle()


def test_a_plain_socket(loops: Loops, echo: Echo) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        for proxy in (server.url, DIRECT):
            sock = await api.connect(echo.address, proxy=proxy)
            with sock:
                assert type(sock) is socket.socket
                assert sock.gettimeout() == 0
                await loop.sock_sendall(sock, b"x")
                assert await loop.sock_recv(sock, 1) == b"x"

    with Server() as server:
        loops.run(main)
        server.wait_idle()


@pytest.mark.parametrize("proxied", [True, False])
def test_local_addr(loops: Loops, echo: Echo, proxied: bool) -> None:
    async def main() -> None:
        local = free_address()
        transport, _ = await api.create_connection(
            asyncio.Protocol,
            *echo.address,
            proxy=server.url if proxied else DIRECT,
            local_addr=local,
        )
        assert transport.get_extra_info("sockname") == local
        transport.abort()
        with pytest.raises(OSError, match="source address"):
            await api.connect(
                echo.address,
                proxy=server.url if proxied else DIRECT,
                local_addr=("192.0.2.1", 0),
            )

    with Server() as server:
        loops.run(main)
        server.wait_idle()


def test_direct_by_a_name(loops: Loops) -> None:
    async def main() -> None:
        _, writer = await api.open_connection("localhost", address[1], proxy=DIRECT)
        assert writer.get_extra_info("peername")[1] == address[1]
        writer.transport.abort()
        with pytest.raises(socket.gaierror):
            await api.connect(("name.invalid", 80), proxy=DIRECT)
        with pytest.raises(ConnectionRefusedError):
            await api.connect(("localhost", unused_address()[1]), proxy=DIRECT)

    with deaf() as address, nothing_left():
        loops.run(main)


# TLS with the destination


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def site(authority: trustme.CA) -> Iterator[tuple[str, int]]:
    """A web server that is called origin.test."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("origin.test").configure_cert(serving)
    with web_server(Page, serving) as address:
        yield address


@pytest.fixture(scope="module")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.mark.parametrize("by_tls", [False, True])
def test_the_servers_name_is_the_host(
    loops: Loops, site: Any, trusting: ssl.SSLContext, by_tls: bool
) -> None:
    """By TLS to the proxy, too: TLS in TLS."""

    async def main() -> None:
        options: dict[str, Any] = {"proxy": proxy, "ssl": trusting, "timeout": 5}
        all_of_it: list[dict[str, Any]] = [{}, {"server_hostname": "origin.test"}]
        for more in all_of_it:
            host = "other.test" if more else "origin.test"
            reader, writer = await api.open_connection(host, site[1], **options, **more)
            assert writer.get_extra_info("ssl_object").server_hostname == "origin.test"
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).endswith(Page.body)
            writer.close()
            await writer.wait_closed()

    names = {"origin.test": site, "other.test": site}
    with Server(names=names, ssl_context=contexts()[0] if by_tls else None) as server:
        proxy: Any = server.url
        if by_tls:
            proxy = Proxy(server.host, server.port, tls=True, ssl_context=contexts()[1])
        loops.run(main)
        server.wait_idle()


@pytest.mark.parametrize(
    ("host", "own"), [("origin.test", False), ("other.test", True)], ids=["unknown", "wrong name"]
)
def test_a_certificate_that_is_not_right(
    loops: Loops, site: Any, trusting: ssl.SSLContext, host: str, own: bool
) -> None:
    async def main() -> None:
        context = trusting if own else True
        with pytest.raises(ssl.SSLCertVerificationError):
            await api.create_connection(asyncio.Protocol, host, 443, proxy=server.url, ssl=context)

    names = dict.fromkeys(("origin.test", "other.test"), site)
    with Server(names=names) as server, nothing_left():
        loops.run(main)
        server.wait_idle()


@pytest.mark.parametrize("tls", [False, True])
def test_a_factory_that_raises(loops: Loops, tls: bool) -> None:
    def factory() -> asyncio.Protocol:
        raise LookupError

    async def main() -> None:
        with pytest.raises(LookupError):
            await api.create_connection(
                factory, *target, proxy=server.url, ssl=True if tls else None
            )

    with deaf() as target, Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()


def test_a_destination_that_speaks_no_tls(loops: Loops) -> None:
    async def main() -> None:
        with pytest.raises(ssl.SSLError):
            await api.open_connection(*echo.address, proxy=server.url, ssl=True)

    with Echo(greeting=b"220 no TLS here\r\n") as echo, Server() as server:
        loops.run(main)
        server.wait_idle()
