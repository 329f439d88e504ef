"""`import socks5client` in fresh interpreters, beyond `import socket`."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from .children import ROOT
from .measure import Bar, Contestant, Quantity, Sample, Table, interleave
from .run import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .run import Settings

ROUNDS = 41
MODULES = {"socks5client": "socks5client", "PySocks": "socks", "python-socks": "python_socks.sync"}
BARS = {"socks5client": Bar(15.0, relative=False)}
QUANTITIES = (
    Quantity("wall ms", lambda sample: sample.wall * 1e3, 2),
    Quantity("CPU ms", lambda sample: sample.cpu * 1e3, 2),
)
CODE = """\
import time{before}
wall, cpu = time.perf_counter(), time.process_time()
import {module}
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
print(cpu, wall)
"""


def run(settings: Settings) -> Iterator[Table]:
    """Wall and CPU time, measured inside the interpreter."""
    rounds = settings.rounds_or(ROUNDS)
    contestants = [Contestant("import socket itself", _import("socket", ""))]
    contestants += [
        Contestant(f"import {module}", _import(module, ", socket"), None, BARS.get(module))
        for module in MODULES.values()
        if find_spec(module.partition(".")[0])
    ]
    title = f"Import beyond `import socket`: {rounds} fresh interpreters each"
    notes = missing(socks="PySocks", python_socks="python-socks")
    yield Table(title, QUANTITIES, interleave(contestants, rounds), notes)


def _import(module: str, before: str) -> Callable[[], Sample]:
    command = [sys.executable, "-c", CODE.format(module=module, before=before)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # the lost first round compiles

    def take() -> Sample:
        output = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, timeout=60
        ).stdout
        cpu, wall = output.split()
        return Sample(float(cpu), float(wall))

    return take
