"""Instructions that a connection takes in the client, outside the kernel, counted by callgrind.

They are the same in every run, whatever else the machine does, where microseconds are not.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

from tests import real_servers

from . import between_marks
from . import connectors as ways
from .children import ROOT, listener
from .measure import Contestant, Quantity, Result, Sample, Table
from .run import LeftOutError, folder, missing, need_programs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .run import Settings

# Python adapts its code to what it does: the first ones cost more.
WARM_UP, CONNECTS = 50, 200
NAMES = (
    ways.FLOOR,
    ways.OURS,
    ways.OURS_URL,
    ways.OURS_SOCKET,
    ways.FLOOR_TIMEOUT,
    ways.OURS_TIMEOUT,
    ways.PYSOCKS,
    ways.PYTHON_SOCKS,
)
FLOORS = {ways.OURS_TIMEOUT: ways.FLOOR_TIMEOUT}
# A sample is of one connection; its first number counts instructions here.
INSTRUCTIONS = Quantity("instructions", lambda sample: sample.cpu, 0)


def run(settings: Settings) -> Iterator[Table]:
    """Instructions of one connect and close."""
    need_programs("microsocks", "valgrind")
    warm_up, connects = settings.size_or(WARM_UP, 1), settings.size_or(CONNECTS, 2)
    names = NAMES[:1] if settings.quick else NAMES
    with folder() as files, real_servers.microsocks(files) as proxy, listener() as target:
        ports = proxy.port, target[1]
        contestants = [
            Contestant(
                name,
                partial(_each, name, ports, warm_up, connects),
                FLOORS.get(name, ways.FLOOR),
            )
            for name in ways.installed(names)
        ]
        results = [Result(contestant, [contestant.take()]) for contestant in contestants]
    title = "Instructions of one connect and close through microsocks, without the kernel's"
    yield Table(title, (INSTRUCTIONS,), results, missing(**ways.PACKAGES))


def _each(name: str, ports: tuple[int, int], warm_up: int, connects: int) -> Sample:
    few, many = (_counted(name, ports, times) for times in (warm_up, warm_up + connects))
    return Sample((many - few) / connects, 0.0)


def _counted(name: str, ports: tuple[int, int], times: int) -> int:
    """Instructions of a whole process that connects so many times."""
    valgrind = [str(real_servers.find("valgrind")), "--tool=callgrind"]
    child = [sys.executable, "-m", between_marks.__name__, between_marks.BLOCKING, name]
    numbers = [str(number) for number in (*ports, times)]
    ended = subprocess.run(
        [*valgrind, f"--callgrind-out-file={os.devnull}", *child, *numbers, os.devnull],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    counted = re.search(r"refs: +([\d,]+)", ended.stderr)
    if ended.returncode or counted is None:
        raise LeftOutError(f"valgrind failed with status {ended.returncode}")
    return int(counted[1].replace(",", ""))
