"""What every way to a rendezvous does alike (BIND): each scenario is run over all of them."""

from __future__ import annotations

import errno
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client import Proxy
from tests.drivers import ANYBODY
from tests.origins import read_exactly
from tests.server_fixture import (
    Fault,
    Server,
    coalesce,
    drip,
    replace,
    split,
    stall,
    truncate,
)
from tests.test_server_fixture import tls_contexts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.drivers import BindDriver

    Way = Callable[..., AbstractContextManager[tuple[Any, Server]]]

GREETING = b"220 welcome\r\n"


contexts = cache(tls_contexts)  # for the proxy, and for those who trust it


@contextmanager
def reached(how: str, folder: Path, **settings: Any) -> Iterator[tuple[Any, Server]]:
    """A server with these settings, and what to pass for a proxy; idle in the end."""
    with ExitStack() as stack:
        if how == "password":
            settings["users"] = {"alice": "secret"}
        elif how == "tls":
            settings["ssl_context"] = contexts()[0]
        elif how == "unix":
            settings |= {"host": None, "unix_path": folder / "proxy"}
        server = stack.enter_context(Server(**settings))
        proxy: Any
        if how == "unix":
            proxy = f"socks5h+unix://{folder}/proxy"
        elif how == "password":
            proxy = server.url_as(user_info="alice:secret@")
        elif how == "tls":
            proxy = Proxy(server.host, server.port, tls=True, ssl_context=contexts()[1])
        elif how == "chain":
            proxy = [stack.enter_context(Server()).url, server.url]
        else:
            proxy = server.url
        yield proxy, server
        server.wait_idle()


@pytest.fixture(params=["none", "password", "tls", "chain", "unix"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Way:
    return partial(reached, request.param, tmp_path)


def only(*ways: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("way", ways, indirect=True)


def come(address: Any) -> socket.socket:
    return socket.create_connection(address[:2], timeout=10)


def met(server: Server) -> Any:
    """Where the server really listens, as soon as it does."""
    return server.wait_for(lambda server: server.requests and server.requests[-1].rendezvous)


def converse(sock: socket.socket, peer: socket.socket) -> None:
    """Bytes go both ways; closes both."""
    with sock, peer:
        sock.settimeout(10)
        sock.sendall(b"question")
        assert read_exactly(peer, 8) == b"question"
        peer.sendall(b"answer" * 20_000)
        assert read_exactly(sock, 120_000) == b"answer" * 20_000


# What works


def test_two_replies_and_data_both_ways(bind: BindDriver, way: Way) -> None:
    with way() as (proxy, server), closing(bind(proxy=proxy)) as meeting:
        (exchange,) = server.requests
        assert meeting.address == exchange.rendezvous
        assert (exchange.command, exchange.host, exchange.port) == (2, *ANYBODY)
        peer = come(meeting.address)
        sock, address = meeting.accept(5)
        assert address == peer.getsockname()
        assert sock.gettimeout() is None
        meeting.close()  # what was accepted is left alone
        converse(sock, peer)


@only("none", "password", "chain", "unix")
def test_half_close(bind: BindDriver, way: Way) -> None:
    with (
        way() as (proxy, _),
        closing(bind(proxy=proxy)) as meeting,
        come(meeting.address) as peer,
        meeting.accept(5)[0] as sock,
    ):
        sock.settimeout(10)
        peer.sendall(b"all of it")
        peer.shutdown(socket.SHUT_WR)
        assert b"".join(iter(lambda: sock.recv(100), b"")) == b"all of it"
        sock.sendall(b"still open")
        sock.shutdown(socket.SHUT_WR)
        assert b"".join(iter(lambda: peer.recv(100), b"")) == b"still open"


def test_the_end_is_heard_at_once(bind: BindDriver, way: Way) -> None:
    """Where TLS is in between, its close_notify is the end; the proxy may wait for ours."""
    with way() as (proxy, _), closing(bind(proxy=proxy)) as meeting:
        peer = come(meeting.address)
        with meeting.accept(5)[0] as sock:
            peer.close()
            sock.settimeout(1)
            assert sock.recv(1) == b""


def test_data_behind_the_second_reply_is_the_users(bind: BindDriver, way: Way) -> None:
    faults = [Fault("second-reply", coalesce())]
    with way(faults=faults) as (proxy, _), closing(bind(proxy=proxy)) as meeting:
        peer = come(meeting.address)
        peer.sendall(GREETING)
        sock, _ = meeting.accept(5)
        sock.settimeout(10)
        assert read_exactly(sock, len(GREETING)) == GREETING
        converse(sock, peer)


@pytest.mark.parametrize("timeout", [5, 0])
def test_both_replies_in_one(bind: BindDriver, way: Way, timeout: float) -> None:
    """Where TLS wraps them the second is read along with the first."""
    with ThreadPoolExecutor(1) as pool, way(faults=[Fault("reply", coalesce())]) as (proxy, server):
        coming = pool.submit(lambda: come(met(server)))
        with closing(bind(proxy=proxy)) as meeting:
            peer = coming.result(10)
            assert meeting.address == server.requests[0].rendezvous
            sock, address = meeting.accept(timeout)  # 0: it is all there
            assert address == peer.getsockname()
            converse(sock, peer)


@only("none", "password", "tls")
@pytest.mark.parametrize("size", range(1, 10))
def test_split_anywhere(bind: BindDriver, way: Way, size: int) -> None:
    faults = [Fault(stage, split(size, pause=0.001)) for stage in ("reply", "second-reply")]
    with way(faults=faults) as (proxy, _), closing(bind(proxy=proxy)) as meeting:
        peer = come(meeting.address)
        sock, address = meeting.accept(5)
        assert address == peer.getsockname()
        converse(sock, peer)


@pytest.mark.parametrize("size", [1, 4, 5, 6, 21, 22])
def test_ipv6(bind: BindDriver, size: int) -> None:
    faults = [Fault(stage, split(size, pause=0.001)) for stage in ("reply", "second-reply")]
    with Server("::1", faults=faults) as server:
        with closing(bind(("::", 0), f"socks5h://[::1]:{server.port}")) as meeting:
            assert meeting.address == (*met(server), 0, 0)
            peer = come(meeting.address)
            sock, address = meeting.accept(5)
            assert address == peer.getsockname() == (*address[:2], 0, 0)
            converse(sock, peer)
        server.wait_idle()


@pytest.mark.parametrize(
    ("shown", "address"), [(b"\x09peer.test\x00\x50", ("peer.test", 80)), (b"\0\0\x50", ANYBODY)]
)
def test_peer_by_a_name(bind: BindDriver, shown: bytes, address: tuple[str, int]) -> None:
    fault = Fault("second-reply", replace(b"\x05\x00\x00\x03" + shown))
    with Server(faults=[fault]) as server, closing(bind(proxy=server.url)) as meeting:
        peer = come(meeting.address)
        sock, who = meeting.accept(5)
        assert who == (address[0], 80)
        converse(sock, peer)


@pytest.mark.parametrize(
    ("expected", "host", "atyp"),
    [
        (ANYBODY, "0.0.0.0", 1),
        (("192.0.2.7", 4321), "192.0.2.7", 1),
        (("::", 0), "::", 4),
        (("2001:DB8::7", 4321), "2001:db8::7", 4),
        (("2001:db8::7", 4321, 3, 4), "2001:db8::7", 4),
        (("peer.test", 0), "peer.test", 3),
        ((b"peer.test", 0), "peer.test", 3),
        (("bücher.test", 65535), "xn--bcher-kva.test", 3),
    ],
)
def test_expected_peer(bind: BindDriver, expected: Any, host: str, atyp: int) -> None:
    with Server() as server, closing(bind(expected, server.url)):
        (exchange,) = server.requests
        assert (exchange.host, exchange.port, exchange.atyp) == (host, expected[1], atyp)


@pytest.mark.parametrize("expected", [("127.0.0.1", 0), ("peer.test", 0), ("192.0.2.1", 0)])
def test_who_may_come(bind: BindDriver, way: Way, expected: Any) -> None:
    settings = {"check_peer": True, "names": {"peer.test": "127.0.0.1"}}
    with way(**settings) as (proxy, _), closing(bind(expected, proxy)) as meeting:
        peer = come(meeting.address)
        if expected[0] != "192.0.2.1":
            converse(meeting.accept(5)[0], peer)
            return
        with peer, pytest.raises(socks5client.NotAllowed) as caught:
            meeting.accept(5)
        assert caught.value.target == expected
        assert caught.value.errno == errno.EACCES


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "bound.test", ""])
def test_unusable_address(bind: BindDriver, way: Way, host: str) -> None:
    """Then it is the proxy's own, with the port that it says."""
    with way(bound=(host, None)) as (proxy, server), closing(bind(proxy=proxy)) as meeting:
        assert meeting.address == ("127.0.0.1", met(server)[1])
        peer = come(meeting.address)
        converse(meeting.accept(5)[0], peer)


def test_unusable_address_of_a_proxy_on_ipv6(bind: BindDriver) -> None:
    with (
        Server("::1", bound=("0.0.0.0", None)) as server,
        closing(bind(proxy=f"socks5h://[::1]:{server.port}")) as meeting,
    ):
        assert meeting.address == ("::1", met(server)[1], 0, 0)


def test_unusable_address_at_the_end_of_a_chain(bind: BindDriver) -> None:
    """The last proxy's own is what it was called."""
    names = {"second.test": "127.0.0.1"}
    with Server(names=names) as first, Server(bound=("", None)) as second:
        chain = [first.url, f"socks5h://second.test:{second.port}"]
        with closing(bind(proxy=chain)) as meeting:
            assert meeting.address == ("second.test", met(second)[1])


@pytest.mark.parametrize(
    ("bound", "told"),
    [(("192.0.2.1", 99), ("192.0.2.1", 99)), (("2001:db8::1", 99), ("2001:db8::1", 99, 0, 0))],
)
def test_address_as_told(bind: BindDriver, bound: Any, told: Any) -> None:
    with Server(bound=bound) as server, closing(bind(proxy=server.url)) as meeting:
        assert meeting.address == told


# Waiting


def test_the_wait_can_be_taken_up_again(bind: BindDriver, way: Way) -> None:
    with way() as (proxy, server), closing(bind(proxy=proxy)) as meeting:
        begun = time.monotonic()
        with pytest.raises(TimeoutError) as caught:
            meeting.accept(0.1)
        assert 0.09 < time.monotonic() - begun < 2
        assert not isinstance(caught.value, socks5client.SocksError)
        with pytest.raises(BlockingIOError):
            meeting.accept(0)
        peer = come(meeting.address)
        converse(meeting.accept(None)[0], peer)
        assert len(server.requests) == 1


@only("none", "tls")
def test_the_wait_is_taken_up_within_a_reply(bind: BindDriver, way: Way) -> None:
    def accept() -> socket.socket:
        while True:
            try:
                return meeting.accept(0.02)[0]
            except TimeoutError:
                pass

    fault = Fault("second-reply", drip(0.015))
    with way(faults=[fault]) as (proxy, server), closing(bind(proxy=proxy)) as meeting:
        peer = come(meeting.address)
        converse(accept(), peer)
        assert len(server.requests) == 1


@only("none", "password", "tls", "chain")
@pytest.mark.parametrize("action", [stall(), truncate(1, "stall"), truncate(9, "stall")], ids=str)
def test_stalled_second_reply(bind: BindDriver, way: Way, action: Any) -> None:
    with (
        way(faults=[Fault("second-reply", action)]) as (proxy, server),
        closing(bind(proxy=proxy)) as meeting,
        come(meeting.address),
    ):
        server.wait_for(lambda server: server.requests[0].bound_peer)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                meeting.accept(0.03)
        with pytest.raises(BlockingIOError):
            meeting.accept(0)
        assert not server.exchanges[0].closed


@only("tls")
@pytest.mark.parametrize("action", [stall(), drip(0.25), truncate(1, "stall")], ids=str)
def test_deadline_of_the_first_reply(bind: BindDriver, way: Way, action: Any) -> None:
    with way(faults=[Fault("reply", action)]) as (proxy, _):
        begun = time.monotonic()
        with pytest.raises(socks5client.HandshakeTimeout, match="in time"):
            bind(proxy=proxy, timeout=0.2)
        assert 0.15 < time.monotonic() - begun < 2
