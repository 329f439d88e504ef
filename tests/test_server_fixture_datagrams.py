"""What the reference server's relay does to datagrams: fragments, reassembly, and its faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import server_fixture as fixture
from tests.server_fixture import MALFORMED_HEADERS
from tests.server_fixture.datagram import Datagram
from tests.server_fixture.reassembly import REASSEMBLY_TIMER, Reassembly
from tests.test_server_fixture import HELLO
from tests.test_server_fixture_udp import LOOPBACK, ZEROS, associated, dropped, echoing, header

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    with echoing() as address:
        yield address


# Fragments.


def test_fragments_up(echo: tuple[str, int]) -> None:
    with associated() as (server, client):
        for frag, piece in ((1, b"a"), (2, b"b"), (0x83, b"c")):
            client.send(echo, piece, frag)
        assert client.receive() == header(echo) + b"abc"
        client.send(echo, b"alone", 0x81)
        assert client.receive() == header(echo) + b"alone"
        up = server.requests[0].datagrams_up
        assert [(one.payload, one.fragments) for one in up] == [(b"abc", 3), (b"alone", 1)]


def test_fragments_down(echo: tuple[str, int]) -> None:
    with associated(udp_fragment_size=2) as (server, client):
        assert client.round_trip(echo, b"ab") == header(echo) + b"ab"
        client.send(echo, HELLO)
        for frag, piece in ((1, b"he"), (2, b"ll"), (0x83, b"o")):
            assert client.receive() == header(echo, frag) + piece
        assert [one.fragments for one in server.requests[0].datagrams_down] == [1, 3]
        client.send(echo, bytes(2 * 127 + 1))
        assert dropped(server) == ["128 fragments, more than FRAG can count"]


def test_without_fragments(echo: tuple[str, int]) -> None:
    with associated(fragments=False, udp_fragment_size=2) as (server, client):
        for frag in (1, 0x82, 0x80):
            client.send(echo, HELLO, frag)
        assert client.round_trip(echo) == header(echo) + HELLO
        assert dropped(server) == [
            f"FRAG {frag:#04x}: fragments are not relayed" for frag in (1, 0x82, 0x80)
        ]


@pytest.mark.parametrize(
    ("frags", "whole", "losses"),
    [
        ("1 2 3L", ["123"], 0),
        ("1 2 2 3L", ["123"], 1),
        ("1 1 2L", ["12"], 1),
        ("1 3L 2 1 2L", ["12"], 3),
        ("2L 1 2L", ["12"], 1),
        ("1 2 1 2L", ["12"], 1),
        ("1 0 2L 0", ["0", "0"], 2),
        ("1 2L 1 2L", ["12", "12"], 0),
        ("1 2x 3L 1L", ["1"], 3),
        ("1 2+ 1+ 2L+", ["12"], 2),
        ("1 2+ 3L+", [], 3),
        ("0L", [], 1),
    ],
)
def test_reassembly(frags: str, whole: list[str], losses: int) -> None:
    """L is the last, x goes to another port, + comes when the timer has run out."""
    lost: list[str] = []
    queue = Reassembly(lost.append)
    now, got = 0.0, []
    for text in frags.split():
        if "+" in text and now == 0:
            now = REASSEMBLY_TIMER
        frag = int(text[0]) | (0x80 if "L" in text else 0)
        port = 81 if "x" in text else 80
        result = queue.receive(Datagram(frag, 1, LOOPBACK, port, text[0].encode()), now)
        if result is not None:
            got.append(result[0].payload.decode())
    assert (got, len(lost)) == (whole, losses), lost


# Faults of the relay.


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (fixture.duplicate(), "a a b b c c END"),
        (fixture.duplicate(3, times=1), "a a a b c END"),
        (fixture.reorder(), "b a END"),
        (fixture.reorder(times=1), "b a c END"),
        (fixture.reorder(4), "END"),
        (fixture.lose(2), "a c"),
        (fixture.lose(times=1), "b c END"),
        (fixture.lose(lambda data: data.endswith(b"b")), "a c END"),
    ],
)
def test_duplicate_reorder_and_lose(
    echo: tuple[str, int], fault: fixture.RelayFault, expected: str
) -> None:
    with associated(relay_faults=[fault]) as (server, client):
        for payload in (b"a", b"b", b"c", b"END"):
            client.send(echo, payload)
        got = [client.receive()[len(header(echo)) :].decode() for _ in expected.split()]
        assert got == expected.split()
        server.wait_for(lambda server: len(server.requests[0].datagrams_down) == 4)


def test_reordered_fragments(echo: tuple[str, int]) -> None:
    with associated(udp_fragment_size=2, relay_faults=[fixture.reorder(3)]) as (_, client):
        client.send(echo, HELLO)
        for frag, piece in ((0x83, b"o"), (2, b"ll"), (1, b"he")):
            assert client.receive() == header(echo, frag) + piece


def test_truncated_packets(echo: tuple[str, int]) -> None:
    faults = [fixture.truncate_packet(7, times=1), fixture.truncate_packet(12)]
    with associated(relay_faults=faults) as (_, client):
        assert client.round_trip(echo) == header(echo)[:7]
        assert client.round_trip(echo) == header(echo) + b"he"


@pytest.mark.parametrize("kind", MALFORMED_HEADERS)
def test_malformed_packets(echo: tuple[str, int], kind: str) -> None:
    with associated(relay_faults=[fixture.malformed(kind, times=1)]) as (_, client):
        assert client.round_trip(echo) == MALFORMED_HEADERS[kind]
        assert client.receive() == client.round_trip(echo) == header(echo) + HELLO
    with pytest.raises(KeyError):
        fixture.malformed("unheard-of")


def test_spoofed_packets(echo: tuple[str, int]) -> None:
    with associated(relay_faults=[fixture.spoof()]) as (_, client):
        for _ in range(2):
            client.send(echo, HELLO)
            spoofed, source = client.sock.recvfrom(100)
            assert spoofed == header(echo) + b"spoofed"
            assert source[0] == client.relay[0]
            assert source != client.relay
            assert client.receive() == header(echo) + HELLO


def test_faults_apply_in_order(echo: tuple[str, int]) -> None:
    """What a fault adds goes through those that follow, but is not the good packet for them."""
    faults = [fixture.malformed("short"), fixture.duplicate(), fixture.spoof(b"!")]
    with associated(relay_faults=faults) as (_, client):
        client.send(echo, HELLO)
        got = [client.sock.recv(100)[10:] for _ in range(6)]
        assert got == [b"", b"", b"!", HELLO, b"!", HELLO]


def test_a_spoofed_packet_where_there_is_no_header(echo: tuple[str, int]) -> None:
    with associated(relay_faults=[fixture.truncate_packet(3), fixture.spoof()]) as (_, client):
        client.send(echo, HELLO)
        assert client.sock.recv(100) == header(ZEROS) + b"spoofed"
        assert client.receive() == bytes(3)
