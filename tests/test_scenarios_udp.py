"""UDP through a relay: each scenario is written once and run over every kind of socket."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client import NoAuth, Proxy
from tests.origins import UdpEcho
from tests.server_fixture import (
    Server,
    duplicate,
    lose,
    reorder,
    truncate_packet,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.drivers import UdpDriver

ALICE = {"alice": "secret"}


def check_echo(udp: Any, payload: bytes = b"ping") -> None:
    udp.send(payload)
    assert udp.receive()[0] == payload


# What works


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "origin.test"])
def test_destinations(open_udp: UdpDriver, host: str) -> None:
    with (
        UdpEcho("::1" if host == "::1" else "127.0.0.1") as udp_echo,
        Server(names={"origin.test": "127.0.0.1"}) as server,
        open_udp(server.url, (host, udp_echo.address[1])) as udp,
    ):
        udp.send(b"question")
        payload, source = udp.receive()
        assert payload == b"question"
        assert source == (("::1", udp_echo.address[1], 0, 0) if host == "::1" else udp_echo.address)
        (exchange,) = server.requests
        assert (exchange.command, exchange.host, exchange.port) == (3, "0.0.0.0", 0)
        assert [(sent.host, sent.port) for sent in exchange.datagrams_up] == [
            (host, udp_echo.address[1])
        ]


@pytest.mark.parametrize("size", [0, 1, 512, 9000, 65_000])
def test_sizes(open_udp: UdpDriver, udp_echo: UdpEcho, size: int) -> None:
    with Server() as server, open_udp(server.url, udp_echo.address) as udp:
        check_echo(udp, os.urandom(size))


def test_password(open_udp: UdpDriver, udp_echo: UdpEcho) -> None:
    with Server(users=ALICE) as server:
        with open_udp(server.url_as(user_info="alice:secret@"), udp_echo.address) as udp:
            check_echo(udp)
        assert server.requests[0].username == b"alice"
        server.wait_idle()


def test_the_association_lasts_as_long_as_the_socket(
    open_udp: UdpDriver, udp_echo: UdpEcho
) -> None:
    with Server() as server:
        with open_udp(server.url, udp_echo.address) as udp:
            for number in range(20):
                check_echo(udp, b"%d" % number)
            assert len(server.exchanges) == 1
            assert not server.exchanges[0].closed
        server.wait_idle()


def test_proxy_on_ipv6(open_udp: UdpDriver, udp_echo: UdpEcho) -> None:
    with (
        Server(host="::1") as server,
        open_udp(f"socks5h://[::1]:{server.port}", udp_echo.address) as udp,
    ):
        check_echo(udp)


def test_proxy_on_a_unix_socket(open_udp: UdpDriver, udp_echo: UdpEcho, tmp_path: Path) -> None:
    path = tmp_path / "proxy"
    with (
        Server(host=None, unix_path=path) as server,
        open_udp(f"socks5h+unix://{path}", udp_echo.address) as udp,
    ):
        check_echo(udp)
        assert server.requests[0].relay is not None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "proxy.test", ""])
def test_bound_that_says_nothing_means_the_proxys_address(
    open_udp: UdpDriver, udp_echo: UdpEcho, host: str
) -> None:
    with Server(bound=(host, None)) as server, open_udp(server.url, udp_echo.address) as udp:
        check_echo(udp)


def test_names_looked_up_here(
    open_udp: UdpDriver, udp_echo: UdpEcho, monkeypatch: pytest.MonkeyPatch
) -> None:
    def getaddrinfo(host: str, port: int, family: int, kind: int) -> Any:
        assert (host, kind) == ("origin.test", socket.SOCK_DGRAM)
        return [(socket.AF_INET, kind, 17, "", ("127.0.0.1", port))]

    monkeypatch.setattr("socks5client.tunnel.dial._getaddrinfo", getaddrinfo)
    with (
        Server() as server,
        open_udp(server.url_as("socks5"), ("origin.test", udp_echo.address[1])) as udp,
    ):
        check_echo(udp)
        check_echo(udp)
        assert {sent.host for sent in server.requests[0].datagrams_up} == {"127.0.0.1"}


def test_chain(open_udp: UdpDriver, udp_echo: UdpEcho) -> None:
    """The datagrams pass both relays: nothing leaves past the first proxy."""
    with Server() as first, Server(users=ALICE) as second:
        chain = [first.url, second.url_as(user_info="alice:secret@")]
        with open_udp(chain, udp_echo.address) as udp:
            check_echo(udp)
            check_echo(udp, b"again")
            relay_of_second = second.requests[0].relay
            (associate, connect) = sorted(first.requests, key=lambda one: -(one.command or 0))
            assert (connect.host, connect.port) == second.address
            assert [(up.host, up.port) for up in associate.datagrams_up] == [relay_of_second] * 2
            assert [up.payload for up in second.requests[0].datagrams_up] == [b"ping", b"again"]
            assert associate.outside is not None
            # What the second proxy heard, it heard from the first.
            assert second.requests[0].dropped == []
        first.wait_idle()
        second.wait_idle()


def test_what_only_looks_as_if_it_came_through_the_chain(udp_echo: UdpEcho) -> None:
    """The first relay delivers what anybody sends there; only the second one's counts."""
    with (
        Server() as first,
        Server() as second,
        socks5client.associate(proxy=[first.url, second.url], timeout=5) as sock,
    ):
        sock.settimeout(5)
        sock.sendto(b"ping", udp_echo.address)
        assert sock.recvfrom(10) == (b"ping", udp_echo.address)
        outside = next(one.outside for one in first.requests if one.outside is not None)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"\0\0\0\1\x7f\0\0\1\0\x35forged", ("127.0.0.1", outside[1]))
        sock.sendto(b"pong", udp_echo.address)
        assert sock.recvfrom(10) == (b"pong", udp_echo.address)
        assert sock.dropped == 1


# Fragments


def test_fragments_both_ways(open_udp: UdpDriver, udp_echo: UdpEcho) -> None:
    with (
        Server(udp_fragment_size=100) as server,
        open_udp(server.url, udp_echo.address, fragment_size=70) as udp,
    ):
        payload = os.urandom(1000)
        check_echo(udp, payload)
        check_echo(udp, b"short")
        check_echo(udp, payload)
        (exchange,) = server.requests
        assert [sent.fragments for sent in exchange.datagrams_up] == [15, 1, 15]
        assert [sent.fragments for sent in exchange.datagrams_down] == [10, 1, 10]


def test_as_many_fragments_as_there_can_be(open_udp: UdpDriver, udp_echo: UdpEcho) -> None:
    with Server() as server, open_udp(server.url, udp_echo.address, fragment_size=10) as udp:
        assert udp.sock.max_datagram_size == 1270
        check_echo(udp, bytes(1270))
        with pytest.raises(OSError, match="128") as caught:
            udp.send(bytes(1271))
        assert caught.value.errno == errno.EMSGSIZE
        check_echo(udp)
        assert [sent.fragments for sent in server.requests[0].datagrams_up] == [127, 1]


def test_a_proxy_that_drops_fragments(open_udp: UdpDriver, udp_echo: UdpEcho) -> None:
    with (
        Server(fragments=False) as server,
        open_udp(server.url, udp_echo.address, fragment_size=10) as udp,
    ):
        udp.send(bytes(100))
        check_echo(udp, b"small")
        assert [sent.payload for sent in server.requests[0].datagrams_up] == [b"small"]


def test_fragments_out_of_order_give_nothing(open_udp: UdpDriver, udp_echo: UdpEcho) -> None:
    faults = [reorder(2, times=1)]
    with (
        Server(udp_fragment_size=50, relay_faults=faults) as server,
        open_udp(server.url, udp_echo.address) as udp,
    ):
        udp.send(bytes(100))
        server.wait_for(lambda server: server.requests[0].datagrams_down)
        check_echo(udp, b"x" * 100)
        assert udp.sock.dropped == 2


def test_a_lost_fragment_loses_its_datagram_only(open_udp: UdpDriver, udp_echo: UdpEcho) -> None:
    with (
        Server(udp_fragment_size=50, relay_faults=[lose(2, times=1)]) as server,
        open_udp(server.url, udp_echo.address) as udp,
    ):
        udp.send(bytes(150))
        server.wait_for(lambda server: server.requests[0].datagrams_down)
        check_echo(udp, b"y" * 150)
        assert udp.sock.dropped == 2


def test_duplicated_fragments(open_udp: UdpDriver, udp_echo: UdpEcho) -> None:
    with (
        Server(udp_fragment_size=50, relay_faults=[duplicate()]) as server,
        open_udp(server.url, udp_echo.address) as udp,
    ):
        check_echo(udp, os.urandom(200))


# What a relay does wrong


def test_a_relay_that_duplicates_and_reorders(open_udp: UdpDriver, udp_echo: UdpEcho) -> None:
    faults = [reorder(2), duplicate()]
    with Server(relay_faults=faults) as server, open_udp(server.url, udp_echo.address) as udp:
        udp.send(b"one")
        udp.send(b"two")
        assert [udp.receive()[0] for _ in range(4)] == [b"two", b"two", b"one", b"one"]


@pytest.mark.parametrize(("length", "received"), [(14, b"ques"), (10, b"")])
def test_a_relay_that_truncates(
    open_udp: UdpDriver, udp_echo: UdpEcho, length: int, received: bytes
) -> None:
    faults = [truncate_packet(length)]
    with Server(relay_faults=faults) as server, open_udp(server.url, udp_echo.address) as udp:
        udp.send(b"question")
        assert udp.receive()[0] == received


def test_malformed_packets_do_not_stretch_the_timeout(open_udp: UdpDriver) -> None:
    """The call ends when it should, although something arrives all the time."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=noisy_relay, args=(listener, ended))
        thread.start()
        try:
            proxy = "socks5h://127.0.0.1:{1}".format(*listener.getsockname())
            with open_udp(proxy, ("127.0.0.1", 9)) as udp:
                udp.send(b"hello")
                udp.sock.settimeout(0.3)
                with pytest.raises(TimeoutError):
                    udp.sock.recv(100)
                assert udp.sock.dropped > 2
        finally:
            ended.set()
            thread.join()


def noisy_relay(listener: socket.socket, ended: threading.Event) -> None:
    """Answers the first datagram with packets of nonsense, for ever."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as relay,
        listener.accept()[0] as control,
    ):
        relay.bind(("127.0.0.1", 0))
        port = relay.getsockname()[1].to_bytes(2, "big")
        control.recv(3, socket.MSG_WAITALL)
        control.sendall(b"\5\0")
        control.recv(10, socket.MSG_WAITALL)
        control.sendall(b"\5\0\0\1\x7f\0\0\1" + port)
        client = relay.recvfrom(100)[1]
        while not ended.wait(0.05):
            relay.sendto(b"nonsense", client)


# What a proxy refuses


def test_tls_to_the_proxy_is_refused_before_anything_is_sent(open_udp: UdpDriver) -> None:
    """The datagrams would be in clear, which whoever asked for TLS does not expect."""
    with Server() as server:
        with (
            pytest.raises(socks5client.SocksError, match="clear") as caught,
            open_udp(server.url_as("socks5h+tls"), ("127.0.0.1", 9)) as udp,
        ):
            udp.send(b"x")
        assert caught.value.errno == errno.EOPNOTSUPP
        assert server.exchanges == []


def test_credentials_are_in_no_message(open_udp: UdpDriver) -> None:
    with Server(users=ALICE) as server:
        with (
            pytest.raises(socks5client.AuthenticationError) as caught,
            open_udp(server.url_as(user_info="alice:wr0ng@"), ("127.0.0.1", 9)) as udp,
        ):
            udp.send(b"x")
        assert "alice" not in f"{caught.value} {caught.value!r} {udp_repr(caught)}"
        assert "wr0ng" not in f"{caught.value} {caught.value!r} {udp_repr(caught)}"


def udp_repr(caught: pytest.ExceptionInfo[Any]) -> str:
    return repr(vars(caught.value))


@pytest.mark.parametrize(
    ("host", "port", "kind"),
    [
        ("x" * 256, 9, ValueError),
        ("", 9, ValueError),
        ("a b.test", 9, ValueError),
        ("origin.test", 65536, ValueError),
        (7, 9, TypeError),
    ],
)
def test_what_cannot_be_a_destination(
    open_udp: UdpDriver, host: Any, port: int, kind: type[Exception]
) -> None:
    with Server() as server:
        with (
            pytest.raises(kind),
            open_udp(server.url, (host, port)) as udp,
        ):
            udp.send(b"x")
        for exchange in server.requests:
            assert exchange.datagrams_up == []


def test_no_proxy_is_an_error(open_udp: UdpDriver) -> None:
    with (
        pytest.raises(ValueError, match="no proxy is configured"),
        open_udp(None, ("127.0.0.1", 9)) as udp,
    ):
        udp.send(b"x")


# The end of an association


@pytest.mark.parametrize("timeout", [None, 60])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_its_end_wakes_who_waits(
    open_udp: UdpDriver, udp_echo: UdpEcho, how: Any, timeout: float | None
) -> None:
    with Server() as server, open_udp(server.url, udp_echo.address) as udp:
        check_echo(udp)
        udp.sock.settimeout(timeout)
        failures = []

        def wait() -> None:
            with pytest.raises(socks5client.ProxyConnectionError, match="ended") as caught:
                udp.sock.recv(100)
            failures.append(caught.value)

        threads = [threading.Thread(target=wait) for _ in range(3)]
        for thread in threads:
            thread.start()
        server.hang_up(server.exchanges[0], how)
        for thread in threads:
            thread.join(10)
        assert [failure.errno for failure in failures] == [errno.ECONNABORTED] * 3
        assert failures[0].proxy == Proxy(server.host, server.port, auth=NoAuth())
        for call in (lambda: udp.send(b"x"), udp.receive):
            with pytest.raises(socks5client.ProxyConnectionError, match="ended"):
                call()


def test_its_end_does_not_keep_a_loop_busy(open_udp: UdpDriver, udp_echo: UdpEcho) -> None:
    """The fd is readable for it, and no more once that has been looked into."""
    with (
        Server() as server,
        open_udp(server.url, udp_echo.address) as udp,
        selectors.DefaultSelector() as selector,
    ):
        check_echo(udp)
        udp.sock.setblocking(False)
        selector.register(udp.sock, selectors.EVENT_READ)
        assert selector.select(0) == []
        server.hang_up(server.exchanges[0])
        assert selector.select(5)
        looks = 0
        while selector.select(0.2):
            looks += 1
            with pytest.raises(socks5client.ProxyConnectionError, match="ended"):
                udp.sock.recv(100)
        assert 1 <= looks <= 16


def test_an_idle_association_that_the_proxy_ends(open_udp: UdpDriver, udp_echo: UdpEcho) -> None:
    with Server(idle_timeout=0.05) as server, open_udp(server.url, udp_echo.address) as udp:
        udp.send(b"x")
        received = []
        with pytest.raises(socks5client.ProxyConnectionError, match="ended"):
            while True:
                received.append(udp.receive()[0])
        assert received == [b"x"]
