"""The rows of UDP ASSOCIATE, with every kind of socket."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from socks5client import ProxyConnectionError, SocksError
from tests.drivers import ANYBODY, UDP_DRIVERS
from tests.fault_matrix.checks import (
    check_before,
    check_place,
    check_received,
    fails,
    in_time,
)
from tests.fault_matrix.receiving import datagram_within
from tests.fault_matrix.rows import PATIENCE, Fails, Relays
from tests.fault_matrix.scene import scene
from tests.fault_matrix.table import GSS_STAGES, rows
from tests.tunnel.leftovers import nothing_left

if TYPE_CHECKING:
    from tests.drivers import Udp, UdpDriver
    from tests.fault_matrix.rows import Row
    from tests.fault_matrix.scene import Scene
    from tests.origins import UdpEcho
    from tests.server_fixture import Server


@rows("UDP ASSOCIATE", without=GSS_STAGES)
def test_fault(open_udp: UdpDriver, row: Row, full: tuple[str, int], udp_echo: UdpEcho) -> None:
    run(open_udp, row, full, udp_echo)


@pytest.mark.parametrize(
    "open_udp",
    [UDP_DRIVERS[name] for name in ("associate", "asyncio", "trio")],
    ids=["associate", "asyncio", "trio"],
)
@rows("UDP ASSOCIATE", only=["reply", "association"])
def test_fault_at_the_second_proxy(
    open_udp: UdpDriver, row: Row, full: tuple[str, int], udp_echo: UdpEcho
) -> None:
    run(open_udp, row, full, udp_echo, chain=True)


def run(
    open_udp: UdpDriver, row: Row, full: tuple[str, int], echo: UdpEcho, **options: bool
) -> None:
    def attempt(timeout: float) -> float:
        with nothing_left(), scene(row, full, **options) as at:
            if row.stage == "association" or not isinstance(row.outcome, Fails):
                with open_udp(at.proxy, echo.address, timeout=PATIENCE) as udp:
                    took = talk(udp, row, at, timeout)
            else:

                def call() -> None:
                    with open_udp(at.proxy, echo.address, timeout=timeout) as udp:
                        udp.send(b"never sent")

                error, took = fails(row, timeout, call)
                check_place(error, at, ANYBODY)
                check_silence(at)
        check_before(at)
        return check_received(row, at, "UDP ASSOCIATE", ANYBODY, took)

    in_time(row, attempt)


def talk(udp: Udp, row: Row, at: Scene, timeout: float) -> float:
    """The association stands; the rest is the row's."""
    assert at.server is not None
    if not isinstance(row.outcome, Fails):
        relayed = row.outcome if isinstance(row.outcome, Relays) else Relays()
        converse(udp, relayed.dropped_in_chain if at.before else relayed.dropped, at.server)
        return 0.0
    udp.send(b"one")
    if row.waits:
        error, took = fails(row, timeout, lambda: datagram_within(udp, timeout))
        assert not isinstance(error, SocksError)  # the caller's own, who may wait again
        return took
    assert udp.receive()[0] == b"one"
    exchange = at.server.requests[-1]
    assert row.fault in ("close", "reset")
    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(at.server.hang_up, exchange, row.fault)
        error, took = fails(row, timeout, udp.receive)
        ending.result(10)
    assert isinstance(error, SocksError)
    assert (error.proxy, error.target) == (at.faulty, None)
    with pytest.raises(ProxyConnectionError, match="ended"):
        udp.send(b"two")
    assert [sent.payload for sent in exchange.datagrams_up] == [b"one"]
    return took


def converse(udp: Udp, dropped: int, server: Server) -> None:
    """A datagram of ours comes back, whatever became of the one before it."""
    udp.send(b"one of three")
    server.wait_for(lambda server: server.requests[-1].datagrams_down)
    udp.send(b"two")
    while (payload := udp.receive()[0]) != b"two":
        assert payload == b"one of three"
    assert udp.sock.dropped == dropped


def check_silence(at: Scene) -> None:
    """No datagram was sent."""
    if at.server is not None:
        for exchange in at.server.exchanges:
            assert (exchange.datagrams_up, exchange.dropped) == ([], [])
