"""What the documentation shows: the results as JSON, and a picture of each table, as SVG.

A picture takes its colours from the page that it stands in; by itself it is legible on a light and
on a dark ground alike.
"""

from __future__ import annotations

import json
import os
import platform
import re
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RESULTS = "results.json"
COMMAND = "python -m benchmarks"

LINE, BAR, CHARACTER, WIDTH, GAP = 26, 16, 7.3, 900, 10
# A middle tone, where no page says otherwise.
TEXT = "#7d7d7d"
COLOURS = {"ours": "#2a8f9a", "others": "#b8864b", "floor": "#8c8c8c"}

RATIO = "ratio to the floor"


def write(report: Mapping[str, Any], folder: Path) -> None:
    """Writes the results and the pictures into `folder`, which need not exist.

    `report` has the tables of each benchmark, as `Table.as_json` makes them, or the reason why it
    was left out. Those that it lacks stay as they were written before.
    """
    folder.mkdir(parents=True, exist_ok=True)
    results = folder / RESULTS
    known: dict[str, Any] = json.loads(results.read_text()) if results.exists() else {}
    for name, tables in report.items():
        if isinstance(tables, str):
            known[name] = {"made": made(name), "tables": tables}
            continue
        known[name] = {"made": made(name), "tables": [without_samples(table) for table in tables]}
        for place, table in enumerate(tables):
            (folder / f"{slug(name)}-{place}.svg").write_text(picture(table))
    results.write_text(json.dumps(known, indent=1) + "\n")


def without_samples(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table as the documentation needs it; `--json` has the samples."""
    if "rows" not in table:
        return dict(table)
    rows = [{key: row[key] for key in row if key != "samples"} for row in table["rows"]]
    return {**table, "rows": rows}


def made(name: str) -> dict[str, Any]:
    """By what, when and on what the results of a benchmark were made."""
    return {
        "command": f'{COMMAND} --only "{name}"' if " " in name else f"{COMMAND} --only {name}",
        "date": datetime.now(UTC).date().isoformat(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
    }


def slug(name: str) -> str:
    """A benchmark's name as a part of a file's."""
    return re.sub(r"\W+", "-", name)


def bars(table: Mapping[str, Any]) -> tuple[str, list[tuple[str, float]]]:
    """What the bars of a table mean, and one (label, length) for each contestant.

    Of CPU time, where that was measured: the ratio to the floor, or else the median.
    """
    if "calls" in table:
        return "system calls", [(name, sum(c.values())) for name, c in table["calls"].items()]
    rows, columns = table["rows"], quantities(table)
    quantity = next((name for name in columns if "CPU" in name), columns[0])
    meaning = f"{quantity} (more is better)" if quantity.startswith("MB/s") else quantity
    ratios = [(row["contestant"], row[quantity]["ratio"]) for row in rows]
    compared = [(name, ratio) for name, ratio in ratios if ratio is not None]
    if compared:
        return f"{meaning}, {RATIO}", compared
    return meaning, [(row["contestant"], row[quantity]["median"]) for row in rows]


def quantities(table: Mapping[str, Any]) -> list[str]:
    """The columns of a table, but the bar that was set."""
    columns = table["rows"][0].items()
    return [name for name, value in columns if isinstance(value, dict) and "median" in value]


def kind(contestant: str) -> str:
    """Whether what is measured is this package ("ours"), another one, or what both stand on."""
    floors = (
        r"floor|plain|bare|by hand|import socket itself|(\w+|asyncio streams),? ?direct\b|direct"
    )
    if re.match(floors, contestant):
        return "floor"
    others = "PySocks|python-socks|httpx's own|(httpx|aiohttp)-socks|curl|import (python_)?socks\\b"
    return "others" if re.match(others, contestant) else "ours"


def number(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def picture(table: Mapping[str, Any]) -> str:
    """Horizontal bars; a line stands at 1 where they are ratios."""
    meaning, contestants = bars(table)
    is_ratio = meaning.endswith(RATIO)
    label = max(len(name) for name, _ in contestants) * CHARACTER + GAP
    most = max([value for _, value in contestants] + [1.0] * is_ratio + [0.0])
    scale = (WIDTH - label - 9 * CHARACTER) / most if most else 0.0
    height = LINE * (len(contestants) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" color="{TEXT}"'
        f' font-family="monospace" font-size="12" role="img"'
        f' aria-label="{escape(table["title"])}">',
        f'<text x="{label:.1f}" y="{BAR}" fill="currentColor">{escape(meaning)}</text>',
    ]
    for place, (name, value) in enumerate(contestants, 1):
        y, length, whose = place * LINE, max(value, 0) * scale, kind(name)
        middle = y + BAR - 4
        parts += [
            f'<text x="{label - GAP:.1f}" y="{middle}" text-anchor="end" fill="currentColor">'
            f"{escape(name)}</text>",
            f'<rect class="{whose}" x="{label:.1f}" y="{y}" width="{max(length, 1):.1f}"'
            f' height="{BAR}" rx="2" fill="{COLOURS[whose]}"/>',
            f'<text x="{label + length + 6:.1f}" y="{middle}" fill="currentColor">'
            f"{f'{value:.2f}x' if is_ratio else number(value)}</text>",
        ]
    if is_ratio:
        x = label + scale
        parts.append(
            f'<path class="floor" d="M{x:.1f} {LINE - 4}V{height - 4}" stroke="currentColor"'
            ' stroke-dasharray="4 3"/>'
        )
    return "\n".join([*parts, "</svg>\n"])
