"""A download through danted: the data path of a connected socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import real_servers

from . import connectors as ways
from .children import source
from .measure import Bar, Contestant, Quantity, Table, interleave, timed
from .run import folder, missing, need_programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .run import Settings

ROUNDS, MEGABYTES = 41, 200
PIECE = 256 * 1024
NAMES = (
    ways.FLOOR,
    ways.FLOOR_AGAIN,
    ways.OURS,
    ways.OURS_SOCKET,
    ways.OURS_BRIDGED,
    ways.PYSOCKS,
    ways.DIRECT,
)
BARS = {ways.OURS: Bar(0.98, at_least=True), ways.OURS_BRIDGED: Bar(0.5, at_least=True)}
# A sample is of one MB.
QUANTITIES = (
    Quantity("MB/s", lambda sample: 1 / sample.wall, 0),
    Quantity("CPU us/MB", lambda sample: sample.cpu * 1e6),
)


def run(settings: Settings) -> Iterator[Table]:
    """The rate, and the CPU per MB."""
    need_programs("danted")
    rounds, megabytes = settings.rounds_or(ROUNDS), settings.size_or(MEGABYTES, 2)
    with folder() as files, real_servers.danted(files) as proxy, source(megabytes) as origin:
        contestants = [
            Contestant(
                name,
                timed(_download(ways.connector(name, proxy.address, origin), megabytes), megabytes),
                ways.FLOOR,
                BARS.get(name),
            )
            for name in ways.installed(NAMES)
        ]
        results = interleave(contestants, rounds)
    title = (
        f"Download of {megabytes} MB through danted, recv_into of {PIECE} bytes: {rounds} rounds"
    )
    yield Table(title, QUANTITIES, results, missing(socks=ways.PYSOCKS))


def _download(connect: Callable[[], Any], megabytes: int) -> Callable[[], None]:
    buffer = bytearray(PIECE)

    def work() -> None:
        received = 0
        with connect() as sock:
            while got := sock.recv_into(buffer):
                received += got
        if received != megabytes * 10**6:
            raise RuntimeError(f"{received} bytes came, not {megabytes} MB")

    return work
