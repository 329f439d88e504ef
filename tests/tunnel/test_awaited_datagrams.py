"""The calls of a UDP socket, awaited: the same on asyncio's loops and in trio."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Any

import pytest
import trio

import socks5client.asyncio
import socks5client.trio
from tests.drivers.in_asyncio import runner
from tests.origins import UdpEcho

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tests.server_fixture import Server

    Run = Callable[..., None]


@pytest.fixture(scope="module")
def echo() -> Iterator[UdpEcho]:
    with UdpEcho() as origin:
        yield origin


@pytest.fixture(params=["asyncio", "uvloop", "trio"])
def run(request: pytest.FixtureRequest, reference: Server) -> Run:
    """Calls a function with an associated socket."""

    def run(program: Callable[[Any], Awaitable[None]], **options: Any) -> None:
        async def main() -> None:
            api: Any = socks5client.trio if request.param == "trio" else socks5client.asyncio
            with await api.associate(proxy=reference.url, timeout=5, **options) as sock:
                await program(sock)
                assert sock.fileno() >= 0
            assert sock.fileno() == -1

        if request.param == "trio":
            trio.run(main)
        else:
            with runner(request.param == "uvloop") as running:
                running.run(main())

    return run


def test_each_way_to_send(run: Run, echo: UdpEcho) -> None:
    async def program(sock: Any) -> None:
        assert await sock.sendto(b"1", echo.address) == 1
        assert await sock.sendto(b"22", 0, echo.address) == 2
        assert await sock.sendmsg([b"3", b"33"], [], 0, echo.address) == 3
        with pytest.raises(OSError) as caught:
            await sock.send(b"nobody")
        assert caught.value.errno == errno.EDESTADDRREQ
        await sock.connect(echo.address)
        assert sock.getpeername() == echo.address
        assert await sock.send(b"4444") == 4
        assert await sock.sendmsg(iter([b"55555"])) == 5
        assert await sock.send(b"") == 0
        received = [await sock.recvfrom(10) for _ in range(6)]
        expected = (b"1", b"22", b"333", b"4444", b"55555", b"")
        assert received == [(payload, echo.address) for payload in expected]

    run(program)


def test_each_way_to_receive(run: Run, echo: UdpEcho) -> None:
    async def program(sock: Any) -> None:
        await sock.connect(echo.address)
        buffer, other = bytearray(3), bytearray(3)
        for call, expected in (
            (lambda: sock.recv(3), b"abc"),
            (lambda: sock.recv(3, socket.MSG_PEEK), b"abc"),
            (lambda: sock.recvfrom(10), (b"abcde", echo.address)),
            (lambda: sock.recv_into(buffer), 3),
            (lambda: sock.recv_into(buffer, 2), 2),
            (lambda: sock.recvfrom_into(buffer), (3, echo.address)),
            (lambda: sock.recvmsg(10), (b"abcde", [], 0, echo.address)),
            (lambda: sock.recvmsg(2, 100), (b"ab", [], socket.MSG_TRUNC, echo.address)),
            (lambda: sock.recvmsg_into(iter([buffer, other])), (5, [], 0, echo.address)),
        ):
            if expected != (b"abcde", echo.address):  # what was peeked at is still there
                await sock.send(b"abcde")
            assert await call() == expected
        assert bytes(buffer + other) == b"abcde\0"

    run(program)


def test_what_does_not_wait(run: Run) -> None:
    async def program(sock: Any) -> None:
        assert (sock.family, sock.type, sock.proto) == (socket.AF_INET, socket.SOCK_DGRAM, 0)
        assert isinstance(sock.socket, socks5client.DatagramSocket)
        assert sock.socket.gettimeout() == 0
        assert sock.socket.fragment_size == 100
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST) == 1
        assert sock.getsockname() == sock.socket.getsockname()
        assert "DatagramSocket" in repr(sock)
        with pytest.raises(OSError) as caught:
            sock.getpeername()
        assert caught.value.errno == errno.ENOTCONN

    run(program, fragment_size=100)


def test_errors_are_those_of_the_calls(run: Run, echo: UdpEcho) -> None:
    async def program(sock: Any) -> None:
        for wrong, error in (
            (lambda: sock.sendto(b"x", ("a", 65536)), ValueError),
            (lambda: sock.sendto(b"x"), TypeError),
            (lambda: sock.sendto(), TypeError),
            (lambda: sock.sendto("text", echo.address), TypeError),
            (lambda: sock.connect("a:1"), TypeError),
            (lambda: sock.recv(-1), ValueError),
            (lambda: sock.recv_into(b"constant"), TypeError),
        ):
            with pytest.raises(error):
                await wrong()
        with pytest.raises(OSError) as caught:
            await sock.sendto(bytes(65508), echo.address)
        assert caught.value.errno == errno.EMSGSIZE
        sock.close()
        for call in (lambda: sock.recv(1), lambda: sock.sendto(b"x", echo.address)):
            with pytest.raises(OSError) as caught:
                await call()
            assert caught.value.errno == errno.EBADF
        raise LookupError

    with pytest.raises(LookupError):
        run(program)
