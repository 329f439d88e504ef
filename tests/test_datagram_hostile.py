"""What attackers, threads and bad moments do to a drop-in UDP socket."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client import DatagramSocket, Proxy, set_default_proxy
from tests.origins import UdpEcho
from tests.server_fixture import Fault, Server, close, stall

if TYPE_CHECKING:
    from collections.abc import Iterator

FORGED = b"\0\0\0\1\x08\x08\x08\x08\0\x35forged"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(names={"origin.test": "127.0.0.1"}) as proxy:
        yield proxy


@pytest.fixture
def url(server: Server) -> str:
    return server.url


def udp(proxy: Any) -> DatagramSocket:
    sock = socks5client.socket(socket.AF_INET, socket.SOCK_DGRAM, proxy=proxy)
    assert isinstance(sock, DatagramSocket)
    sock.settimeout(5)
    return sock


def check_echo(sock: DatagramSocket, peer: Any, payload: bytes = b"ping") -> None:
    sock.sendto(payload, peer)
    assert sock.recvfrom(100) == (payload, peer)


def test_what_came_before_the_association_is_not_the_relays(url: str, udp_echo: UdpEcho) -> None:
    with udp(url) as sock, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
        sock.bind(("127.0.0.1", 0))
        for _ in range(3):
            attacker.sendto(FORGED, sock.getsockname())
        check_echo(sock, udp_echo.address)


def test_a_new_peer_is_not_the_old_one(udp_echo: UdpEcho) -> None:
    """Where the short way to the new one is none, that to the old one is not taken."""
    with (
        Server("::1", names={"origin.test": "127.0.0.1"}) as server,
        UdpEcho() as other,
        udp(f"socks5h://[::1]:{server.port}") as sock,
    ):
        sock.connect(("origin.test", udp_echo.address[1]))
        sock.send(b"one")
        assert sock.recv(9) == b"one"
        sock.connect(other.address)
        sock.send(b"two")
        assert sock.recvfrom(9) == (b"two", other.address)


@pytest.mark.parametrize("count", [1, 50])
def test_a_failure_in_the_background_is_told_once(udp_echo: UdpEcho, count: int) -> None:
    """Then the fd is quiet, and another attempt can be made."""
    once = Fault("method", close(), times=1)
    with (
        Server(faults=[once]) as server,
        udp(server.url) as sock,
        selectors.DefaultSelector() as selector,
    ):
        selector.register(sock, selectors.EVENT_READ)
        sock.setblocking(False)
        with pytest.raises(socks5client.RemoteProtocolError, match="hung up") as caught:
            for _ in range(count):
                sock.sendto(b"lost", udp_echo.address)  # the last ones may hear of it already
            assert selector.select(5)
            sock.recv(9)
        assert caught.value.__traceback__ is not None
        assert selector.select(0) == []
        sock.settimeout(5)
        sock.associate()
        sock.sendto(b"again", udp_echo.address)
        received = set()
        while b"again" not in received:
            received.add(sock.recv(9))


def test_the_background_has_a_deadline(monkeypatch: pytest.MonkeyPatch, udp_echo: UdpEcho) -> None:
    monkeypatch.setattr("socks5client._socket.associated.PATIENCE", 0.1)
    with Server(faults=[Fault("reply", stall())]) as server:
        with udp(server.url) as sock:
            sock.setblocking(False)
            sock.sendto(b"x", udp_echo.address)
            with selectors.DefaultSelector() as selector:
                selector.register(sock, selectors.EVENT_READ)
                assert selector.select(5)
            with pytest.raises(socks5client.HandshakeTimeout):
                sock.recv(9)
            with pytest.raises(socks5client.HandshakeTimeout):
                sock.associate()
        server.wait_idle()


def test_closed_while_the_association_is_made(
    monkeypatch: pytest.MonkeyPatch, server: Server, url: str
) -> None:
    """Nothing is left of it."""
    sock = udp(url)
    connect_to = DatagramSocket._connect_to

    def closing(self: DatagramSocket, relay: Any) -> None:
        connect_to(self, relay)
        sock.close()

    monkeypatch.setattr(DatagramSocket, "_connect_to", closing)
    with pytest.raises(OSError):
        sock.associate()
    server.wait_idle()


def test_ended_while_the_association_is_made(
    monkeypatch: pytest.MonkeyPatch, server: Server, url: str, udp_echo: UdpEcho
) -> None:
    from socks5client.tunnel.relay import Relay

    watch = Relay.watch

    def ending(self: Relay) -> None:
        server.hang_up(server.exchanges[0])
        watch(self)

    monkeypatch.setattr(Relay, "watch", ending)
    with udp(url) as sock:
        sock.associate()
        for _ in range(20):
            with pytest.raises(socks5client.ProxyConnectionError):
                sock.recv(9)
        with pytest.raises(socks5client.ProxyConnectionError):
            sock.sendto(b"x", udp_echo.address)


def test_a_thread_that_cannot_start(
    monkeypatch: pytest.MonkeyPatch, url: str, udp_echo: UdpEcho
) -> None:
    with udp(url) as sock:
        sock.setblocking(False)
        with monkeypatch.context() as patch:

            def start(self: threading.Thread) -> None:
                raise RuntimeError("can't start new thread")

            patch.setattr(threading.Thread, "start", start)
            with pytest.raises(RuntimeError, match="can't start"):
                sock.sendto(b"x", udp_echo.address)
        sock.settimeout(5)
        check_echo(sock, udp_echo.address)


def test_a_method_that_is_broken() -> None:
    class Broken:
        code = 0

        def negotiate(self, request: Any, server: str) -> Iterator[Any]:
            raise RuntimeError("a defect")
            yield

    with Server() as server, udp(Proxy(server.host, server.port, auth=Broken())) as sock:
        sock.setblocking(False)
        sock.sendto(b"x", ("127.0.0.1", 9))
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ)
            assert selector.select(5)
        with pytest.raises(socks5client.SocksError, match="a defect"):
            sock.recv(9)


def test_the_default_proxy_may_change(
    monkeypatch: pytest.MonkeyPatch, url: str, udp_echo: UdpEcho
) -> None:
    """An association that stands has the policy that it was made with."""

    def getaddrinfo(*args: Any) -> Any:
        raise AssertionError("a name was looked up here")

    monkeypatch.setattr("socks5client.tunnel.dial._getaddrinfo", getaddrinfo)
    set_default_proxy(url)
    try:
        with udp(None) as sock:
            check_echo(sock, udp_echo.address)
            for default in (None, url.replace("socks5h", "socks5")):
                set_default_proxy(default)
                sock.sendto(b"x", ("origin.test", udp_echo.address[1]))
                assert sock.recvfrom(9) == (b"x", udp_echo.address)
    finally:
        set_default_proxy(None)


def test_duplicates_share_what_is_set(server: Server, url: str, udp_echo: UdpEcho) -> None:
    with udp(url) as sock, sock.dup() as twin:
        twin.settimeout(5)
        sock.fragment_size = 10
        assert twin.fragment_size == 10
        twin.sendto(bytes(100), udp_echo.address)
        assert twin.recv(100) == bytes(100)
        assert server.requests[0].datagrams_up[-1].fragments == 10
        sock.connect(udp_echo.address)
        assert twin.getpeername() == udp_echo.address
        twin.send(b"x")
        assert twin.recv(9) == b"x"


def test_client_address_is_for_the_first_proxy_of_a_chain(udp_echo: UdpEcho) -> None:
    with Server() as first, Server() as second:
        chain = ["socks5h://{}:{}".format(*one.address) for one in (first, second)]
        with udp(chain) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.client_address = sock.getsockname()
            check_echo(sock, udp_echo.address)
            told = [one.port for one in first.requests if one.command == 3]
            assert told == [sock.getsockname()[1]]
            assert second.requests[0].port == 0


# A relay of the test's own


@contextmanager
def raw_relay() -> Iterator[tuple[str, socket.socket, socket.socket]]:
    """The URL of a proxy, its relay's socket, and a socket that gets the control connections."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as relay,
    ):
        relay.bind(("127.0.0.1", 0))
        relay.settimeout(5)
        controls: list[socket.socket] = []

        def serve() -> None:
            control, _ = listener.accept()
            controls.append(control)
            control.recv(3, socket.MSG_WAITALL)
            control.sendall(b"\5\0")
            control.recv(10, socket.MSG_WAITALL)
            control.sendall(b"\5\0\0\1\x7f\0\0\1" + relay.getsockname()[1].to_bytes(2, "big"))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield "socks5h://127.0.0.1:{1}".format(*listener.getsockname()), relay, listener
        finally:
            thread.join(5)
            for control in controls:
                control.close()


@pytest.mark.parametrize("timeout", [0.3, 0.0])
def test_a_flood_of_bad_packets_does_not_stretch_the_call(timeout: float) -> None:
    with raw_relay() as (url, relay, _), udp(url) as sock:
        sock.sendto(b"hello", ("127.0.0.1", 9))
        client = relay.recvfrom(100)[1]
        ended = threading.Event()

        def flood() -> None:
            while not ended.is_set():
                relay.sendto(b"bad", client)

        threads = [threading.Thread(target=flood) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            sock.settimeout(timeout)
            with pytest.raises((TimeoutError, BlockingIOError)):
                sock.recv(100)
        finally:
            ended.set()
            for thread in threads:
                thread.join()


def test_a_source_that_is_ipv4_mapped_into_ipv6() -> None:
    with raw_relay() as (url, relay, _), udp(url) as sock:
        sock.connect(("192.0.2.1", 53))
        sock.send(b"hello")
        client = relay.recvfrom(100)[1]
        mapped = b"\0\0\0\4" + bytes(10) + b"\xff\xff\xc0\0\2\1\0\x35answer"
        relay.sendto(mapped, client)
        assert sock.recvfrom(100) == (b"answer", ("192.0.2.1", 53))


def test_peeking_at_a_bad_packet_in_a_chain(udp_echo: UdpEcho) -> None:
    with Server() as first, Server() as second:
        chain = ["socks5h://{}:{}".format(*one.address) for one in (first, second)]
        with udp(chain) as sock:
            check_echo(sock, udp_echo.address)
            outside = next(one.outside for one in first.requests if one.outside is not None)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.sendto(FORGED, ("127.0.0.1", outside[1]))
            sock.sendto(b"ping", udp_echo.address)
            assert sock.recv(9, socket.MSG_PEEK) == b"ping"
            assert sock.recv(9) == b"ping"
            assert sock.dropped == 1
