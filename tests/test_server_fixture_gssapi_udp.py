"""RFC 1961 at the reference server: failures, BIND and UDP."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

import pytest

from tests import server_fixture as fixture
from tests.server_fixture import Fault, Server
from tests.test_server_fixture import HELLO, SUCCESS, Client, at
from tests.test_server_fixture import origin as origin
from tests.test_server_fixture import request as socks_request
from tests.test_server_fixture_gssapi import (
    ABORT,
    BIG,
    CLEAR,
    CONFIDENTIALITY,
    INTEGRITY,
    PROTECTING,
    Initiator,
    message,
)
from tests.test_server_fixture_gssapi import realm as realm
from tests.test_server_fixture_udp import ZEROS, header, udp
from tests.test_server_fixture_udp import echo as echo

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize("level", PROTECTING)
def test_failures_are_encapsulated(origin: socket.socket, level: int) -> None:
    with Server(methods=(1,), commands=(1,)) as server:
        with Initiator(server.address) as initiator:
            initiator.agree(level)
            initiator.send(socks_request(at(origin), 2))
            assert initiator.receive(10)[:2] == b"\x05\x07"
            assert initiator.client.read_all() == b""
        with Initiator(server.address) as initiator:
            initiator.agree(level)
            initiator.send(b"\x05\x01\x00\x09")
            assert initiator.receive(10)[:2] == b"\x05\x08"


@pytest.mark.parametrize("level", PROTECTING)
def test_bind(level: int) -> None:
    with Server(methods=(1,)) as server, Initiator(server.address) as initiator:
        initiator.agree(level)
        initiator.send(socks_request(ZEROS, 2))
        first = initiator.receive(10)
        assert first[:4] == SUCCESS
        rendezvous = (socket.inet_ntoa(first[4:8]), int.from_bytes(first[8:]))
        with socket.create_connection(rendezvous, timeout=10) as peer:
            second = initiator.receive(10)
            assert second == SUCCESS + socket.inet_aton("127.0.0.1") + struct.pack(
                "!H", peer.getsockname()[1]
            )
            peer.sendall(BIG)
            assert initiator.receive(len(BIG)) == BIG
            initiator.send(HELLO)
            assert Client(peer).read(len(HELLO)) == HELLO


def test_both_replies_to_bind_in_one_message() -> None:
    together = [Fault("reply", fixture.coalesce())]
    with Server(methods=(1,), faults=together) as server, Initiator(server.address) as initiator:
        initiator.agree(INTEGRITY)
        initiator.send(socks_request(ZEROS, 2))
        address = server.wait_for(lambda server: server.requests and server.requests[0].rendezvous)
        with socket.create_connection(address, timeout=10):
            assert len(initiator.open(initiator.read_message(3))) == 20


class Associated:
    """A UDP association under GSSAPI."""

    def __init__(self, initiator: Initiator, level: int) -> None:
        self.initiator = initiator
        initiator.agree(level)
        initiator.send(socks_request(ZEROS, 3))
        reply = initiator.receive(10)
        assert reply[:4] == SUCCESS
        self.relay = (socket.inet_ntoa(reply[4:8]), int.from_bytes(reply[8:]))
        self.sock = udp()

    def __enter__(self) -> Associated:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.sock.close()

    def send_raw(self, data: bytes) -> None:
        self.sock.sendto(data, self.relay)

    def send(self, address: tuple[str, int], payload: bytes = HELLO) -> None:
        self.send_raw(self.initiator.seal(header(address) + payload))

    def receive_raw(self) -> bytes:
        return self.sock.recvfrom(65535)[0]

    def receive(self) -> bytes:
        data = self.receive_raw()
        if not self.initiator.level:
            return data
        assert data[:4] == struct.pack("!BBH", 1, 3, len(data) - 4)
        return self.initiator.open(data[4:])


@pytest.fixture
def associated(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Associated]]:
    """Arguments of the server and the level by indirect parameters."""
    level, arguments = getattr(request, "param", (CONFIDENTIALITY, {}))
    with (
        Server(methods=(1,), **arguments) as server,
        Initiator(server.address) as initiator,
        Associated(initiator, level) as association,
    ):
        yield server, association


def why_dropped(server: Server, count: int = 1) -> list[str]:
    server.wait_for(lambda server: len(server.requests[0].dropped) >= count)
    return server.requests[0].dropped


@pytest.mark.parametrize(
    "associated", [(level, {}) for level in (CLEAR, *PROTECTING)], indirect=True
)
def test_udp(associated: tuple[Server, Associated], echo: tuple[str, int]) -> None:
    server, association = associated
    for payload in (HELLO, b"", BIG[:60_000]):
        association.send(echo, payload)
        assert association.receive() == header(echo) + payload
    assert server.requests[0].dropped == []


@pytest.mark.parametrize("associated", [(2, {"udp_fragment_size": 3})], indirect=True)
def test_udp_fragments_are_encapsulated_each(
    associated: tuple[Server, Associated], echo: tuple[str, int]
) -> None:
    _, association = associated
    association.send(echo)
    assert association.receive() == header(echo, 1) + HELLO[:3]
    assert association.receive() == header(echo, 0x82) + HELLO[3:]


def test_udp_that_is_not_protected_is_dropped(
    associated: tuple[Server, Associated], echo: tuple[str, int]
) -> None:
    server, association = associated
    initiator, plain = association.initiator, header(echo) + HELLO
    right = initiator.seal(plain)
    wrong = [plain, b"", b"\x01", ABORT, right[:-1], right + b"x", message(3, b"")]
    for data in [*wrong, message(3, plain), message(3, initiator.wrap(plain)), right, right]:
        association.send_raw(data)
    assert association.receive() == plain
    reasons = why_dropped(server, 10)
    assert len(reasons) == 10
    assert all(reason.startswith("encapsulation: ") for reason in reasons)
    assert "without confidentiality" in reasons[-2]
    assert len(server.requests[0].datagrams_up) == 1


def test_udp_too_large_for_a_token(
    associated: tuple[Server, Associated], echo: tuple[str, int]
) -> None:
    server, association = associated
    association.send(echo)
    association.receive()
    with udp() as far:
        far.sendto(BIG[:65_507], ("127.0.0.1", (server.requests[0].outside or ZEROS)[1]))
    assert why_dropped(server) == ["encapsulation: 65517 bytes do not fit into a token"]


@pytest.mark.parametrize(
    "associated",
    [(1, {"relay_faults": [fixture.reorder()]}), (1, {"relay_faults": [fixture.duplicate()]})],
    indirect=True,
    ids=["reorder", "duplicate"],
)
def test_relay_faults_strike_encapsulated_datagrams(
    associated: tuple[Server, Associated], echo: tuple[str, int], request: Any
) -> None:
    _, association = associated
    for number in (b"1", b"2"):
        association.send(echo, number)
    first, second = (association.receive_raw() for _ in range(2))
    if "duplicate" in request.node.name:
        assert first == second
    else:  # wrapped in the order of the echo's, sent the other way round
        assert (first[12:20], second[12:20]) == tuple(sorted((first[12:20], second[12:20])))[::-1]


@pytest.mark.parametrize(
    "associated", [(2, {"relay_faults": [fixture.malformed("reserved")]})], indirect=True
)
def test_malformed_headers_come_encapsulated(
    associated: tuple[Server, Associated], echo: tuple[str, int]
) -> None:
    _, association = associated
    association.send(echo)
    assert association.receive() == fixture.MALFORMED_HEADERS["reserved"]
    assert association.receive() == header(echo) + HELLO
