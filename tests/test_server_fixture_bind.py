"""BIND at the reference server, and `hang_up`, spoken to with bare sockets."""

from __future__ import annotations

import os
import socket
import struct
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests import server_fixture as fixture
from tests.server_fixture import CATALOGUE, Fault, Server
from tests.test_server_fixture import (
    HELLO,
    OFFER_NONE,
    SUCCESS,
    Client,
    at,
    dial,
    request,
    reset,
    tls_contexts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANYONE = ("0.0.0.0", 0)
BIND = 2


def encoded(address: tuple[str, int]) -> bytes:
    return socket.inet_aton(address[0]) + struct.pack("!H", address[1])


def ask(client: Client, expected: tuple[str, int] = ANYONE) -> tuple[str, int]:
    """BIND; returns the address of the first reply."""
    client.send(OFFER_NONE + request(expected, BIND))
    assert client.read(6) == b"\x05\x00" + SUCCESS
    host, port = struct.unpack("!4sH", client.read(6))
    return socket.inet_ntoa(host), port


def rendezvous(server: Server) -> tuple[str, int]:
    address = server.wait_for(lambda server: server.exchanges and server.exchanges[-1].rendezvous)
    assert address
    return address


def come(address: tuple[str, int]) -> Client:
    return Client(socket.create_connection(address, timeout=10))


def is_closed(address: tuple[str, int]) -> bool:
    """Whether nobody listens there any more."""
    try:
        socket.create_connection(address, timeout=10).close()
    except ConnectionRefusedError:
        return True
    return False


def converse(client: Client, peer: Client) -> None:
    """Both directions, each ended on its own."""
    client.send(b"question")
    assert peer.read(8) == b"question"
    peer.send(b"answer")
    peer.sock.shutdown(socket.SHUT_WR)
    assert client.read_all() == b"answer"
    client.send(b"more")
    client.sock.shutdown(socket.SHUT_WR)
    assert peer.read_all() == b"more"


def test_two_replies_and_data_both_ways() -> None:
    with Server() as server:
        with dial(server) as client:
            address = ask(client)
            with come(address) as peer:
                assert client.read(10) == SUCCESS + encoded(peer.sock.getsockname())
                assert is_closed(address), "one peer, no more"
                converse(client, peer)
                who = peer.sock.getsockname()
        server.wait_idle()
        (exchange,) = server.requests
        assert (exchange.command, exchange.host, exchange.port) == (BIND, *ANYONE)
        assert exchange.rendezvous == address
        assert exchange.bound_peer == who
        assert (exchange.reply_code, exchange.second_reply_code) == (0, 0)
        assert (exchange.stage, exchange.error) == ("data", None)
        assert (exchange.bytes_up, exchange.bytes_down) == (12, 6)


def test_ipv6() -> None:
    with Server("::1") as server, dial(server) as client:
        client.send(OFFER_NONE + request(("::", 0), BIND))
        head = b"\x05\x00\x00\x04" + socket.inet_pton(socket.AF_INET6, "::1")
        reply = client.read(2 + 22)
        assert reply[2:22] == head
        with come(("::1", int.from_bytes(reply[22:]))) as peer:
            assert client.read(22) == head + struct.pack("!H", peer.sock.getsockname()[1])
            converse(client, peer)


def test_over_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "proxy"
    with (
        Server(host=None, unix_path=path),
        Client(socket.socket(socket.AF_UNIX)) as client,
    ):
        client.sock.connect(str(path))
        address = ask(client)
        assert address[0] == "127.0.0.1"
        with come(address) as peer:
            assert client.read(10)[:4] == SUCCESS
            converse(client, peer)


def test_over_tls() -> None:
    serving, trusting = tls_contexts()
    with Server(ssl_context=serving) as server:
        raw = socket.create_connection(server.address, timeout=10)
        with Client(trusting.wrap_socket(raw, server_hostname="127.0.0.1")) as client:
            with come(ask(client)) as peer:
                assert client.read(10) == SUCCESS + encoded(peer.sock.getsockname())
                client.send(HELLO)
                assert peer.read(5) == HELLO
                peer.send(HELLO)
                assert client.read(5) == HELLO
            assert client.read_all() == b""


@pytest.mark.parametrize(("bound", "told"), [(("192.0.2.1", None), None), (("192.0.2.1", 99), 99)])
def test_bound_address_of_choice(bound: tuple[str, int | None], told: int | None) -> None:
    """The first reply only: the second says who came."""
    with Server(bound=bound) as server, dial(server) as client:
        host, port = ask(client)
        true = rendezvous(server)
        assert (host, port) == ("192.0.2.1", told or true[1])
        with come(true) as peer:
            assert client.read(10) == SUCCESS + encoded(peer.sock.getsockname())


def test_nobody_comes() -> None:
    with Server(bind_timeout=0.05) as server:
        with dial(server) as client:
            address = ask(client)
            assert client.read_all() == b"\x05\x06\x00\x01" + bytes(6)
            assert is_closed(address)
        server.wait_idle()
        (exchange,) = server.requests
        assert (exchange.second_reply_code, exchange.stage) == (6, "second-reply")
        assert exchange.bound_peer is None
        assert exchange.error == "nobody came"


@pytest.mark.parametrize("abruptly", [True, False])
def test_a_client_that_leaves_closes_the_listener(abruptly: bool) -> None:
    with Server() as server:
        with dial(server) as client:
            address = ask(client)
            if abruptly:
                reset(client.sock)
        server.wait_idle()
        assert is_closed(address)
        assert server.requests[0].second_reply_code is None


@pytest.mark.parametrize(
    ("expected", "code"),
    [
        (ANYONE, 0),
        (("127.0.0.1", 0), 0),
        (("peer.test", 4321), 0),
        (("192.0.2.7", 80), 0),
        (("192.0.2.1", 0), 2),
        (("other.test", 0), 2),
    ],
)
def test_check_peer(expected: tuple[str, int], code: int) -> None:
    names = {"peer.test": "127.0.0.1", "other.test": "192.0.2.1"}
    routes = {("192.0.2.7", 80): ("127.0.0.1", 80)}
    with Server(check_peer=True, names=names, routes=routes) as server:
        with dial(server) as client, come(ask(client, expected)) as peer:
            who = peer.sock.getsockname()
            reply = client.read(10)
            assert reply[1] == code
            if code:
                assert reply == bytes([5, code, 0, 1]) + bytes(6)
                assert client.read_all() == b""
                peer.sock.settimeout(1)  # closed at once
                assert peer.read_all() == b""
            else:
                converse(client, peer)
        server.wait_idle()
        assert server.requests[0].second_reply_code == code
        assert server.requests[0].bound_peer == who


def test_check_peer_without_an_address() -> None:
    with Server(check_peer=True) as server, dial(server) as client:
        client.send(OFFER_NONE + request(("unknown.test", 0), BIND))
        assert client.read_all() == b"\x05\x00\x05\x04\x00\x01" + bytes(6)


# Faults.


@contextmanager
def second_reply(*actions: fixture.Action) -> Iterator[tuple[Server, Client, Client]]:
    """A server with these faults, a client that has had the first reply, and its peer."""
    with Server(faults=[Fault("second-reply", action) for action in actions]) as server:
        with dial(server) as client, come(ask(client)) as peer:
            yield server, client, peer
        server.wait_idle()


def test_second_reply_close_and_reset() -> None:
    with second_reply(fixture.close()) as (_, client, _):
        assert client.read_all() == b""
    with second_reply(fixture.reset()) as (_, client, _), pytest.raises(ConnectionResetError):
        client.read(1)


def test_second_reply_stall() -> None:
    with second_reply(fixture.stall()) as (server, client, _):
        server.wait_for(lambda server: server.exchanges[0].bound_peer)
        client.sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.read(1)
        assert not server.exchanges[0].closed


def test_second_reply_delay_and_split() -> None:
    with second_reply(fixture.delay(0.05)) as (_, client, peer):
        begin = time.monotonic()
        assert client.read(10)[:4] == SUCCESS
        assert time.monotonic() - begin >= 0.04
        converse(client, peer)
    with second_reply(fixture.split(3)) as (_, client, peer):
        assert client.read(10) == SUCCESS + encoded(peer.sock.getsockname())
        converse(client, peer)


def test_second_reply_truncate_append_and_replace() -> None:
    with second_reply(fixture.truncate(5)) as (_, client, _):
        assert client.read_all()[:4] == SUCCESS
    with second_reply(fixture.append(HELLO, "close")) as (_, client, _):
        assert client.read_all()[10:] == HELLO
    with second_reply(fixture.replace(b"\x05\x01\x00", "close")) as (server, client, _):
        assert client.read_all() == b"\x05\x01\x00"
    assert server.exchanges[0].second_reply_code == 1


def test_second_reply_with_the_first_data() -> None:
    with second_reply(fixture.coalesce()) as (server, client, peer):
        peer.send(HELLO)
        assert client.sock.recv(100) == SUCCESS + encoded(peer.sock.getsockname()) + HELLO
        converse(client, peer)
        assert server.requests[0].bytes_down == 5 + 6


def test_both_replies_in_one() -> None:
    with Server(faults=[Fault("reply", fixture.coalesce())]) as server:
        with dial(server) as client:
            client.send(OFFER_NONE + request(ANYONE, BIND))
            assert client.read(2) == b"\x05\x00"
            address = rendezvous(server)
            with come(address) as peer:
                replies = client.sock.recv(100)
                first, second = encoded(address), encoded(peer.sock.getsockname())
                assert replies == SUCCESS + first + SUCCESS + second
                converse(client, peer)
        server.wait_idle()
        (exchange,) = server.requests
        assert (exchange.reply_code, exchange.second_reply_code) == (0, 0)


@pytest.mark.parametrize("leaves", [True, False])
def test_both_replies_in_one_without_a_peer(leaves: bool) -> None:
    fault = Fault("reply", fixture.coalesce())
    with Server(faults=[fault], bind_timeout=30 if leaves else 0.05) as server:
        with dial(server) as client:
            client.send(OFFER_NONE + request(ANYONE, BIND))
            address = rendezvous(server)
            if not leaves:
                failure = b"\x05\x06\x00\x01" + bytes(6)
                assert client.read_all()[2:] == SUCCESS + encoded(address) + failure
        server.wait_idle()
        assert is_closed(address)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("second-reply-refused", b"\x05\x05\x00\x01" + bytes(6)),
        ("wrong-version-second-reply", b"\x04\x00\x00\x01"),
        ("unknown-atyp-second-reply", b"\x05\x00\x00\x09"),
        ("garbage-second-reply", b"HTTP/1.1"),
    ],
)
def test_catalogue(name: str, start: bytes) -> None:
    with second_reply(CATALOGUE[name].action) as (_, client, _):
        assert CATALOGUE[name].stage == "second-reply"
        assert client.read(len(start)) == start


# The server hangs up, or ends.


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("moment", ["accept", "offer", "bind", "bound", "connect", "tls"])
def test_hang_up(how: str, moment: str) -> None:
    faults = [Fault("accept", fixture.stall())] if moment == "accept" else []
    context = tls_contexts()[0] if moment == "tls" else None
    with (
        socket.create_server(("127.0.0.1", 0)) as origin,
        Server(faults=faults, ssl_context=context) as server,
        dial(server) as client,
    ):
        peer = None
        if moment == "bind":
            address = ask(client)
        elif moment == "bound":
            peer = come(ask(client))
            client.read(10)
        elif moment == "connect":
            client.connect(at(origin))
            peer = Client(origin.accept()[0])
        exchange = server.wait_for(lambda server: server.exchanges)[0]
        server.hang_up(exchange, how)  # type: ignore[arg-type]
        expect_end(client, how)
        if peer is not None:
            with peer:
                assert peer.read_all() == b""
        server.wait_idle()
        if moment == "bind":
            assert is_closed(address)
        server.hang_up(exchange)  # nothing to be done
        assert exchange.error is None


def expect_end(client: Client, how: str) -> None:
    if how == "close":
        assert client.read_all() == b""
    else:
        with pytest.raises(ConnectionResetError):
            client.read(1)


def test_hang_up_over_tls() -> None:
    serving, trusting = tls_contexts()
    with Server(ssl_context=serving) as server:
        raw = socket.create_connection(server.address, timeout=10)
        with Client(trusting.wrap_socket(raw, server_hostname="127.0.0.1")) as client:
            ask(client)
            with Client(socket.socket(fileno=os.dup(client.sock.fileno()))) as below:
                server.hang_up(server.exchanges[0], "reset")
                expect_end(below, "reset")  # which Python's TLS takes for an EOF


@pytest.mark.parametrize("arrived", [True, False])
def test_exit_closes_everything(arrived: bool) -> None:
    """Sockets left open would be ResourceWarnings, which are errors here."""
    with Server() as server:
        client = dial(server)
        address = ask(client)
        peer = come(address) if arrived else None
        if arrived:
            client.read(10)
    assert is_closed(address)
    for end in (client, peer):
        if end is not None:
            with end:
                assert end.read_all() == b""
