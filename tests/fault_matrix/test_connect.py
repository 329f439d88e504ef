"""The rows of CONNECT: with every driver, and with three of them in the ways that all share."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.drivers import DRIVERS
from tests.fault_matrix.checks import (
    check_before,
    check_data,
    check_place,
    check_received,
    fails,
    in_time,
)
from tests.fault_matrix.receiving import closed
from tests.fault_matrix.rows import Fails
from tests.fault_matrix.scene import Destination, scene
from tests.fault_matrix.table import GSS_STAGES, rows
from tests.tunnel.leftovers import nothing_left

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.drivers import Driver
    from tests.fault_matrix.rows import Row

# A password, and a chain, are the same code in all drivers: one of each kind runs them.
three_drivers = pytest.mark.parametrize(
    "connect",
    [DRIVERS[name] for name in ("sync", "asyncio", "trio")],
    ids=["sync", "asyncio", "trio"],
)


@pytest.fixture
def destination() -> Iterator[Destination]:
    with closing(Destination()) as origin:
        yield origin


@rows("CONNECT", without=GSS_STAGES)
def test_fault(connect: Driver, row: Row, full: tuple[str, int], destination: Destination) -> None:
    run(connect, row, full, destination)


@three_drivers
@rows("CONNECT", only=["TCP", "method selection", "request", "reply"])
def test_fault_with_password(
    connect: Driver, row: Row, full: tuple[str, int], destination: Destination
) -> None:
    run(connect, row, full, destination, password=True)


@three_drivers
@rows("CONNECT", without=GSS_STAGES)
def test_fault_at_the_second_proxy(
    connect: Driver, row: Row, full: tuple[str, int], destination: Destination
) -> None:
    run(connect, row, full, destination, chain=True)


@pytest.mark.usefixtures("kerberos")
@rows("CONNECT", only=GSS_STAGES)
def test_fault_of_gssapi(
    connect: Driver, row: Row, full: tuple[str, int], destination: Destination
) -> None:
    run(connect, row, full, destination, gss=True)


def run(
    connect: Driver, row: Row, full: tuple[str, int], destination: Destination, **options: bool
) -> None:
    def attempt(timeout: float) -> float:
        took = 0.0
        with nothing_left(), scene(row, full, **options) as at:
            if isinstance(row.outcome, Fails):
                error, took = fails(
                    row, timeout, lambda: connect(destination.address, at.proxy, timeout)
                )
                check_place(error, at, destination.address)
            else:
                connection = connect(destination.address, at.proxy, timeout)
                with closed(connection), destination.accept() as peer:
                    check_data(connection, peer, row, at)
        # Only what the proxy let through came there, and nobody by another way.
        assert destination.visits() in ([], [b""])
        check_before(at)
        return check_received(row, at, "CONNECT", destination.address, took)

    in_time(row, attempt)
