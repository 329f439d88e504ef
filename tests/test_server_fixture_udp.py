"""UDP ASSOCIATE at the reference server, spoken to with bare sockets."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests import server_fixture as fixture
from tests.server_fixture import MALFORMED_HEADERS, Fault, Relayed, Server
from tests.test_server_fixture import (
    HELLO,
    OFFER_NONE,
    SUCCESS,
    Client,
    at,
    dial,
    request,
    tls_contexts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ZEROS = ("0.0.0.0", 0)
UDP_ASSOCIATE = 3
LOOPBACK = "127.0.0.1"


def udp(host: str = LOOPBACK) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.settimeout(10)
    sock.bind((host, 0))
    return sock


def header(address: tuple[str, int], frag: int = 0) -> bytes:
    return bytes([0, 0, frag]) + request(address)[3:]


@contextmanager
def echoing() -> Iterator[tuple[str, int]]:
    """The address of a socket that sends everything back."""
    with udp() as sock:

        def serve() -> None:
            while (message := sock.recvfrom(65535))[0] != b"stop":
                sock.sendto(*message)

        thread = threading.Thread(target=serve)
        thread.start()
        yield at(sock)
        with udp() as last:
            last.sendto(b"stop", at(sock))
        thread.join()


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    with echoing() as address:
        yield address


class Associated:
    """A control connection, and a UDP socket that knows the relay's address."""

    def __init__(self, control: Client, told: tuple[str, int] = ZEROS) -> None:
        self.control = control
        control.send(OFFER_NONE + request(told, UDP_ASSOCIATE))
        assert control.read(5) == b"\x05\x00\x05\x00\x00"
        ipv6 = control.read(1) == b"\x04"
        packed = control.read(16 if ipv6 else 4)
        host = socket.inet_ntop(socket.AF_INET6 if ipv6 else socket.AF_INET, packed)
        self.relay = (host, int.from_bytes(control.read(2)))
        self.sock = udp("::1" if host == "::1" else LOOPBACK)

    def send(self, address: tuple[str, int], payload: bytes, frag: int = 0) -> None:
        self.sock.sendto(header(address, frag) + payload, self.relay)

    def receive(self) -> bytes:
        message, source = self.sock.recvfrom(65535)
        assert source[:2] == self.relay
        return message

    def round_trip(self, address: tuple[str, int], payload: bytes = HELLO) -> bytes:
        """What comes back for a datagram, header and all."""
        self.send(address, payload)
        return self.receive()


@contextmanager
def associated(**arguments: Any) -> Iterator[tuple[Server, Associated]]:
    with Server(**arguments) as server:
        with dial(server) as control:
            client = Associated(control)
            with client.sock:
                yield server, client
        server.wait_idle()


def dropped(server: Server, count: int = 1) -> list[str]:
    server.wait_for(lambda server: len(server.exchanges[0].dropped) >= count)
    return server.exchanges[0].dropped


# The relay.


def test_echo(echo: tuple[str, int]) -> None:
    with associated() as (server, client):
        for payload in (HELLO, b"", bytes(20_000)):
            assert client.round_trip(echo, payload) == header(echo) + payload
        (exchange,) = server.requests
        assert (exchange.command, exchange.host, exchange.port) == (UDP_ASSOCIATE, *ZEROS)
        assert exchange.relay == client.relay
        assert exchange.outside is not None
        assert exchange.outside[1] != client.relay[1]
        assert exchange.datagrams_up == exchange.datagrams_down
        assert exchange.datagrams_up[0] == Relayed(*(echo[0], 1, echo[1]), HELLO)
        assert (exchange.bytes_up, exchange.bytes_down) == (20_005, 20_005)
        assert (exchange.stage, exchange.error, exchange.dropped) == ("data", None, [])


def test_ipv6() -> None:
    with udp("::1") as far, Server("::1") as server, dial(server) as control:
        client = Associated(control)
        with client.sock:
            client.send(at(far), HELLO)
            payload, source = far.recvfrom(100)
            assert payload == HELLO
            far.sendto(b"back", source)
            assert client.receive() == header(at(far)) + b"back"
        assert server.requests[0].outside is None, "which is for IPv4"


@pytest.mark.parametrize("name", ["localhost", "echo.test", "ECHO.test", "moved.test"])
def test_names(echo: tuple[str, int], name: str) -> None:
    """The answer tells the real address."""
    names: dict[str, str | tuple[str, int]] = {"echo.test": LOOPBACK, "moved.test": echo}
    with associated(names=names) as (server, client):
        assert client.round_trip((name, echo[1])) == header(echo) + HELLO
        assert server.requests[0].datagrams_up == [Relayed(name, 3, echo[1], HELLO)]
        assert server.requests[0].datagrams_down == [Relayed(echo[0], 1, echo[1], HELLO)]


def test_routed_addresses_answer_as_themselves(echo: tuple[str, int]) -> None:
    elsewhere = (("192.0.2.1", 53), ("2001:db8::1", 53))
    with associated(routes=dict.fromkeys(elsewhere, echo)) as (_, client):
        for address in (*elsewhere, echo, elsewhere[0]):
            assert client.round_trip(address) == header(address) + HELLO


def test_one_source_port_and_anybody_may_answer() -> None:
    with udp() as one, udp() as other, udp() as third, associated() as (server, client):
        client.send(at(one), HELLO)
        client.send(at(other), HELLO)
        source = one.recvfrom(100)[1]
        assert other.recvfrom(100)[1] == source
        assert server.requests[0].outside == ("0.0.0.0", source[1])
        third.sendto(b"unasked", source)
        assert client.receive() == header(at(third)) + b"unasked"


def test_two_associations_at_once(echo: tuple[str, int]) -> None:
    with associated() as (server, client), dial(server) as control:
        second = Associated(control)
        with second.sock:
            assert second.relay != client.relay
            client.send(echo, b"one")
            second.send(echo, b"two")
            assert second.receive() == header(echo) + b"two"
            assert client.receive() == header(echo) + b"one"


def test_over_a_unix_socket(echo: tuple[str, int], tmp_path: Path) -> None:
    path = tmp_path / "proxy"
    with (
        Server(host=None, unix_path=path),
        Client(socket.socket(socket.AF_UNIX)) as control,
    ):
        control.sock.connect(str(path))
        client = Associated(control)
        with client.sock:
            assert client.relay[0] == LOOPBACK
            assert client.round_trip(echo) == header(echo) + HELLO


def test_over_tls(echo: tuple[str, int]) -> None:
    serving, trusting = tls_contexts()
    with Server(ssl_context=serving) as server:
        raw = socket.create_connection(server.address, timeout=10)
        with Client(trusting.wrap_socket(raw, server_hostname=LOOPBACK)) as control:
            client = Associated(control)
            with client.sock:
                assert client.round_trip(echo) == header(echo) + HELLO
        server.wait_idle()


@pytest.mark.parametrize("bound", [("192.0.2.1", None), ("::", 7), ("0.0.0.0", None)])
def test_bound_address_of_choice(bound: tuple[str, int | None]) -> None:
    with Server(bound=bound) as server, dial(server) as control:
        client = Associated(control)
        client.sock.close()
        relay = server.requests[0].relay
        assert relay is not None
        assert client.relay == (bound[0], bound[1] or relay[1])


# What is not relayed.


def test_only_the_client_may_send(echo: tuple[str, int]) -> None:
    with associated() as (server, client), udp() as stranger, udp("127.0.0.2") as far:
        for sock in (far, client.sock, stranger):
            sock.sendto(header(echo) + HELLO, client.relay)
        assert client.receive() == header(echo) + HELLO
        first, second = dropped(server, 2)
        assert first == "source: 127.0.0.2 is not the client's address"
        assert second.startswith(f"source: port {at(stranger)[1]} is not")
        assert len(server.requests[0].datagrams_up) == 1


def test_the_port_may_be_said_in_advance(echo: tuple[str, int]) -> None:
    with udp() as mine, Server() as server, dial(server) as control:
        client = Associated(control, at(mine))
        with client.sock:
            client.send(echo, b"from another port")
            assert dropped(server)
        mine.sendto(header(echo) + HELLO, client.relay)
        assert mine.recv(100) == header(echo) + HELLO


@pytest.mark.parametrize(("told", "passes"), [("me.test", True), ("192.0.2.1", False)])
def test_the_address_may_be_said_in_advance(echo: tuple[str, int], told: str, passes: bool) -> None:
    with Server(names={"me.test": LOOPBACK}) as server, dial(server) as control:
        client = Associated(control, (told, 0))
        with client.sock:
            client.send(echo, HELLO)
            if passes:
                assert client.receive() == header(echo) + HELLO
            else:
                assert dropped(server) == ["source: 127.0.0.1 is not the client's address"]


def test_an_unknown_name_as_the_clients_address() -> None:
    with Server() as server, dial(server) as control:
        control.send(OFFER_NONE + request(("unknown.test", 0), UDP_ASSOCIATE))
        assert control.read_all() == b"\x05\x00\x05\x04\x00\x01" + bytes(6)


REASONS = {
    "empty": "header: empty datagram",
    "short": "header: cut short",
    "reserved": "header: RSV 0001",
    "unknown-atyp": "header: address type 0x09",
    "cut-address": "header: cut short",
    "empty-name": "header: name b''",
    "bad-name": "header: name b'a\\nb\\x00c\\xff'",
    "last-without-position": "FRAG 0x80: the last of no fragments",
}


@pytest.mark.parametrize("kind", MALFORMED_HEADERS)
def test_malformed_headers(echo: tuple[str, int], kind: str) -> None:
    with associated() as (server, client):
        client.sock.sendto(MALFORMED_HEADERS[kind], client.relay)
        assert client.round_trip(echo) == header(echo) + HELLO
        assert server.requests[0].dropped == [REASONS[kind]]


def test_unreachable_destinations(echo: tuple[str, int]) -> None:
    routes = {("192.0.2.1", 9): OSError(113, "no way"), ("192.0.2.2", 9): ("named.test", 9)}
    with associated(routes=routes) as (server, client):
        for address in (("unknown.test", 9), *routes, (LOOPBACK, 0)):
            client.send(address, HELLO)
        assert client.round_trip(echo) == header(echo) + HELLO
        assert len(dropped(server)) == 4
        assert all(reason.startswith("destination: ") for reason in dropped(server))
        assert server.requests[0].datagrams_up == [Relayed(LOOPBACK, 1, echo[1], HELLO)]


def test_an_answer_too_large_for_a_header() -> None:
    with udp() as far, associated() as (server, client):
        client.send(at(far), HELLO)
        far.sendto(bytes(65507), far.recvfrom(100)[1])
        assert dropped(server)[0].startswith("client: ")


# The end.


@pytest.mark.parametrize("how", ["client", "half", "close", "reset", "idle"])
def test_the_end_of_the_control_connection(echo: tuple[str, int], how: Any) -> None:
    with (
        Server(idle_timeout=0.1 if how == "idle" else None) as server,
        dial(server) as control,
    ):
        client = Associated(control)
        with client.sock:
            control.send(b"nothing is expected here")
            assert client.round_trip(echo) == header(echo) + HELLO
            if how in ("close", "reset"):
                server.hang_up(server.exchanges[0], how)
            elif how == "half":
                control.sock.shutdown(socket.SHUT_WR)
            if how == "reset":
                with pytest.raises(ConnectionResetError):
                    control.read(1)
            elif how != "client":
                assert control.read_all() == b""
            control.sock.close()
            server.wait_idle()
            assert server.requests[0].error is None
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as same:
                same.bind(client.relay)  # nobody has the port any more


def test_datagrams_keep_an_association_alive() -> None:
    """Each of four steps waits for a third of the time allowed: together longer than that."""
    with udp() as far, associated(idle_timeout=0.6) as (_, client):
        client.control.sock.settimeout(0.2)
        client.send(at(far), HELLO)
        source = far.recvfrom(100)[1]
        for step in range(4):
            with pytest.raises(TimeoutError):
                client.control.read(1)
            if step % 2:
                client.send(at(far), HELLO)
                far.recv(100)
            else:
                far.sendto(HELLO, source)
                client.receive()
        client.control.sock.settimeout(10)
        assert client.control.read_all() == b""


def test_exit_in_the_middle(echo: tuple[str, int]) -> None:
    """Sockets left open would be ResourceWarnings, which are errors here."""
    spoof = fixture.spoof()
    with Server(relay_faults=[spoof]) as server:
        control = dial(server)
        client = Associated(control)
        client.send(echo, HELLO)
        server.wait_for(lambda server: server.exchanges[0].datagrams_down)
    with control, client.sock:
        assert control.read_all() == b""


def test_faults_of_the_handshake() -> None:
    stages: tuple[fixture.faults.Stage, ...] = ("reply", "data")
    for stage in stages:
        with Server(faults=[Fault(stage, fixture.close())]) as server:
            with dial(server) as control:
                control.send(OFFER_NONE + request(ZEROS, UDP_ASSOCIATE))
                reply = control.read_all()[2:]
                assert reply[:4] == (SUCCESS if stage == "data" else b"")
            server.wait_idle()
