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
USER = ("alice", "secret")
BARS = {ways.OURS: Bar(1.3)}
FLOORS = {ways.OURS_TIMEOUT: ways.FLOOR_TIMEOUT}


def run(settings: Settings) -> Iterator[Table]:
    """CPU and wall time per connection, without authentication and with a password."""
    need_programs("microsocks")
    for user in (None, USER):
        with folder() as files, real_servers.microsocks(files, *(user or ())) as proxy:
            yield _table(settings, proxy.address, user)


def _table(settings: Settings, proxy: ways.Address, user: ways.User | None) -> Table:
    rounds, connects = settings.rounds_or(ROUNDS), settings.size_or(CONNECTS, 3)
    names = ways.NAMES if user is None else ways.NAMES_WITH_PASSWORD
    with listener() as target:
        contestants = [
            Contestant(
                name,
                timed(_repeated(ways.connector(name, proxy, target, user), connects), connects),
                FLOORS.get(name, ways.FLOOR),
                BARS.get(name) if user is None else None,
            )
            for name in ways.installed(names)
        ]
        results = interleave(contestants, rounds)
    how = "" if user is None else ", with a password,"
    title = f"Connect and close{how} through microsocks: {rounds} rounds of {connects}"
    notes = missing(**ways.PACKAGES)
    if user is None:
        notes.append(
            f"timeout: {ways.TIMEOUT:g} s, ratio to the floor with the same; none in the other"
            " rows, but python-socks has always one"
        )
    else:
        notes.append(f"{ways.OURS_URL}: it offers no authentication besides")
    return Table(title, (CPU_MICROSECONDS, WALL_MICROSECONDS), results, notes)


def _repeated(connect: Callable[[], Any], times: int) -> Callable[[], None]:
    def work() -> None:
        for _ in range(times):
            connect().close()

    return work
