"""The listening drop-in socket (BIND): what it shares with `socket.socket`, and what it adds."""

from __future__ import annotations

import errno
import resource
import select
import selectors
import socket
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from os import fstat
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client import DIRECT, set_default_proxy
from tests.origins import read_exactly
from tests.server_fixture import CATALOGUE, Fault, Server, delay, reply_code
from tests.test_scenarios_bind import come, contexts, converse, met

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server
        server.wait_idle()


@contextmanager
def listening(proxy: Any, timeout: float | None = 5) -> Iterator[socks5client.socket]:
    with socks5client.socket(proxy=proxy if isinstance(proxy, str) else proxy.url) as sock:
        sock.settimeout(timeout)
        sock.listen()
        yield sock


def expect(number: int, call: Callable[..., object], *args: Any) -> None:
    with pytest.raises(OSError) as caught:
        call(*args)
    assert caught.value.errno == number


# What it shares with a socket of the system


def test_listen(server: Server) -> None:
    with socks5client.socket(proxy=server.url) as sock:
        fd = sock.fileno()
        sock.bind(("", 0))
        assert sock.getsockname()[1] == 0
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 0
        assert server.exchanges == []
        for _ in range(2):  # to listen twice is nothing new
            sock.listen()
            assert sock.getsockname() == met(server)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
            assert sock.fileno() == fd
        assert len(server.requests) == 1
        assert (sock.family, sock.type) == (socket.AF_INET, socket.SOCK_STREAM)
        expect(errno.ENOTCONN, sock.getpeername)
        expect(errno.EISCONN, sock.connect, ("a", 1))
        assert sock.connect_ex(("a", 1)) == errno.EISCONN
        converse_with(sock)


def converse_with(listener: socket.socket) -> None:
    """The peer comes, and is spoken to."""
    peer = come(listener.getsockname())
    sock, address = listener.accept()
    assert address == peer.getsockname()
    converse(sock, peer)


def test_a_port_of_ones_own(server: Server) -> None:
    with socks5client.socket(proxy=server.url) as sock:
        sock.bind(("", 4321))
        expect(errno.EADDRNOTAVAIL, sock.listen)
        assert server.exchanges == []
        sock.bind(("127.0.0.9", 0))  # the local end of the connection to the proxy
        sock.listen()
        assert server.exchanges[0].peer is not None
        assert server.exchanges[0].peer[0] == "127.0.0.9"
        converse_with(sock)


def test_options(server: Server) -> None:
    with socks5client.socket(proxy=server.url) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.listen()
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        with come(sock.getsockname()), sock.accept()[0] as accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


def test_without_listen(server: Server) -> None:
    with socks5client.socket(proxy=server.url) as sock:
        expect(errno.EINVAL, sock.accept)
    assert server.exchanges == []


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize("name", ["accept", "listen", "getsockname", "getpeername", "getsockopt"])
def test_closed(server: Server, name: str, accepted: bool) -> None:
    with listening(server) as sock:
        if accepted:
            converse_with(sock)
    arguments = (socket.SOL_SOCKET, socket.SO_ACCEPTCONN) if name == "getsockopt" else ()
    expect(errno.EBADF, getattr(sock, name), *arguments)
    assert len(server.requests) == 1


def test_it_is_shown_without_asking_for_anything(server: Server) -> None:
    """Whoever logs it, or forgets to close it, does not speak to the proxy thereby."""
    with listening(server) as sock:
        assert str(met(server)[1]) in repr(sock)
        converse_with(sock)
        assert "socket" in repr(sock)
        assert len(server.requests) == 1


def test_dup(server: Server) -> None:
    """Two objects would have to take turns with one rendezvous: that is refused, and harmless."""
    with listening(server) as sock:
        expect(errno.EOPNOTSUPP, sock.dup)
        converse_with(sock)


def test_another_attempt_after_a_failure() -> None:
    once = Fault("reply", reply_code(1).action, times=1)
    with Server(faults=[once]) as server, socks5client.socket(proxy=server.url) as sock:
        with pytest.raises(socks5client.GeneralFailure):
            sock.listen()
        server.wait_idle()
        sock.listen()
        converse_with(sock)


@pytest.mark.parametrize("by_default", [True, False])
def test_direct_is_an_ordinary_one(by_default: bool) -> None:
    set_default_proxy(DIRECT if by_default else None)
    try:
        with socks5client.socket(proxy=None if by_default else DIRECT) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.listen()
            for _ in range(2):
                converse_with(sock)
            assert stat.S_ISSOCK(fstat(sock.fileno()).st_mode)
    finally:
        set_default_proxy(None)


def test_without_epoll(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, socks5client.socket(proxy=server.url) as sock:
        patch.setattr(selectors, "DefaultSelector", selectors.SelectSelector)
        with pytest.raises(OSError, match="epoll or kqueue") as caught:
            sock.listen()
        assert caught.value.errno == errno.EOPNOTSUPP
    assert server.exchanges == []


# What accept() gives


@pytest.mark.parametrize("default", [None, 7])
@pytest.mark.parametrize("timeout", [None, 5, 0])
def test_accepted(server: Server, timeout: float | None, default: float | None) -> None:
    with listening(server, timeout) as listener, come(listener.getsockname()) as peer:
        name = listener.getsockname()
        assert select.select([listener], [], [], 10)[0]
        socket.setdefaulttimeout(default)
        try:
            sock, address = listener.accept()
        finally:
            socket.setdefaulttimeout(None)
        listener.close()
        with sock:
            assert type(sock) is socks5client.socket
            assert sock.gettimeout() == default
            assert not sock.get_inheritable()
            assert stat.S_ISSOCK(fstat(sock.fileno()).st_mode)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM
            assert type(sock).recv is socket.socket.recv
            assert type(sock).sendall is socket.socket.sendall
            assert sock.getpeername() == address == peer.getsockname()
            assert sock.getsockname() == name == peer.getpeername()
            assert sock.proxy_peername == server.address
            assert sock.proxy_sockname == server.exchanges[0].peer
            assert sock.connect_ex(("a", 1)) == errno.EISCONN
            with socket.socket(fileno=sock.dup().detach()) as plain:  # the kernel's own connection
                assert plain.getpeername() == server.address
                plain.settimeout(10)
                peer.sendall(b"x")
                assert read_exactly(plain, 1) == b"x"


def test_accepted_through_tls() -> None:
    with Server(ssl_context=contexts()[0]) as server:
        proxy = socks5client.Proxy(server.host, server.port, tls=True, ssl_context=contexts()[1])
        with socks5client.socket(proxy=proxy) as listener:
            listener.settimeout(5)
            listener.listen()
            for _ in range(2):
                peer = come(listener.getsockname())
                sock, address = listener.accept()
                assert sock.family == socket.AF_INET
                assert sock.getpeername() == address == peer.getsockname()
                assert sock.getsockname() == peer.getpeername()
                assert sock.proxy_peername == server.address
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                assert stat.S_ISSOCK(fstat(sock.fileno()).st_mode)
                converse(sock, peer)
            assert [exchange.command for exchange in server.requests] == [2, 2]
        server.wait_idle()


def test_closing_leaves_the_accepted_alone(server: Server) -> None:
    with listening(server) as listener:
        peer = come(listener.getsockname())
        sock, _ = listener.accept()
        listener.getsockname()  # another rendezvous, for nobody
        listener.close()
        server.wait_for(lambda server: server.exchanges[1].closed)
        assert not server.exchanges[0].closed
        converse(sock, peer)


def test_one_after_the_other(server: Server) -> None:
    """A new BIND each, at a new address, which is known before the peer comes."""
    connections = []
    with listening(server) as listener:
        for number in range(1, 4):
            peer = come(listener.getsockname())
            assert listener.getsockname() == server.requests[-1].rendezvous
            assert len(server.requests) == number
            connections.append((listener.accept()[0], peer))
        for sock, peer in connections:
            converse(sock, peer)
    assert len({exchange.rendezvous for exchange in server.requests}) == 3


@pytest.mark.parametrize("fault", [CATALOGUE["second-reply-refused"], reply_code(2, "reply")])
def test_one_after_a_failure(fault: Fault) -> None:
    at = [1] if fault.stage == "reply" else [0]
    with Server(faults=[Fault(fault.stage, fault.action, connections=at)]) as server:
        with listening(server) as listener:
            if fault.stage == "second-reply":
                with come(listener.getsockname()), pytest.raises(ConnectionRefusedError):
                    listener.accept()
            else:
                converse_with(listener)
                assert select.select([listener], [], [], 0)[0], "there is a new one to ask for"
                with pytest.raises(PermissionError):
                    listener.getsockname()
                with pytest.raises(BlockingIOError):
                    listener.settimeout(0)
                    listener.accept()
                listener.settimeout(5)
            converse_with(listener)
        server.wait_idle()


def test_timeouts(server: Server) -> None:
    with listening(server, 0) as listener:
        with pytest.raises(BlockingIOError):
            listener.accept()
        listener.settimeout(0.1)
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            listener.accept()
        assert 0.09 < time.monotonic() - begun < 2
        listener.settimeout(None)
        converse_with(listener)
    assert len(server.requests) == 1


def test_waiting_costs_nothing(server: Server) -> None:
    with listening(server, 0.3) as listener:
        wall, processor, switches = cost(listener.accept)
    assert wall > 0.25
    assert processor < 0.02
    assert switches < 10


def cost(call: Callable[[], object]) -> tuple[float, float, int]:
    """Of a call that times out: seconds, seconds of the processor, how often it fell asleep."""

    def now() -> tuple[float, float, int]:
        usage = resource.getrusage(resource.RUSAGE_THREAD)
        return time.monotonic(), time.process_time(), usage.ru_nvcsw

    begun = now()
    with pytest.raises(TimeoutError):
        call()
    wall, processor, switches = (end - begin for begin, end in zip(begun, now(), strict=True))
    return wall, processor, int(switches)


# From several threads


def test_accept_from_two_threads(server: Server) -> None:
    with listening(server) as listener, ThreadPoolExecutor(2) as pool:
        accepting = [pool.submit(listener.accept) for _ in range(2)]
        for number in (1, 2):
            server.wait_for(lambda server: len(server.requests) == number)  # noqa: B023
            with come(met(server)) as peer:
                peer.sendall(b"%d" % number)
        answers = []
        for future in accepting:
            with future.result(10)[0] as sock:
                sock.settimeout(10)
                answers.append(sock.recv(1))
    assert sorted(answers) == [b"1", b"2"]


def test_while_another_thread_waits(server: Server) -> None:
    with listening(server, 10) as listener, ThreadPoolExecutor(1) as pool:
        converse_with(listener)
        accepting = pool.submit(listener.accept)
        server.wait_for(lambda server: len(server.requests) == 2)
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()
        listener.settimeout(0.05)
        with pytest.raises(TimeoutError):
            listener.accept()
        peer = come(met(server))
        converse(accepting.result(10)[0], peer)


def test_the_address_while_another_thread_asks_for_it() -> None:
    """Who accepts in a thread, and tells the peer from another, must not wait for that peer."""
    late = Fault("reply", delay(0.3), connections=[1])
    with (
        Server(faults=[late]) as server,
        listening(server, 10) as listener,
        ThreadPoolExecutor(2) as pool,
    ):
        converse_with(listener)
        accepting = pool.submit(listener.accept)
        server.wait_for(lambda server: len(server.requests) == 2)
        asking = pool.submit(listener.getsockname)
        try:
            assert asking.result(2) == met(server)
        finally:
            peer = come(met(server))
            converse(accepting.result(10)[0], peer)


def test_closed_while_another_thread_asks() -> None:
    """Nothing is left behind at the proxy, and nobody waits for it."""
    late = Fault("reply", delay(0.2), connections=[1])
    with Server(faults=[late]) as server, ThreadPoolExecutor(1) as pool:
        with listening(server, 1) as listener:
            converse_with(listener)
            accepting = pool.submit(listener.accept)
            server.wait_for(lambda server: len(server.requests) == 2)
        expect(errno.EBADF, accepting.result, 10)
        server.wait_idle()
