"""DatagramTransport: all that a transport of asyncio's has."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
import socks5client.asyncio as api
from socks5client import DIRECT, ProxyConnectionError
from socks5client._socket.datagram import DatagramSocket
from tests.origins import UdpEcho, free_address
from tests.server_fixture import Server
from tests.tunnel.leftovers import fds, nothing_left

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.asyncio_driver.loops import Loops


class Protocol(asyncio.DatagramProtocol):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.received: asyncio.Queue[tuple[bytes, Any]] = asyncio.Queue()
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.received.put_nowait((data, addr))

    def error_received(self, exc: Exception) -> None:
        self.told.append(exc)

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


@asynccontextmanager
async def opened(
    server: Server, **options: Any
) -> AsyncIterator[tuple[api.endpoint.DatagramTransport, Protocol]]:
    """A transport and its protocol; in the end it is lost."""
    transport, protocol = await api.create_datagram_endpoint(
        Protocol, proxy=server.url, timeout=5, **options
    )
    assert protocol.transport is transport
    yield transport, protocol
    transport.close()
    await protocol.lost
    server_side = server.exchanges[-1]
    await asyncio.to_thread(server.wait_for, lambda _: server_side.closed)


@pytest.fixture(scope="module")
def echo() -> Iterator[UdpEcho]:
    with UdpEcho() as origin:
        yield origin


class Full:
    """Makes the kernel refuse to take datagrams while it is true."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.is_true = False
        real = DatagramSocket.sendto

        def sendto(sock: DatagramSocket, *args: Any) -> int:
            if self.is_true:
                raise BlockingIOError(errno.EAGAIN, "no room")
            return real(sock, *args)

        patch.setattr(DatagramSocket, "sendto", sendto)


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Full:
    return Full(monkeypatch)


def test_datagrams(loops: Loops, echo: UdpEcho) -> None:
    async def main() -> None:
        async with opened(server) as (transport, protocol):
            good: list[Any] = [b"x", b"", bytearray(b"y" * 1400), memoryview(b"z")]
            for data in good:
                transport.sendto(data, echo.address)
                assert await protocol.received.get() == (bytes(data), echo.address)
            assert transport.get_extra_info("peername") is None
            with pytest.raises(ValueError, match="needs an address"):
                transport.sendto(b"x")
            for wrong in (5, "text", None):
                with pytest.raises(TypeError):
                    transport.sendto(wrong, echo.address)
            assert protocol.told == []

    with Server() as server, nothing_left():
        loops.run(main)


def test_with_a_peer(loops: Loops, echo: UdpEcho) -> None:
    async def main() -> None:
        async with opened(server, remote_addr=echo.address) as (transport, protocol):
            assert transport.get_extra_info("peername") == echo.address
            for addr in (None, echo.address):
                transport.sendto(b"x", addr)
                assert await protocol.received.get() == (b"x", echo.address)
            with pytest.raises(ValueError, match="is not the endpoint's"):
                transport.sendto(b"x", ("127.0.0.1", 9))
            assert server.exchanges[0].datagrams_up[0].payload == b"x"

    with Server() as server:
        loops.run(main)


def test_what_it_tells_of_itself(loops: Loops) -> None:
    async def main() -> None:
        local = free_address()
        async with opened(server, local_addr=local, fragment_size=500) as (transport, protocol):
            assert isinstance(transport, asyncio.DatagramTransport)
            sock = transport.get_extra_info("socket")
            assert isinstance(sock, socks5client.DatagramSocket)
            assert transport.get_extra_info("sockname") == local
            assert transport.get_extra_info("nothing", "default") == "default"
            assert transport.max_datagram_size == sock.max_datagram_size
            assert transport.dropped == 0
            assert transport.fragment_size == 500
            transport.fragment_size = None
            assert sock.fragment_size is None
            assert transport.get_protocol() is protocol
            other = Protocol()
            transport.set_protocol(other)
            assert transport.get_protocol() is other
            transport.set_protocol(protocol)
            assert not transport.is_closing()
            transport.close()
            assert transport.is_closing()
            for use in (
                lambda: transport.dropped,
                lambda: transport.max_datagram_size,
                lambda: transport.fragment_size,
                lambda: transport.sendto(b"x", ("127.0.0.1", 9)),
            ):
                with pytest.raises(OSError) as caught:
                    use()
                assert caught.value.errno == errno.EBADF

    with Server() as server, nothing_left():
        loops.run(main)


def test_fragments(loops: Loops, echo: UdpEcho) -> None:
    async def main() -> None:
        async with opened(server, fragment_size=100) as (transport, protocol):
            transport.sendto(bytes(1000), echo.address)
            assert await protocol.received.get() == (bytes(1000), echo.address)
            assert server.exchanges[0].datagrams_up[0].fragments == 10

    with Server() as server:
        loops.run(main)


def test_another_protocol_hears_the_rest(loops: Loops, echo: UdpEcho) -> None:
    async def main() -> None:
        async with opened(server) as (transport, protocol):
            transport.set_protocol(other := Protocol())
            transport.sendto(b"x", echo.address)
            assert await other.received.get() == (b"x", echo.address)
            transport.close()
            assert await other.lost is None
            protocol.connection_lost(None)

    with Server() as server:
        loops.run(main)


def test_limits() -> None:
    """Those of asyncio's transports."""
    transport = api.endpoint.DatagramTransport.__new__(api.endpoint.DatagramTransport)
    for given, (low, high) in {
        (None, None): (16384, 65536),
        (100, None): (25, 100),
        (None, 100): (100, 400),
        (100, 50): (50, 100),
        (0, None): (0, 0),
    }.items():
        transport.set_write_buffer_limits(*given)
        assert transport.get_write_buffer_limits() == (low, high)
    for wrong in [(1, 2), (5, -1)]:
        with pytest.raises(ValueError, match="must be >="):
            transport.set_write_buffer_limits(*wrong)


def test_flow_control(loops: Loops, echo: UdpEcho, full: Full) -> None:
    async def main() -> None:
        async with opened(server) as (transport, protocol):
            transport.set_write_buffer_limits(high=100, low=50)
            full.is_true = True
            sizes = [60, 40, 1, 10]
            for number, size in enumerate(sizes):
                transport.sendto(bytes([number]) * size, echo.address)
                assert transport.get_write_buffer_size() == sum(sizes[: number + 1])
                assert protocol.told == ([] if number < 2 else ["pause"])
            await asyncio.sleep(0)
            assert transport.get_write_buffer_size() == 111
            full.is_true = False
            for number, size in enumerate(sizes):  # in their order
                assert await protocol.received.get() == (bytes([number]) * size, echo.address)
            assert transport.get_write_buffer_size() == 0
            assert protocol.told == ["pause", "resume"]

    with Server() as server, nothing_left():
        loops.run(main)


def test_what_waits_is_sent_before_it_closes(loops: Loops, echo: UdpEcho, full: Full) -> None:
    async def main() -> None:
        async with opened(server) as (transport, protocol):
            full.is_true = True
            transport.sendto(b"x", echo.address)
            transport.sendto(b"y", echo.address)
            transport.close()
            transport.close()
            assert transport.is_closing()
            with pytest.raises(OSError, match="closed"):
                transport.sendto(b"z", echo.address)
            await asyncio.sleep(0)
            assert not protocol.lost.done()
            full.is_true = False
            assert await protocol.lost is None
            relayed = server.exchanges[0].datagrams_up
            await asyncio.to_thread(server.wait_for, lambda _: len(relayed) == 2)
            assert [datagram.payload for datagram in relayed] == [b"x", b"y"]

    with Server() as server, nothing_left():
        loops.run(main)


@pytest.mark.parametrize("closed_before", [False, True])
def test_abort(loops: Loops, echo: UdpEcho, full: Full, closed_before: bool) -> None:
    async def main() -> None:
        async with opened(server) as (transport, protocol):
            full.is_true = True
            transport.sendto(b"x", echo.address)
            if closed_before:
                transport.close()
            transport.abort()
            transport.abort()
            assert transport.is_closing()
            assert transport.get_write_buffer_size() == 0
            assert await protocol.lost is None
            assert server.exchanges[0].datagrams_up == []

    with Server() as server, nothing_left():
        loops.run(main)


def test_what_cannot_be_sent(loops: Loops, echo: UdpEcho, full: Full) -> None:
    """The same whether others wait or not; and those after it are sent."""

    async def main() -> None:
        async with opened(server) as (transport, protocol):
            for full.is_true in (False, True):
                transport.sendto(b"x", echo.address)
                for wrong in (("a", 65536), ("", 80)):
                    with pytest.raises(ValueError):
                        transport.sendto(b"x", wrong)
                with pytest.raises(TypeError):
                    transport.sendto(b"x", "127.0.0.1:80")
            transport.sendto(bytes(65508), echo.address)
            transport.sendto(b"y", echo.address)
            full.is_true = False
            for expected in (b"x", b"x", b"y"):
                assert (await protocol.received.get())[0] == expected
            transport.sendto(bytes(65508), echo.address)
            assert [error.errno for error in protocol.told] == [errno.EMSGSIZE] * 2
            assert not transport.is_closing()

    with Server() as server, nothing_left():
        loops.run(main)


def test_aborted_by_its_own_protocol(loops: Loops, echo: UdpEcho, full: Full) -> None:
    class Impatient(Protocol):
        def error_received(self, exc: Exception) -> None:
            super().error_received(exc)
            self.transport.abort()

    async def main() -> None:
        async with opened(server) as (transport, protocol):
            transport.set_protocol(impatient := Impatient())
            impatient.transport = transport
            full.is_true = True
            for size in (1, 65508, 1):
                transport.sendto(bytes(size), echo.address)
            full.is_true = False
            assert await impatient.lost is None
            assert [error.errno for error in impatient.told] == [errno.EMSGSIZE]
            protocol.connection_lost(None)

    with Server() as server, nothing_left():
        loops.run(main)


@pytest.mark.parametrize("waits", [False, True])
def test_the_proxy_ends_the_association(
    loops: Loops, echo: UdpEcho, full: Full, waits: bool
) -> None:
    async def main() -> None:
        async with opened(server) as (transport, protocol):
            if waits:
                full.is_true = True
                transport.sendto(b"x", echo.address)
            await asyncio.to_thread(server.hang_up, server.exchanges[0])
            error = await protocol.lost
            assert isinstance(error, ProxyConnectionError)
            assert transport.is_closing()
            assert transport.get_write_buffer_size() == 0
            with pytest.raises(OSError, match="closed"):
                transport.sendto(b"x", echo.address)

    with Server() as server, nothing_left():
        loops.run(main)


def test_a_factory_that_raises(loops: Loops) -> None:
    def factory() -> asyncio.DatagramProtocol:
        raise LookupError

    async def main() -> None:
        with pytest.raises(LookupError):
            await api.create_datagram_endpoint(factory, proxy=server.url)

    with Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"remote_addr": ("a", 65536)}, ValueError),
        ({"remote_addr": "a:80"}, TypeError),
        ({"family": socket.AF_UNIX}, ValueError),
        ({"client_address": ("", 1)}, ValueError),
        ({"fragment_size": 0}, ValueError),
        ({"timeout": -1}, ValueError),
        ({"local_addr": ("192.0.2.1", 0)}, OSError),
        ({"proxy": DIRECT}, ValueError),
        ({"nonsense": 1}, TypeError),
    ],
)
def test_bad_arguments(loops: Loops, options: Any, error: type[Exception]) -> None:
    async def main() -> None:
        with pytest.raises(error):
            await api.create_datagram_endpoint(
                asyncio.DatagramProtocol, **{"proxy": server.url, **options}
            )
        assert server.exchanges == []

    with Server() as server, nothing_left():
        loops.run(main)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_unclosed(loops: Loops) -> None:
    """As asyncio's: it says so, and ends the association."""

    async def main() -> None:
        transport, _ = await api.create_datagram_endpoint(
            asyncio.DatagramProtocol, proxy=server.url
        )
        asyncio.get_running_loop().remove_reader(transport.get_extra_info("socket").fileno())
        before = fds()
        kept = [transport]
        del transport
        with pytest.warns(ResourceWarning, match="unclosed transport"):
            kept.clear()
        assert fds() < before

    with Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()
