"""System calls per connection through microsocks, counted by strace."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests import real_servers

from . import async_connectors as async_ways
from . import between_marks
from . import connectors as ways
from .between_marks import BLOCKING
from .children import ROOT, listener
from .connect import USER
from .measure import layout
from .run import LeftOutError, folder, missing, need_programs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from .run import Settings

CONNECTS = 20
NAMES = (
    ways.FLOOR,
    ways.OURS,
    ways.OURS_SOCKET,
    ways.FLOOR_TIMEOUT,
    ways.OURS_TIMEOUT,
    ways.PYSOCKS,
    ways.PYTHON_SOCKS,
)
# Memory is asked for now and then, and has no part in a connection.
MEMORY = {"brk", "mmap", "munmap", "madvise"}


@dataclass(frozen=True)
class Counts:
    """Calls per connection, by contestant and name of the call."""

    title: str
    calls: dict[str, dict[str, float]]
    notes: Sequence[str]

    def __str__(self) -> str:
        rows = [["contestant", "total", "of which"]]
        for name, calls in self.calls.items():
            each = ", ".join(f"{call} {count:g}" for call, count in calls.items())
            rows.append([name, f"{sum(calls.values()):g}", each])
        return "\n".join([self.title, *layout(rows), *(f"({note})" for note in self.notes)])

    def as_json(self) -> dict[str, Any]:
        """The same."""
        return {"title": self.title, "calls": self.calls, "notes": list(self.notes)}


def run(settings: Settings) -> Iterator[Counts]:
    """Calls of one connect and close: blocking, with a password, and in each event loop."""
    need_programs("microsocks", "strace")
    connects = settings.size_or(CONNECTS, 2)
    notes = missing(**ways.PACKAGES)
    names = NAMES[:2] if settings.quick else NAMES
    title = "System calls of one connect and close through microsocks"
    with folder() as files, real_servers.microsocks(files) as proxy, listener() as target:
        ports = proxy.port, target[1]

        def counted(loop: str, names: Iterable[str]) -> dict[str, dict[str, float]]:
            return {name: _per_connect(loop, name, ports, connects, files) for name in names}

        yield Counts(title, counted(BLOCKING, ways.installed(names)), notes)
        if settings.quick:
            return
        for loop in async_ways.LOOPS:
            found = async_ways.connectors(loop, proxy.address, target)
            yield Counts(f"{title}, {loop}", counted(loop, found), notes)
    with (
        folder() as files,
        real_servers.microsocks(files, *USER) as proxy,
        listener() as target,
    ):
        counts = {
            name: _per_connect(BLOCKING, name, (proxy.port, target[1]), connects, files, USER)
            for name in ways.installed(ways.NAMES_WITH_PASSWORD)
            if name not in (ways.FLOOR_AGAIN, ways.OURS_URL)
        }
    yield Counts(f"{title}, with a password", counts, notes)


def _per_connect(
    loop: str,
    name: str,
    ports: tuple[int, int],
    connects: int,
    files: Path,
    user: ways.User | tuple[()] = (),
) -> dict[str, float]:
    output, mark = files / "strace", str(files / "mark")
    strace = [str(real_servers.find("strace")), "-f", "-o", str(output)]
    child = [sys.executable, "-m", between_marks.__name__, loop, name]
    numbers = [str(number) for number in (*ports, connects)]
    ended = subprocess.run(
        [*strace, *child, *numbers, mark, *user],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if ended.returncode:
        reason = (ended.stderr.strip() or "no message").splitlines()[-1]
        raise LeftOutError(f"strace failed with status {ended.returncode}: {reason}")
    _, between, _ = re.split(f".*{re.escape(mark)}.*", output.read_text("utf-8", "replace"))
    calls = Counter(re.findall(r"^\d+ +(\w+)\(", between, re.MULTILINE))
    return {call: count / connects for call, count in calls.items() if call not in MEMORY}
