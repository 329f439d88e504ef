"""UDP through a relay: a datagram sent and one received, and reassembly of fragments.

At the other end a process sends every packet back as it came: to the plain socket that is an echo,
and to a client of SOCKS proxy, relay and peer in one. So what is measured is the client.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import socks5client
from socks5client.protocol import Address, Datagram, Fragment, Reassembler, fragment

from .children import echo
from .measure import (
    CPU_MICROSECONDS,
    WALL_MICROSECONDS,
    Bar,
    Contestant,
    Quantity,
    Table,
    interleave,
    timed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .run import Settings

ROUNDS, DATAGRAMS, SIZE = 41, 512, 512
# How many are sent before as many are received: with one, most of the time goes to falling asleep
# and waking up; with many, to the calls.
BURSTS = (32, 1)
WHOLE, PIECE, REPETITIONS = 65_500, 1400, 20
IN_FRAGMENTS, FRAGMENT_ROUNDS = 7000, 64
MEGABYTES = Quantity("MB/s", lambda sample: WHOLE / sample.cpu / 1e6)


def run(settings: Settings) -> Iterator[Table]:
    """CPU time for a datagram there and one back; and for the bytes of a reassembled one."""
    rounds, count = settings.rounds_or(ROUNDS), settings.size_or(DATAGRAMS, 32)
    with (
        echo() as peer,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain_connected,
        socks5client.associate(proxy="socks5h://{}:{}".format(*peer)) as ours,
        socks5client.associate(proxy="socks5h://{}:{}".format(*peer)) as ours_connected,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as patched,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as patched_connected,
    ):
        plain_connected.connect(peer)
        ours_connected.connect(peer)
        with socks5client.patch("socks5h://{}:{}".format(*peer), bypass=None, children=False):
            patched.sendto(b"", peer)  # for good
            patched.recvfrom(1)
            patched_connected.connect(peer)
        for burst in BURSTS:
            unconnected = _contestants(
                "sendto, recvfrom", _sendto(peer), plain, ours, patched, burst, count
            )
            connected = _contestants(
                "send, recv",
                _send,
                plain_connected,
                ours_connected,
                patched_connected,
                burst,
                count,
            )
            title = f"UDP: {SIZE} bytes sent and received, bursts of {burst}"
            yield Table(
                f"{title}: {rounds} rounds of {count}",
                (CPU_MICROSECONDS, WALL_MICROSECONDS),
                interleave([*unconnected, *connected], rounds),
            )
    yield _in_fragments(rounds, settings.size_or(FRAGMENT_ROUNDS, 4))
    repetitions = settings.size_or(REPETITIONS, 1)
    yield Table(
        f"Reassembly of {WHOLE} bytes from {PIECE} each: {rounds} rounds of {repetitions}",
        (MEGABYTES,),
        interleave([_reassembly(repetitions)], rounds),
    )


def _sendto(
    peer: tuple[str, int],
) -> Callable[[socket.socket, int, int], Callable[[], None]]:
    def prepare(sock: socket.socket, burst: int, count: int) -> Callable[[], None]:
        payload = bytes(SIZE)

        def work() -> None:
            for _ in range(count // burst):
                for _ in range(burst):
                    sock.sendto(payload, peer)
                for _ in range(burst):
                    sock.recvfrom(2048)

        return work

    return prepare


def _send(sock: socket.socket, burst: int, count: int) -> Callable[[], None]:
    payload = bytes(SIZE)

    def work() -> None:
        for _ in range(count // burst):
            for _ in range(burst):
                sock.send(payload)
            for _ in range(burst):
                sock.recv(2048)

    return work


def _contestants(
    calls: str,
    prepare: Callable[[socket.socket, int, int], Callable[[], None]],
    plain: socket.socket,
    ours: socket.socket,
    patched: socket.socket,
    burst: int,
    count: int,
) -> list[Contestant]:
    """A plain socket; ours, and one under `patch()`, against it."""
    floor = f"plain {calls}"
    bar = Bar(1.6)
    return [
        Contestant(floor, timed(prepare(plain, burst, count), count)),
        Contestant(f"socks5client {calls}", timed(prepare(ours, burst, count), count), floor, bar),
        Contestant(f"under patch() {calls}", timed(prepare(patched, burst, count), count), floor),
    ]


def _in_fragments(rounds: int, count: int) -> Table:
    """A large datagram there and back in fragments, beside as many packets of a plain socket."""
    payload, pieces = bytes(IN_FRAGMENTS), IN_FRAGMENTS // PIECE
    with (
        echo() as peer,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain,
        socks5client.associate(proxy="socks5h://{}:{}".format(*peer), fragment_size=PIECE) as ours,
    ):
        plain.settimeout(5)
        ours.settimeout(5)

        def by_hand() -> None:
            for _ in range(count):
                for _ in range(pieces):
                    plain.sendto(payload[:PIECE], peer)
                for _ in range(pieces):
                    plain.recvfrom(65535)

        def in_fragments() -> None:
            for _ in range(count):
                ours.sendto(payload, peer)
                assert len(ours.recvfrom(65535)[0]) == IN_FRAGMENTS

        floor = f"plain sendto, recvfrom, {pieces} times"
        contestants = [
            Contestant(floor, timed(by_hand, count)),
            Contestant("socks5client sendto, recvfrom", timed(in_fragments, count), floor),
        ]
        results = interleave(contestants, rounds)
    return Table(
        f"UDP in fragments: {IN_FRAGMENTS} bytes in {pieces} there and back:"
        f" {rounds} rounds of {count}",
        (CPU_MICROSECONDS, WALL_MICROSECONDS),
        results,
        ["no other client does fragments"],
    )


def _reassembly(repetitions: int) -> Contestant:
    datagram = Datagram(Address("192.0.2.1", 53), bytes(range(250)) * (WHOLE // 250))
    packets = [piece.encode() for piece in fragment(datagram, PIECE)]

    def work() -> None:
        reassembler = Reassembler()
        for _ in range(repetitions):
            for packet in packets:
                whole = reassembler.receive(Fragment.decode(packet), 0.0)
            assert whole == datagram

    bar = Bar(150, at_least=True, relative=False)
    return Contestant("Fragment.decode, Reassembler", timed(work, repetitions), bar=bar)
