"""Connect and close through microsocks, to a listener that accepts and closes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import real_servers

from . import connectors as ways
from .children import listener
from .measure import CPU_MICROSECONDS, WALL_MICROSECONDS, Bar, Contestant, Table, interleave, timed
from .run import folder, missing, need_programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .run import Settings

ROUNDS, CONNECTS = 41, 25
BARS = {ways.OURS: Bar(1.3)}
FLOORS = {ways.OURS_TIMEOUT: ways.FLOOR_TIMEOUT}


def run(settings: Settings) -> Iterator[Table]:
    """CPU and wall time per connection."""
    need_programs("microsocks")
    rounds, connects = settings.rounds_or(ROUNDS), settings.size_or(CONNECTS, 3)
    with folder() as files, real_servers.microsocks(files) as proxy, listener() as target:
        contestants = [
            Contestant(
                name,
                timed(_repeated(ways.connector(name, proxy.address, target), connects), connects),
                FLOORS.get(name, ways.FLOOR),
                BARS.get(name),
            )
            for name in ways.installed()
        ]
        results = interleave(contestants, rounds)
    title = f"Connect and close through microsocks: {rounds} rounds of {connects}"
    notes = [
        *missing(**ways.PACKAGES),
        f"timeout: {ways.TIMEOUT:g} s, ratio to the floor with the same; none in the other rows,"
        " but python-socks has always one",
    ]
    yield Table(title, (CPU_MICROSECONDS, WALL_MICROSECONDS), results, notes)


def _repeated(connect: Callable[[], Any], times: int) -> Callable[[], None]:
    def work() -> None:
        for _ in range(times):
            connect().close()

    return work
