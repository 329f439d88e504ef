"""--waterfall: the time line of a transfer, after it."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from .verbose import printable, to_stderr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from .outcome import Outcome

# What ends with each step, and the colour of its bar.
_STEPS = {
    "namelookup": ("preparation, names", "bright_black"),
    "connect": ("TCP to the server", "blue"),
    "TlsEstablished": ("TLS with the proxy", "green"),
    "MethodSelection": ("method selection", "magenta"),
    "Authenticated": ("authentication", "magenta"),
    "Reply": ("request and reply", "magenta"),
    "appconnect": ("TLS with the server", "green"),
    "pretransfer": ("ready to transfer", "bright_black"),
    "starttransfer": ("waiting for the first byte", "yellow"),
    "total": ("transfer", "cyan"),
}
_TCP_TO_PROXY = "TCP to the proxy"
_NEGOTIATION = ("TlsEstablished", "MethodSelection", "Authenticated", "Reply")
# What is sent to the proxy takes no time of its own: it begins what follows.
_BEGINNINGS = ("Connected", "MethodOffer", "Request", "tunnel")
# These are no step of their own where they take no time.
_FLEETING = {"Authenticated": 1e-4, "pretransfer": 1e-3}
_FIRST = "namelookup"
_LEAST_BAR = 20
_USER_INFO = re.compile(r"//[^/?#\s]*@")


class Row(NamedTuple):
    """A step; `start` and `end` in seconds since the transfer began."""

    name: str
    label: str
    colour: str
    start: float
    end: float


def show(outcome: Outcome) -> None:
    """On stderr, if anybody reads it."""
    if sys.stderr is None:
        return
    from rich.console import Console  # only where it is asked for

    console = Console(file=sys.stderr)
    with console.capture() as captured:  # rich exits where nobody reads
        render(outcome, console)
    to_stderr(captured.get().rstrip("\n"))


def render(outcome: Outcome, console: Console) -> None:
    """A title and a line for each step, their bars on a common axis as wide as the console.

    The axis begins with the first connection: what is before it is, for the most part, Python.
    """
    from rich.text import Text

    found = list(rows(outcome))
    total = max([row.end for row in found], default=0.0)
    before = found[:1] if found and found[0].name == _FIRST else []
    origin = before[0].end if before else 0.0
    scale = 1 / ((total - origin) or 1)
    labels = max([len(row.label) for row in found], default=0)
    room = max(console.width - labels - 17, _LEAST_BAR)
    mark = "█" if console.is_terminal and console.encoding.startswith("utf") else "#"
    console.print(Text(_title(outcome, total), "bold"), soft_wrap=True)
    for row in found:
        line = Text(f"  {row.label:<{labels}}  {_time(row.end - row.start):>9}")
        if row not in before:
            start, end = (int((at - origin) * scale * room) for at in (row.start, row.end))
            start = min(start, room - 1)
            line.append(" " * (2 + start))
            line.append(mark * max(end - start, 1), row.colour)
        console.print(line, soft_wrap=True)


def rows(outcome: Outcome) -> Iterator[Row]:
    """The steps that took time, in order; each begins where the one before it ended."""
    names = [name for name, _ in outcome.steps]
    start, hop, served = 0.0, 1, False
    for place, (name, end) in enumerate(outcome.steps):
        if name == "connect":
            hop, served = 1, False
        elif name in ("TlsEstablished", "MethodOffer") and served:  # the next proxy of a chain
            hop, served = hop + 1, False
        elif name == "Reply":
            served = True
        if name in _BEGINNINGS or end - start < _FLEETING.get(name, 0.0):
            continue
        label, colour = _STEPS.get(name, (name, "white"))
        if name == "connect" and "Connected" in names[place + 1 : place + 2]:
            label = _TCP_TO_PROXY
        if name == "total" and outcome.error is not None:
            label, colour = "failed", "red"
        elif hop > 1 and name in _NEGOTIATION:
            label += f", proxy {hop}"
        yield Row(name, label, colour, start, end)
        start = end


def _title(outcome: Outcome, total: float) -> str:
    said = f"{outcome.status}" if outcome.status else ""
    if outcome.error is not None:
        said += f" exit {outcome.code:d}"
    parts = (outcome.method, _USER_INFO.sub("//", outcome.url), said, _time(total))
    return printable(" ".join(" ".join(parts).split()))


def _time(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds:.2f} s"
