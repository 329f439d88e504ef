"""Handshakes behind a delay of 20 ms each way: how many round trips they take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import socks5client
from socks5client import NoAuth, Proxy, UsernamePassword
from tests.origins import Echo
from tests.server_fixture import Server

from . import connectors as ways
from .children import child
from .measure import Bar, Contestant, Quantity, Sample, Table, interleave
from .run import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .run import Settings

ROUNDS = 7
DELAY_MS = 20
EARLY = b"what is asked for"

USER = UsernamePassword("alice", "secret")

# TCP's own handshake cannot be delayed here; on a network it is one more.
ROUND_TRIPS = Quantity("round trips", lambda sample: 1 + sample.wall * 1000 / (2 * DELAY_MS), 2)


def run(settings: Settings) -> Iterator[Table]:
    """Until connected, and until the first byte of an answer."""
    rounds = settings.rounds_or(ROUNDS)
    with (
        Server() as free,
        Server(users={"alice": "secret"}) as guarded,
        child("benchmarks.delaying", free.host, str(free.port), str(DELAY_MS)) as open_,
        child("benchmarks.delaying", guarded.host, str(guarded.port), str(DELAY_MS)) as shut,
        Echo() as peer,
    ):
        target = peer.address
        none, password = Proxy(*open_), Proxy(*shut, auth=USER)
        connects: list[tuple[str, Callable[[], Any], Bar | None]] = [
            ("no authentication", _connected(none, target), _most(3)),
            ("password", _connected(password, target), _most(4)),
            (
                "no authentication, pipelined",
                _connected(none.replace(auth=NoAuth(), pipelined=True), target),
                _most(2),
            ),
            ("password, pipelined", _connected(password.replace(pipelined=True), target), _most(2)),
            *(
                (name, ways.connector(name, open_, target), None)
                for name in ways.installed((ways.FLOOR, ways.PYSOCKS, ways.PYTHON_SOCKS))
            ),
        ]
        yield Table(
            f"Until connected, {DELAY_MS} ms each way: {rounds} rounds",
            (ROUND_TRIPS,),
            interleave([Contestant(n, _once(c), bar=bar) for n, c, bar in connects], rounds),
            (*missing(**ways.PACKAGES), "one of them, TCP's, is counted, not measured"),
        )
        pipelined = none.replace(auth=NoAuth(), pipelined=True)
        answers = [
            ("no authentication", none, False, _most(4)),
            ("no authentication, early data, pipelined", pipelined, True, _most(2)),
            ("password", password, False, _most(5)),
            (
                "password, early data, pipelined",
                password.replace(pipelined=True),
                True,
                _most(2),
            ),
        ]
        yield Table(
            f"Until the answer to the first {len(EARLY)} bytes: {rounds} rounds",
            (ROUND_TRIPS,),
            interleave(
                [
                    Contestant(name, _once(_answered(proxy, target, early)), bar=bar)
                    for name, proxy, early, bar in answers
                ],
                rounds,
            ),
            ("the peer is an echo beside the proxy",),
        )


def _most(round_trips: int) -> Bar:
    """A third of one more is what the machine's own time may take."""
    return Bar(round_trips + 0.33, relative=False)


def _connected(proxy: Proxy, target: ways.Address) -> Callable[[], Any]:
    return lambda: socks5client.connect(target, proxy=proxy, timeout=ways.TIMEOUT)


def _answered(proxy: Proxy, target: ways.Address, early: bool) -> Callable[[], Any]:
    def work() -> Any:
        sock = socks5client.connect(
            target, proxy=proxy, timeout=ways.TIMEOUT, early_data=EARLY if early else b""
        )
        if not early:
            sock.sendall(EARLY)
        received = b""
        while len(received) < len(EARLY):
            received += sock.recv(100)
        return sock

    return work


def _once(work: Callable[[], Any]) -> Callable[[], Sample]:
    def take() -> Sample:
        wall, cpu = time.perf_counter(), time.process_time()
        made = work()
        sample = Sample(time.process_time() - cpu, time.perf_counter() - wall)
        made.close()
        return sample

    return take
