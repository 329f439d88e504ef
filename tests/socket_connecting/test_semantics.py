"""What the calls of the socket do while an attempt is under way, and after it."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client import _bridge, _pair
from tests.origins import Echo, read_exactly, unused_address
from tests.server_fixture import Fault, Server, delay, stall
from tests.socket_connecting.conftest import until
from tests.socket_connecting.loops import attempt, by_poll

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.socket_connecting.loops import Program

NODELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY)
KEEPALIVE = (socket.SOL_SOCKET, socket.SO_KEEPALIVE)


@pytest.fixture(scope="module")
def stalling() -> Iterator[Server]:
    with Server(faults=[Fault("reply", stall())]) as server:
        yield server


@pytest.fixture
def under_way(stalling: Server, echo: Echo) -> Iterator[socks5client.socket]:
    """Its attempt stays under way for ever; the proxy sees the end of it."""
    with socks5client.socket(proxy=stalling.url) as sock:
        sock.setblocking(False)
        assert sock.connect_ex(echo.address) == errno.EINPROGRESS
        stalling.wait_for(lambda server: server.requests and not server.requests[-1].closed)
        yield sock
    stalling.wait_idle()


@pytest.fixture
def slow() -> Iterator[Server]:
    with Server(faults=[Fault("reply", delay(0.1))]) as server:
        yield server


def waited(sock: socks5client.socket) -> None:
    """For the fd only; the object is not told."""

    def program() -> Program[None]:
        yield sock.fileno(), "writable"

    by_poll(program())


def number_of(call: Any, *args: Any) -> int:
    with pytest.raises(OSError) as caught:
        call(*args)
    return caught.value.errno or 0


def test_what_it_answers_under_way(under_way: socks5client.socket, echo: Echo) -> None:
    sock = under_way
    assert sock.connect_ex(echo.address) == errno.EALREADY
    assert number_of(sock.connect, echo.address) == errno.EALREADY
    assert number_of(sock.getpeername) == errno.ENOTCONN
    assert number_of(lambda: sock.proxy_peername) == errno.ENOTCONN
    assert number_of(lambda: sock.proxy_sockname) == errno.ENOTCONN
    assert number_of(sock.dup) == errno.EOPNOTSUPP
    assert number_of(sock.listen) == errno.EALREADY
    assert number_of(sock.bind, ("127.0.0.1", 0)) == errno.EALREADY
    assert sock.getsockname() == ("0.0.0.0", 0)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM
    assert number_of(sock.recv, 1) == errno.EAGAIN
    assert sock.connect_ex(echo.address) == errno.EALREADY  # none of it has changed that


def test_repr_changes_nothing(server: Server, echo: Echo) -> None:
    """It may be a debugger's: it takes no outcome, and registers nothing."""
    with socks5client.socket(proxy=server.url) as sock:
        sock.setblocking(False)
        assert sock.connect_ex(echo.address) == errno.EINPROGRESS
        texts = [repr(sock)]
        waited(sock)
        texts.append(repr(sock))
        assert texts[0] == texts[1]
        assert f"fd={sock.fileno()}" in texts[0]
        assert sock.connect_ex(echo.address) == 0
        assert "raddr" in repr(sock)


def test_a_failure_is_told_once_and_then_it_can_try_again(server: Server, echo: Echo) -> None:
    with socks5client.socket(proxy=server.url) as sock:
        fd = sock.fileno()
        sock.setblocking(False)
        assert sock.connect_ex(unused_address()) == errno.EINPROGRESS
        waited(sock)
        assert sock.connect_ex(echo.address) == errno.ECONNREFUSED
        assert number_of(sock.getpeername) == errno.ENOTCONN
        assert by_poll(attempt(sock, unused_address())) == errno.ECONNREFUSED
        assert by_poll(attempt(sock, echo.address)) == 0
        assert sock.fileno() == fd
        sock.setblocking(True)
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"


def test_after_a_failure_it_may_block(server: Server, echo: Echo) -> None:
    with socks5client.socket(proxy=server.url) as sock:
        assert by_poll(attempt(sock, unused_address())) == errno.ECONNREFUSED
        sock.settimeout(5)
        sock.connect(echo.address)
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"


def test_after_a_failure_it_may_listen(server: Server) -> None:
    with socks5client.socket(proxy=server.url) as sock:
        assert by_poll(attempt(sock, unused_address())) == errno.ECONNREFUSED
        sock.settimeout(5)
        sock.listen()
        with socket.create_connection(sock.getsockname(), 5):
            accepted, _ = sock.accept()
            accepted.close()


def test_once_connected_it_can_be_duplicated(server: Server, echo: Echo) -> None:
    with socks5client.socket(proxy=server.url) as sock:
        sock.setblocking(False)
        sock.connect_ex(echo.address)
        waited(sock)
        with sock.dup() as twin:
            sock.close()
            assert twin.getpeername() == echo.address
            twin.settimeout(5)
            twin.sendall(b"x")
            assert twin.recv(1) == b"x"


def test_asking_for_the_peer_tells_success(server: Server, echo: Echo) -> None:
    """As in the system; connect() still does so as well."""
    with socks5client.socket(proxy=server.url) as sock:
        sock.setblocking(False)
        sock.connect_ex(echo.address)
        waited(sock)
        assert sock.getpeername() == echo.address
        assert sock.proxy_peername == server.address
        assert sock.proxy_sockname == server.exchanges[-1].peer
        assert sock.connect_ex(echo.address) == 0
        assert sock.connect_ex(echo.address) == errno.EISCONN


@pytest.mark.parametrize("call", ["recv", "send"])
def test_a_call_with_a_timeout_waits_for_it(slow: Server, call: str) -> None:
    with Echo(greeting=b"x") as greeter, socks5client.socket(proxy=slow.url) as sock:
        sock.setblocking(False)
        sock.connect_ex(greeter.address)
        sock.settimeout(5)
        if call == "send":
            sock.sendall(b"y" * 200_000)  # more than a fd takes that is not connected yet
            assert read_exactly(sock, 200_001) == b"x" + b"y" * 200_000
        else:
            assert sock.recv(1) == b"x"
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_a_call_with_a_timeout_fails_with_it(slow: Server) -> None:
    with socks5client.socket(proxy=slow.url) as sock:
        sock.setblocking(False)
        sock.connect_ex(unused_address())
        sock.settimeout(5)
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED


@pytest.mark.parametrize("option", [NODELAY, KEEPALIVE])
@pytest.mark.parametrize("when", ["before", "during", "after"])
def test_options_reach_the_connection(
    slow: Server, echo: Echo, when: str, option: tuple[int, int]
) -> None:
    with socks5client.socket(proxy=slow.url) as sock:
        if when == "before":
            sock.setsockopt(*option, 1)
        sock.setblocking(False)
        sock.connect_ex(echo.address)
        if when == "during":
            assert sock.getsockopt(*option) == 0
            sock.setsockopt(*option, 1)
            assert sock.getsockopt(*option) == 1
        waited(sock)
        assert sock.connect_ex(echo.address) == 0
        if when == "after":
            sock.setsockopt(*option, 1)
        assert sock.getsockopt(*option) == 1
        assert sock._wire is not None
        assert sock._wire.getsockopt(*option) == 1


def test_options_of_another_family_do_no_harm(slow: Server, echo: Echo) -> None:
    """The proxy is reached by IPv4."""
    with socks5client.socket(socket.AF_INET6, proxy=slow.url) as sock:
        sock.setblocking(False)
        sock.connect_ex(echo.address)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 5)
        sock.setsockopt(*KEEPALIVE, 1)
        waited(sock)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        assert sock.getsockopt(*KEEPALIVE) == 1


def test_the_source_address_is_that_of_the_connection(server: Server, echo: Echo) -> None:
    with socks5client.socket(proxy=server.url) as sock:
        sock.bind(("127.0.0.9", 0))
        assert by_poll(attempt(sock, echo.address)) == 0
        assert sock.proxy_sockname[0] == "127.0.0.9"


@pytest.mark.parametrize("when", ["under way", "at the end"])
def test_detached(slow: Server, when: str) -> None:
    """The fd goes on by itself, for whoever has it."""
    with Echo(greeting=b"hello") as greeter:
        sock = socks5client.socket(proxy=slow.url)
        sock.setblocking(False)
        sock.connect_ex(greeter.address)
        if when == "at the end":
            waited(sock)
        fd = sock.detach()
        assert number_of(sock.getpeername) == errno.EBADF
        del sock
        os.set_blocking(fd, True)
        assert os.write(fd, b"x") == 1
        received = b""
        while len(received) < 6:
            received += os.read(fd, 100)
        assert received == b"hellox"
        os.close(fd)
        slow.wait_idle()


def test_detached_and_refused(slow: Server) -> None:
    sock = socks5client.socket(proxy=slow.url)
    sock.setblocking(False)
    sock.connect_ex(unused_address())
    with socket.socket(fileno=sock.detach()) as plain:
        plain.settimeout(5)
        with pytest.raises(ConnectionResetError):
            plain.recv(1)


def test_files_made_from_it(slow: Server, echo: Echo) -> None:
    sock = socks5client.socket(proxy=slow.url)
    sock.setblocking(False)
    sock.connect_ex(echo.address)
    sock.settimeout(5)
    with sock.makefile("rwb") as file:
        sock.close()  # the file keeps it open
        file.write(b"a line\n")
        file.flush()
        assert file.readline() == b"a line\n"
    slow.wait_idle()


def test_addresses_are_checked_at_once(server: Server) -> None:
    before = len(server.exchanges)
    with socks5client.socket(proxy=server.url) as sock:
        sock.setblocking(False)
        with pytest.raises(ValueError, match="255"):
            sock.connect(("x" * 256, 80))
        with pytest.raises(TypeError):
            sock.connect("origin.test")
        assert number_of(sock.getpeername) == errno.ENOTCONN
    assert len(server.exchanges) == before


def test_without_loopback_it_is_a_pair(
    server: Server, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network namespace may have none: then the fd is a unix socket's."""

    def connect(*args: Any) -> None:
        raise OSError(errno.ENETUNREACH, "no loopback")

    with socks5client.socket(proxy=server.url) as sock:
        with monkeypatch.context() as patch:
            alone = type("Alone", (_pair.Plain,), {"connect": connect})
            patch.setattr(_pair, "Plain", alone)
            assert by_poll(attempt(sock, unused_address())) == errno.ECONNREFUSED
            assert by_poll(attempt(sock, echo.address)) == 0
        assert socket.socket.getsockname(sock) == ""  # a unix socket's
        sock.settimeout(5)
        sock.sendall(b"x" * 500_000)
        assert read_exactly(sock, 500_000) == b"x" * 500_000


@pytest.fixture
def fast_switches() -> Iterator[None]:
    """Threads are interrupted wherever they are."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("outcome", [0, errno.ECONNREFUSED])
def test_two_threads_ask(server: Server, echo: Echo, outcome: int, fast_switches: None) -> None:
    """At once: none begins a second attempt where the first has succeeded."""

    def ask(sock: socks5client.socket) -> None:
        together.wait()
        results.append(sock.connect_ex(address))

    address = unused_address() if outcome else echo.address
    for _ in range(30):
        together, results = threading.Barrier(2, timeout=5), list[int]()
        with socks5client.socket(proxy=server.url) as sock:
            sock.setblocking(False)
            sock.connect_ex(address)
            waited(sock)
            threads = [threading.Thread(target=ask, args=(sock,)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
        second = errno.EINPROGRESS if outcome else errno.EISCONN
        # Both are told of a success, where neither was later than the other.
        assert sorted(results) in (sorted([outcome, second]), [0, 0])
    until(lambda: not _bridge._links)
