"""asyncio and trio: to connect and close through microsocks."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from tests import real_servers

from . import async_connectors as ways
from .children import listener
from .measure import CPU_MICROSECONDS, WALL_MICROSECONDS, Bar, Contestant, Table, interleave
from .run import folder, missing, need_programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .connectors import Address
    from .measure import Sample
    from .run import Settings

ROUNDS, CONNECTS = 41, 25
BARS = {("asyncio", ways.OURS_TIMEOUT): Bar(0.6)}


def run(settings: Settings) -> Iterator[Table]:
    """CPU and wall time per connection, for each loop."""
    need_programs("microsocks")
    with folder() as files, real_servers.microsocks(files) as proxy:
        for loop in ways.LOOPS:
            yield _table(settings, loop, proxy.address)


def _table(settings: Settings, loop: str, proxy: Address) -> Table:
    rounds, connects = settings.rounds_or(ROUNDS), settings.size_or(CONNECTS, 3)
    with listener() as target:
        contestants = [
            Contestant(
                name, _take(loop, connect, connects), ways.PYTHON_SOCKS, BARS.get((loop, name))
            )
            for name, connect in ways.connectors(loop, proxy, target).items()
        ]
        results = interleave(contestants, rounds)
    title = f"{loop}, connect and close through microsocks: {rounds} rounds of {connects}"
    notes = [*missing(python_socks=ways.PYTHON_SOCKS), "python-socks always has a timeout"]
    return Table(title, (CPU_MICROSECONDS, WALL_MICROSECONDS), results, notes)


def _take(loop: str, connect: ways.Connect, connects: int) -> Callable[[], Sample]:
    def take() -> Sample:
        gc.collect()  # the garbage of whoever came before
        sample: Sample = ways.run(loop, ways.sample, connect, connects)
        return sample

    return take
