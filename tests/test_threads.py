"""One socket in several threads: what a plain one does, every kind does, or says so."""

from __future__ import annotations

import errno
import hashlib
import os
import select
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import socks5client
from socks5client.httpx import Socks5Transport
from tests.kinds import KINDS, place
from tests.origins import UdpEcho, read_exactly, web_server
from tests.server_fixture import Fault, Server, stall
from tests.waiting import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.kinds import Place

SECONDS = 20


@pytest.fixture(scope="module")
def here() -> Iterator[Place]:
    with place() as found:
        yield found


@pytest.fixture(params=list(KINDS.values()), ids=list(KINDS))
def make(request: pytest.FixtureRequest) -> Callable[[Place], socket.socket]:
    """Each kind of connected socket in turn."""
    kind: Callable[[Place], socket.socket] = request.param
    return kind


def together(*works: Callable[[], object]) -> None:
    """Each of them in a thread; all have to come to an end, and none may fail."""
    calls = [Call(work) for work in works]
    for call in calls:
        call.result(SECONDS)


# TCP


def test_one_thread_sends_while_another_receives(
    make: Callable[[Place], socket.socket], here: Place
) -> None:
    """Nothing is received until the sender is held up: all buffers on the way are full."""
    block, end = os.urandom(1 << 18), os.urandom(32)
    sent, received = hashlib.sha256(), hashlib.sha256()
    enough = threading.Event()
    with make(here) as sock:
        sock.settimeout(None)

        def send() -> int:
            size = 0
            while not enough.is_set():
                sock.sendall(block)
                sent.update(block)
                size += len(block)
                assert size < 200_000_000, "nothing holds it up"
            sock.sendall(end)
            sent.update(end)
            return size + len(end)

        def receive() -> int:
            size, last = 0, b""
            while last != end:
                data = sock.recv(65536)
                assert data
                received.update(data)
                size += len(data)
                last = (last + data)[-len(end) :]
            return size

        sender = Call(send)
        while select.select([], [sock], [], 0.1)[1]:
            pass
        enough.set()
        receiver = Call(receive)
        assert receiver.result(SECONDS) == sender.result(SECONDS) > 1_000_000
    assert received.digest() == sent.digest()


def test_many_threads_send_on_one_socket(
    make: Callable[[Place], socket.socket], here: Place
) -> None:
    """What one `send` has taken stays in one piece."""
    with make(here) as sock:
        sock.settimeout(10)

        def send(number: int) -> None:
            for _ in range(200):
                assert sock.send(bytes((number,)) * 64) == 64

        def receive() -> None:
            pieces = [read_exactly(sock, 64) for _ in range(8 * 200)]
            assert all(piece == piece[:1] * 64 for piece in pieces)
            assert sorted(piece[0] for piece in pieces) == sorted([*range(8)] * 200)

        together(receive, *[lambda number=number: send(number) for number in range(8)])


@contextmanager
def meeting(make: Callable[[Place], socket.socket]) -> Iterator[tuple[socket.socket, Any]]:
    """A connected socket, and the destination's end of the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        with place(listener.getsockname()) as found, make(found) as sock:
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(10)
                yield sock, peer


def interrupted_receiving(
    make: Callable[[Place], socket.socket], timeout: float | None, how: str
) -> Any:
    """What `recv` comes to in one thread where another one ends it."""
    with meeting(make) as (sock, peer):
        sock.settimeout(timeout)
        call = Call(lambda: sock.recv(100))
        call.wait_until_waiting()
        if how == "shutdown":
            sock.shutdown(socket.SHUT_RDWR)
        else:
            sock.close()
            peer.sendall(b"late")
        return call.outcome()


@pytest.mark.parametrize("timeout", [None, 10])
@pytest.mark.parametrize("how", ["shutdown", "close"])
def test_another_thread_ends_recv(
    make: Callable[[Place], socket.socket], timeout: float | None, how: str
) -> None:
    expected = interrupted_receiving(KINDS["plain"], timeout, how)
    assert interrupted_receiving(make, timeout, how) == expected


def test_another_thread_ends_sendall(make: Callable[[Place], socket.socket]) -> None:
    with meeting(make) as (sock, _):
        sock.settimeout(None)
        data = bytes(1 << 20)

        def send() -> None:
            while True:
                sock.sendall(data)

        call = Call(send)
        while select.select([], [sock], [], 0.1)[1]:
            pass
        sock.shutdown(socket.SHUT_RDWR)
        error, number = call.outcome()
        assert issubclass(error, ConnectionError)
        assert number in (errno.EPIPE, errno.ECONNRESET)


@pytest.mark.parametrize("wait", [True, False], ids=["waiting", "not waiting"])
def test_another_thread_closes_it_in_the_handshake(wait: bool) -> None:
    """The attempt ends at the timeout, or at once; nothing of it is left at the proxy."""
    with Server(faults=[Fault("reply", stall())]) as server:
        sock = socks5client.socket(proxy=server.url)
        sock.settimeout(0.5 if wait else 0)
        if wait:
            call = Call(lambda: sock.connect(("127.0.0.1", 9)))
        else:
            assert sock.connect_ex(("127.0.0.1", 9)) == errno.EINPROGRESS
        server.wait_for(lambda server: server.requests)
        sock.close()
        if wait:
            with pytest.raises(socks5client.HandshakeTimeout):
                call.result()
        server.wait_idle()
        assert sock.fileno() == -1


def test_closed_in_the_handshake_it_is_not_opened_by_its_end(here: Place) -> None:
    """Whoever has its number by now keeps what is his."""
    go_on = threading.Event()

    class Slow:
        code = 0

        def negotiate(self, request: Any, server: str) -> Any:
            assert go_on.wait(10)
            yield from ()

    proxy = socks5client.Proxy(here.server.host, here.server.port, auth=Slow())
    sock = socks5client.socket(proxy=proxy)
    number = sock.fileno()
    call = Call(lambda: sock.connect(here.address))
    call_begun = len(here.server.exchanges)
    here.server.wait_for(lambda server: len(server.exchanges) >= call_begun)
    sock.close()
    with socket.socket(socket.AF_UNIX) as other:
        is_his = other.fileno() == number
        go_on.set()
        assert call.outcome() == (OSError, errno.EBADF)
        assert other.family == socket.AF_UNIX
        assert not is_his or os.fstat(number).st_ino == os.fstat(other.fileno()).st_ino
        with pytest.raises(OSError, match="not connected"):
            other.getpeername()


# Listening


def listening(here: Place, timeout: float | None) -> socks5client.socket:
    sock = socks5client.socket(proxy=here.proxy)
    sock.settimeout(5)
    sock.bind(("", 0))
    sock.listen()
    sock.settimeout(timeout)
    return sock


def test_accept_in_several_threads(here: Place) -> None:
    """Each has a peer of its own."""
    with listening(here, 10) as listener:

        def accept() -> None:
            connection, peer = listener.accept()
            with connection:
                connection.settimeout(10)
                name = "{} {}".format(*peer).encode()
                assert read_exactly(connection, len(name)) == name

        calls = [Call(accept) for _ in range(4)]
        seen = set()
        for _ in calls:
            address = listener.getsockname()
            with socket.create_connection(address, 10) as peer:
                peer.sendall("{} {}".format(*peer.getsockname()).encode())
                assert peer.recv(1) == b""
            seen.add(address)
            here.server.wait_for(
                lambda server: all(e.closed for e in server.requests if e.rendezvous in seen)
            )
        for call in calls:
            call.result()


def test_another_thread_closes_a_listener(here: Place) -> None:
    """As in the system that ends no `accept`; its timeout does."""
    listener = listening(here, 0.5)
    call = Call(listener.accept)
    call.wait_until_waiting()
    listener.close()
    error, _ = call.outcome()
    assert issubclass(error, OSError)
    assert listener.fileno() == -1


def test_another_thread_shuts_a_listener_down(here: Place) -> None:
    """In the system that ends `accept`, for which many a server's stop() is made."""
    with socket.create_server(("127.0.0.1", 0)) as model:
        waiting = Call(model.accept)
        waiting.wait_until_waiting()
        model.shutdown(socket.SHUT_RDWR)
        expected = waiting.outcome()
    with listening(here, 5) as listener:
        call = Call(listener.accept)
        call.wait_until_waiting()
        listener.shutdown(socket.SHUT_RDWR)
        assert call.outcome() == expected
        here.server.wait_idle()


def outcome(call: Callable[[], Any]) -> Any:
    """What it returns; of an OSError the class and the number."""
    try:
        return call()
    except OSError as error:
        return type(error), error.errno


@pytest.mark.parametrize("how", [socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR, 3])
def test_what_a_listener_is_after_shutdown(how: int, here: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as model, listening(here, 0) as listener:
        model.settimeout(0)
        address = listener.getsockname()
        for sock in (model, listener):
            name = sock.getsockname()
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            outcomes = [outcome(lambda sock=sock: sock.shutdown(how)) for _ in range(2)]
            outcomes.append(outcome(sock.accept))
            outcomes.append(bool(select.select([sock], [], [], 0)[0]))
            outcomes.append(sock.getsockname() == name)
            if sock is model:
                expected = outcomes
        assert outcomes == expected
        assert listener.getsockname() == address
    assert outcome(lambda: listener.shutdown(how)) == (OSError, errno.EBADF)
    here.server.wait_idle()


# UDP


@pytest.mark.parametrize("connected", [False, True], ids=["sendto", "connected"])
def test_many_threads_on_one_udp_socket(connected: bool) -> None:
    """Each datagram is received once, whole, from whom it came."""
    window = threading.Semaphore(32)
    senders, receivers, times = 6, 3, 300
    payloads = [
        [f"{sender} {number}".encode().ljust(100, b".") for number in range(times)]
        for sender in range(senders)
    ]
    received: list[tuple[bytes, Any]] = []
    with (
        UdpEcho() as echo,
        Server(names={"echo.test": "127.0.0.1"}) as server,
        socks5client.socket(socket.AF_INET, socket.SOCK_DGRAM, proxy=server.url) as sock,
    ):
        sock.settimeout(10)
        targets = [echo.address, ("echo.test", echo.address[1])]
        if connected:
            sock.connect(echo.address)

        def send(mine: list[bytes]) -> None:
            for number, payload in enumerate(mine):
                assert window.acquire(timeout=10)
                if connected:
                    sock.send(payload)
                else:
                    sock.sendto(payload, targets[number % 2])

        def receive(last: bytes = b"end") -> None:
            while True:
                payload, source = sock.recvfrom(200)
                if payload == last:
                    return
                received.append((payload, source))
                window.release()

        receiving = [Call(receive) for _ in range(receivers)]
        together(*[lambda mine=mine: send(mine) for mine in payloads])
        for _ in range(32):  # all have come back
            assert window.acquire(timeout=10)
        for _ in receiving:
            sock.sendto(b"end", echo.address)
        for call in receiving:
            call.result(SECONDS)
        assert {source for _, source in received} == {echo.address}
        assert len(server.requests) == 1
    assert sorted(payload for payload, _ in received) == sorted(
        payload for mine in payloads for payload in mine
    )


def interrupted_udp(sock: socket.socket, call: Callable[[], Any]) -> Any:
    with sock:
        waiting = Call(call)
        waiting.wait_until_waiting()
        sock.shutdown(socket.SHUT_RDWR)
        return waiting.outcome()


@pytest.mark.parametrize("timeout", [None, 0.3])
def test_another_thread_shuts_a_udp_socket_down(timeout: float | None) -> None:
    with UdpEcho() as echo, Server() as server:
        plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ours = socks5client.socket(socket.AF_INET, socket.SOCK_DGRAM, proxy=server.url)
        outcomes = []
        for sock in (plain, ours):
            sock.settimeout(10)
            sock.connect(echo.address)
            sock.send(b"x")
            assert sock.recv(9) == b"x"
            sock.settimeout(timeout)
            outcomes.append(interrupted_udp(sock, lambda sock=sock: sock.recv(9)))
        assert outcomes[0] == outcomes[1]
        server.wait_idle()


def test_a_udp_socket_closed_while_its_association_is_made() -> None:
    with Server(faults=[Fault("reply", stall())]) as server:
        sock = socks5client.socket(socket.AF_INET, socket.SOCK_DGRAM, proxy=server.url)
        sock.settimeout(0.5)
        call = Call(lambda: sock.sendto(b"x", ("127.0.0.1", 9)))
        server.wait_for(lambda server: server.requests)
        sock.close()
        with pytest.raises(socks5client.HandshakeTimeout):
            call.result()
        server.wait_idle()


# Many


def test_every_kind_at_once(here: Place) -> None:
    """Connected and used in threads at the same time."""

    def use(kind: Callable[[Place], socket.socket]) -> None:
        for _ in range(5):
            with kind(here) as sock:
                sock.settimeout(10)
                data = os.urandom(50_000)
                sock.sendall(data)
                assert read_exactly(sock, len(data)) == data

    together(*[lambda kind=kind: use(kind) for kind in KINDS.values() for _ in range(3)])


def test_one_http_client_in_many_threads() -> None:
    with Server() as server, web_server() as (host, port):
        with httpx.Client(transport=Socks5Transport(server.url)) as client:

            def fetch() -> None:
                for _ in range(20):
                    assert client.get(f"http://{host}:{port}/").text == "a page"

            together(*[fetch] * 8)
        assert 0 < len(server.requests) <= 8
        server.wait_idle()
