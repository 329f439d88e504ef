"""The rows of BIND, with every way to a rendezvous."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.drivers import ANYBODY, BIND_DRIVERS
from tests.fault_matrix.checks import (
    check_before,
    check_data,
    check_place,
    check_received,
    fails,
    in_time,
)
from tests.fault_matrix.rows import PATIENCE, Fails
from tests.fault_matrix.scene import scene
from tests.fault_matrix.table import GSS_STAGES, rows
from tests.tunnel.leftovers import nothing_left

if TYPE_CHECKING:
    from tests.drivers import BindDriver
    from tests.fault_matrix.rows import Row
    from tests.fault_matrix.scene import Scene
    from tests.server_fixture import Server


@pytest.fixture(autouse=True)
def no_pause_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener whose rendezvous failed has a thread for the time that it is quiet."""
    monkeypatch.setattr("socks5client._socket.listener.PAUSE", 0.01)


@rows("BIND", without=GSS_STAGES)
def test_fault(bind: BindDriver, row: Row, full: tuple[str, int]) -> None:
    run(bind, row, full)


@pytest.mark.parametrize(
    "bind",
    [BIND_DRIVERS[name] for name in ("sync.bind", "asyncio", "trio")],
    ids=["sync.bind", "asyncio", "trio"],
)
@rows("BIND", only=["reply", "second reply"])
def test_fault_at_the_second_proxy(bind: BindDriver, row: Row, full: tuple[str, int]) -> None:
    run(bind, row, full, chain=True)


def run(bind: BindDriver, row: Row, full: tuple[str, int], **options: bool) -> None:
    def attempt(timeout: float) -> float:
        with nothing_left(), scene(row, full, **options) as at:
            if row.stage in ("second reply", "data") or not isinstance(row.outcome, Fails):
                took = meet(bind, row, at, timeout)
            else:
                error, took = fails(row, timeout, lambda: bind(proxy=at.proxy, timeout=timeout))
                check_place(error, at, ANYBODY)
        check_before(at)
        return check_received(row, at, "BIND", ANYBODY, took)

    in_time(row, attempt)


def meet(bind: BindDriver, row: Row, at: Scene, timeout: float) -> float:
    """The first reply is good; the rest is the row's."""
    assert at.server is not None
    # The two replies may be held until the peer has come.
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(come, at.server)
        with closing(bind(proxy=at.proxy, timeout=PATIENCE)) as meeting, coming.result(10) as peer:
            if not isinstance(row.outcome, Fails):
                sock, _ = meeting.accept(PATIENCE)
                with sock:
                    sock.settimeout(PATIENCE)
                    check_data(sock, peer, row, at)
                return 0.0
            at.server.wait_for(lambda server: server.requests[-1].bound_peer)
            error, took = fails(row, timeout, lambda: meeting.accept(timeout))
            if row.waits:
                assert type(error) is TimeoutError  # the caller's own, who may wait again
            else:
                check_place(error, at, ANYBODY)
            return took


def come(server: Server) -> socket.socket:
    """Connects to the rendezvous, which the server has before anybody is told of it."""
    server.wait_for(lambda server: server.requests and server.requests[-1].rendezvous)
    return socket.create_connection(server.requests[-1].rendezvous or ANYBODY, timeout=5)
