"""What an idle connection takes of memory, held by a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests import real_servers

from . import held
from .children import ROOT, keeper
from .connectors import PACKAGES
from .measure import Bar, Contestant, Quantity, Sample, Table, interleave
from .run import folder, missing, need_programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .connectors import Address
    from .run import Settings

ROUNDS, CONNECTIONS = 5, 1000
BARS = {held.OUR_STREAMS: Bar(1.1)}
# A sample is of one connection; its first number is KB here.
KILOBYTES = Quantity("KB each", lambda sample: sample.cpu, 2)


def run(settings: Settings) -> Iterator[Table]:
    """KB of anonymous memory for each connection."""
    need_programs("microsocks")
    rounds = min(settings.rounds_or(ROUNDS), ROUNDS)
    count = settings.size_or(CONNECTIONS, 100)
    lacking = missing(**PACKAGES)
    with folder() as files, real_servers.microsocks(files) as proxy, keeper() as target:
        contestants = [
            Contestant(name, _take(name, proxy.address, target, count), floor, BARS.get(name))
            for name, floor in held.CONTESTANTS.items()
            if not any(package in name for package in lacking)
        ]
        results = interleave(contestants, rounds)
    notes = ["anonymous memory of the client, beyond what was there before; not the kernel's"]
    yield Table(f"Memory of {count} idle connections", (KILOBYTES,), results, [*lacking, *notes])


def _take(name: str, proxy: Address, target: Address, count: int) -> Callable[[], Sample]:
    command = [sys.executable, "-m", held.__name__, name]
    numbers = [str(number) for number in (proxy[1], target[1], count)]

    def take() -> Sample:
        kilobytes = subprocess.check_output([*command, *numbers], cwd=ROOT, text=True)
        return Sample(float(kilobytes), 0.0)

    return take
