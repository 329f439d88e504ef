"""curl and socks5-curl as whole programs, through danted to nginx."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tests import real_servers

from .children import ROOT
from .measure import Contestant, Quantity, Sample, Table, interleave
from .run import folder, need_programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .run import Settings

ROUNDS, MANY, MEGABYTES = 11, 50, 100
CURL = "curl"
PROGRAMS = {CURL: ["curl"], "socks5-curl": [sys.executable, "-m", "socks5client.cli"]}
QUANTITIES = (
    Quantity("CPU ms", lambda sample: sample.cpu * 1e3),
    Quantity("wall ms", lambda sample: sample.wall * 1e3),
)


def run(settings: Settings) -> Iterator[Table]:
    """CPU and wall time of a whole program, its start included."""
    need_programs("curl", "danted", "nginx")
    rounds, megabytes = settings.rounds_or(ROUNDS), settings.size_or(MEGABYTES, 1)
    with (
        folder() as files,
        folder() as place,
        real_servers.danted(files) as proxy,
        real_servers.nginx(place) as origin,
    ):
        with (place / "www" / "big").open("wb") as big:
            big.truncate(megabytes * 10**6)
        page = f"{origin.http_url}/index.html"
        jobs = {
            "one page": [page],
            f"{MANY} pages over one connection": [f"{page}?[1-{MANY}]"],
            f"a file of {megabytes} MB": [f"{origin.http_url}/big"],
        }
        for what, urls in jobs.items():
            options = ["-sSf", "-o", os.devnull, "-x", proxy.url, *urls]
            contestants = [
                Contestant(name, _take([*program, *options]), CURL)
                for name, program in PROGRAMS.items()
            ]
            title = f"{what}, nginx by danted: {rounds} rounds"
            yield Table(title, QUANTITIES, interleave(contestants, rounds), _notes())


def _take(command: Sequence[str]) -> Callable[[], Sample]:
    environment = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}

    def take() -> Sample:
        begun, before = time.perf_counter(), os.times()
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=60)
        after, wall = os.times(), time.perf_counter() - begun
        cpu = after.children_user - before.children_user
        return Sample(cpu + after.children_system - before.children_system, wall)

    return take


def _notes() -> list[str]:
    said = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True)
    notes = [
        f"{' '.join(said.stdout.split()[:2])}",
        "most of socks5-curl's time is the import of Python packages, httpx above all",
    ]
    if find_spec("click"):
        notes.append(
            "with click installed, as here, httpx imports a command line of its own, and rich"
        )
    return notes
