"""What a connection that was waited for carries, in every kind of loop."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client._socket import connecting
from tests.origins import Echo, read_exactly
from tests.socket_connecting.loops import attempt, receive, receive_all, receive_exactly, send_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import trustme

    from tests.server_fixture import Server
    from tests.socket_connecting.loops import Loop, Program

RESET = b"\1\0\0\0\0\0\0\0"


@contextmanager
def origin(serve: Callable[[socket.socket], None]) -> Iterator[Any]:
    """Serves one client; yields its address."""

    def accept() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            serve(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture(params=["SO_ERROR", "connect", "nothing"])
def connected(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Program[None]]:
    """Each way in which a program finds out that it is connected; some just go on."""
    monkeypatch.setattr(connecting, "_GRACE", 0.1)  # in asyncio, before a reader gets anything

    def connect(sock: socks5client.socket, address: Any) -> Program[None]:
        if request.param == "SO_ERROR":
            assert (yield from attempt(sock, address)) == 0
            return
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.connect(address)
        yield sock.fileno(), "writable"
        if request.param == "connect":
            sock.connect(address)

    return connect


def test_the_server_speaks_first(
    run: Loop[Any], sock: socks5client.socket, connected: Callable[..., Program[None]]
) -> None:
    def program() -> Program[bytes]:
        yield from connected(sock, greeter.address)
        greeting = yield from receive_exactly(sock, 5)
        yield from send_all(sock, b"x")
        return greeting + (yield from receive_exactly(sock, 1))

    with Echo(greeting=b"hello") as greeter:
        assert run(program()) == b"hellox"


def test_half_close_by_the_program(
    run: Loop[Any], server: Server, connected: Callable[..., Program[None]]
) -> None:
    """Which may have nothing to say at all, too."""

    def serve(connection: socket.socket) -> None:
        heard.append(b"".join(iter(lambda: connection.recv(65536), b"")))
        connection.sendall(b"answer")

    def program(question: bytes) -> Program[bytes]:
        with socks5client.socket(proxy=server.url) as sock:
            yield from connected(sock, address)
            yield from send_all(sock, question)
            sock.shutdown(socket.SHUT_WR)
            return (yield from receive_all(sock))

    heard: list[bytes] = []
    for question in (b"question", b""):
        with origin(serve) as address:
            assert run(program(question)) == b"answer"
    assert heard == [b"question", b""]


def test_half_close_by_the_server(
    run: Loop[Any], sock: socks5client.socket, connected: Callable[..., Program[None]]
) -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"all there is")
        connection.shutdown(socket.SHUT_WR)
        heard.append(read_exactly(connection, 6))

    def program() -> Program[bytes]:
        yield from connected(sock, address)
        received = yield from receive_all(sock)
        yield from send_all(sock, b"thanks")
        return received

    heard: list[bytes] = []
    with origin(serve) as address:
        assert run(program()) == b"all there is"
    assert heard == [b"thanks"]


def test_a_reset_is_one(
    run: Loop[Any], sock: socks5client.socket, connected: Callable[..., Program[None]]
) -> None:
    def serve(connection: socket.socket) -> None:
        assert connection.recv(1) == b"x"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    def program() -> Program[None]:
        yield from connected(sock, address)
        yield from send_all(sock, b"x")
        yield from receive(sock)

    with origin(serve) as address, pytest.raises(ConnectionResetError):
        run(program())


SIZE = 2_000_000


def test_much_data_both_ways(
    run: Loop[Any], sock: socks5client.socket, connected: Callable[..., Program[None]]
) -> None:
    """Up, then down: more than all buffers on the way hold."""

    def serve(connection: socket.socket) -> None:
        data = read_exactly(connection, SIZE)
        heard.append(hashlib.sha256(data).digest())
        connection.sendall(data[::-1])

    def program() -> Program[bytes]:
        yield from connected(sock, address)
        yield from send_all(sock, data)
        return (yield from receive_all(sock))

    data, heard = os.urandom(SIZE), list[bytes]()
    with origin(serve) as address:
        assert run(program()) == data[::-1]
    assert heard == [hashlib.sha256(data).digest()]


@pytest.mark.parametrize("ask", [True, False])
def test_what_is_written_too_early_comes_first(
    run: Loop[Any], sock: socks5client.socket, echo: Echo, ask: bool
) -> None:
    """Before anybody has waited: none of what the fd takes then is lost."""

    def program() -> Program[bytes]:
        sock.setblocking(False)
        sock.connect_ex(echo.address)
        sent = 0
        try:
            while sent < 100:
                sent += sock.send(b"%02d" % (sent // 2))
        except BlockingIOError:
            pass
        yield sock.fileno(), "writable"
        assert not ask or sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        yield from send_all(sock, text[sent:])
        return (yield from receive_exactly(sock, len(text)))

    text = b"".join(b"%02d" % number for number in range(50))
    assert run(program()) == text


@pytest.mark.parametrize("ask", [True, False])
def test_what_is_written_before_anybody_asks_comes_first(
    run: Loop[Any], server: Server, echo: Echo, ask: bool
) -> None:
    def program() -> Program[bytes]:
        sock.setblocking(False)
        sock.connect_ex(echo.address)
        yield sock.fileno(), "writable"
        sock.send(b"first ")
        assert not ask or sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        yield from send_all(sock, b"second")
        return (yield from receive_exactly(sock, 12))

    for _ in range(10):  # whoever is faster
        with socks5client.socket(proxy=server.url) as sock:
            assert run(program()) == b"first second"


@pytest.fixture(scope="module")
def certified(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("origin.test").configure_cert(context)
    return context


def in_tls(step: Callable[[], Any], fd: int) -> Program[Any]:
    while True:
        try:
            return step()
        except ssl.SSLWantReadError:
            yield fd, "readable"
        except ssl.SSLWantWriteError:
            yield fd, "writable"


def test_tls(
    run: Loop[Any],
    sock: socks5client.socket,
    connected: Callable[..., Program[None]],
    trusted: ssl.SSLContext,
    certified: ssl.SSLContext,
) -> None:
    def serve(connection: socket.socket) -> None:
        with certified.wrap_socket(connection, server_side=True) as tls:
            tls.sendall(tls.recv(100).upper())

    def program() -> Program[bytes]:
        yield from connected(sock, address)
        fd = sock.fileno()
        with trusted.wrap_socket(
            sock, server_hostname="origin.test", do_handshake_on_connect=False
        ) as tls:
            assert tls.fileno() == fd
            yield from in_tls(tls.do_handshake, fd)
            yield from in_tls(lambda: tls.send(b"secret"), fd)
            return (yield from in_tls(lambda: tls.recv(100), fd))

    with origin(serve) as address:
        assert run(program()) == b"SECRET"


def test_blocking_mode_afterwards(
    run: Loop[Any], sock: socks5client.socket, server: Server, echo: Echo
) -> None:
    assert run(attempt(sock, echo.address)) == 0
    sock.setblocking(True)
    assert sock.gettimeout() is None
    sock.sendall(b"x" * 300_000)
    assert read_exactly(sock, 300_000) == b"x" * 300_000
