"""How an attempt ends, as every kind of loop sees it."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client import SocksError
from tests.origins import unused_address
from tests.server_fixture import CATALOGUE, Server
from tests.socket_connecting.loops import attempt, by_poll, receive_exactly, send_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.origins import Echo
    from tests.socket_connecting.loops import Loop, Program

# REP, and what SO_ERROR says of it.
CODES = {
    1: errno.ECONNABORTED,
    2: errno.EACCES,
    3: errno.ENETUNREACH,
    4: errno.EHOSTUNREACH,
    5: errno.ECONNREFUSED,
    6: errno.ETIMEDOUT,
    7: errno.EOPNOTSUPP,
    8: errno.EAFNOSUPPORT,
    0xF0: errno.EHOSTUNREACH,
    0xFF: errno.ECONNABORTED,
}


@pytest.fixture(scope="module", params=list(CODES))
def refusing(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    code = request.param
    with Server(faults=[CATALOGUE[f"reply-code-{code}"]]) as server:
        yield server.url, CODES[code]


def test_success(run: Loop[Any], sock: socks5client.socket, server: Server, echo: Echo) -> None:
    """The fd keeps its number, and a data path that the same registration can watch."""

    def program() -> Program[bytes]:
        assert (yield from attempt(sock, ("origin.test", echo.address[1]))) == 0
        assert sock.fileno() == fd
        assert sock.getpeername() == ("origin.test", echo.address[1])
        assert sock.proxy_peername == server.address
        received = b""
        for size in (1, 10_000):
            yield from send_all(sock, b"x" * size)
            received += yield from receive_exactly(sock, size)
        return received

    fd = sock.fileno()
    assert run(program()) == b"x" * 10_001


def test_connecting_again_tells_success_once(
    run: Loop[Any], sock: socks5client.socket, echo: Echo
) -> None:
    def program() -> Program[list[int]]:
        sock.setblocking(False)
        results = [sock.connect_ex(echo.address)]
        yield sock.fileno(), "writable"
        results += [sock.connect_ex(echo.address), sock.connect_ex(echo.address)]
        return results

    assert run(program()) == [errno.EINPROGRESS, 0, errno.EISCONN]


def test_refused(run: Loop[Any], sock: socks5client.socket) -> None:
    assert run(attempt(sock, unused_address())) == errno.ECONNREFUSED
    # Told once, as the system does.
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_other_codes(run: Loop[Any], refusing: tuple[str, int], echo: Echo) -> None:
    url, number = refusing
    with socks5client.socket(proxy=url) as sock:
        assert run(attempt(sock, echo.address)) == number


def test_connecting_again_raises_the_failure(refusing: tuple[str, int], echo: Echo) -> None:
    def program() -> Program[SocksError]:
        sock.setblocking(False)
        with pytest.raises(BlockingIOError) as begun:
            sock.connect(echo.address)
        assert begun.value.errno == errno.EINPROGRESS
        yield sock.fileno(), "writable"
        with pytest.raises(SocksError) as caught:
            sock.connect(echo.address)
        return caught.value

    url, number = refusing
    with socks5client.socket(proxy=url) as sock:
        error = by_poll(program())
    assert error.errno == number
    assert isinstance(error, socks5client.ReplyError)


def test_the_fd_says_that_it_failed(sock: socks5client.socket) -> None:
    """To C code, which cannot ask our class: not what, but that."""

    def program() -> Program[int]:
        sock.setblocking(False)
        sock.connect_ex(unused_address())
        yield sock.fileno(), "writable"
        return socket.socket.getsockopt(sock, socket.SOL_SOCKET, socket.SO_ERROR)

    assert by_poll(program()) == errno.ECONNRESET
