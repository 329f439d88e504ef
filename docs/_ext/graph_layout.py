"""Where the boxes of a layered graph go, and the ways of its arrows: no tool but Python."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    Graph = Mapping[str, set[str]]
    # A box, or the place where an arrow passes a row: (from, to, row).
    Spot = str | tuple[str, str, int]

SWEEPS = 24


def reduced(graph: Graph) -> dict[str, set[str]]:
    """The graph without the arrows that others imply: what a goes to by way of b."""

    def beyond(name: str) -> set[str]:
        return graph[name].union(*(beyond(below) for below in graph[name]))

    return {
        name: {target for target in targets if not any(target in beyond(o) for o in targets)}
        for name, targets in graph.items()
    }


def rows_of(graph: Graph) -> dict[str, int]:
    """A row for each, 0 the lowest: above all that it goes to, and not far below who goes to it."""
    rows: dict[str, int] = {}

    def row(name: str) -> int:
        if name not in rows:
            rows[name] = max((row(target) + 1 for target in graph[name]), default=0)
        return rows[name]

    for name in graph:
        row(name)
    for name in sorted(graph, key=lambda name: -rows[name]):
        above = [rows[other] for other in graph if name in graph[other]]
        if len(above) > len(graph[name]) or (above and not graph[name]):
            rows[name] = min(above) - 1
    return rows


class Layout:
    """Boxes and arrows in rows. `places`: the middle of each spot, in columns; `ways`: its spots
    for each arrow, from above to below.
    """

    def __init__(self, graph: Graph) -> None:
        self.rows = rows_of(graph)
        self.ways: dict[tuple[str, str], list[Spot]] = {}
        for name, targets in sorted(graph.items()):
            for target in sorted(targets):
                between = range(self.rows[name] - 1, self.rows[target], -1)
                passed: list[Spot] = [(name, target, row) for row in between]
                self.ways[name, target] = [name, *passed, target]
        spots = [*sorted(graph), *(s for way in self.ways.values() for s in way[1:-1])]
        height = max(self.rows.values()) + 1
        self.lines: list[list[Spot]] = [[] for _ in range(height)]
        for spot in spots:
            self.lines[self.row(spot)].append(spot)
        self._near: dict[Spot, list[tuple[Spot, bool]]] = {spot: [] for spot in spots}
        for way in self.ways.values():
            for upper, lower in pairwise(way):
                self._near[upper].append((lower, False))
                self._near[lower].append((upper, True))
        self._order()
        self.places = self._placed()

    def row(self, spot: Spot) -> int:
        return self.rows[spot] if isinstance(spot, str) else spot[2]

    def _order(self) -> None:
        """Sorts each row by the middle of its neighbours, from above and from below by turns."""
        best, fewest = [list(line) for line in self.lines], self._crossings()
        for sweep in range(SWEEPS):
            upwards = bool(sweep % 2)
            for line in self.lines if not upwards else reversed(self.lines):
                positions = {spot: n for row in self.lines for n, spot in enumerate(row)}
                line.sort(key=lambda spot: self._middle(spot, positions, upwards))
            if (crossings := self._crossings()) < fewest:
                best, fewest = [list(line) for line in self.lines], crossings
        self.lines = best

    def _middle(self, spot: Spot, positions: Mapping[Spot, float], above: bool) -> float:
        near = [positions[other] for other, is_above in self._near[spot] if is_above is above]
        return sum(near) / len(near) if near else positions[spot]

    def _crossings(self) -> int:
        positions = {spot: n for row in self.lines for n, spot in enumerate(row)}
        count = 0
        for line in self.lines:
            arrows = [
                (positions[spot], positions[other])
                for spot in line
                for other, is_above in self._near[spot]
                if not is_above
            ]
            count += sum(
                (a[0] - b[0]) * (a[1] - b[1]) < 0 for n, a in enumerate(arrows) for b in arrows[:n]
            )
        return count

    def _placed(self) -> dict[Spot, float]:
        """Columns: as near to the neighbours as the order and the widths allow."""
        places = {spot: float(n) for line in self.lines for n, spot in enumerate(line)}
        for _ in range(60):
            for line in self.lines:
                wanted = {
                    spot: sum(places[other] for other, _ in self._near[spot])
                    / max(len(self._near[spot]), 1)
                    if self._near[spot]
                    else places[spot]
                    for spot in line
                }
                places.update(_spread(line, wanted))
        left = min(place - _width(spot) / 2 for spot, place in places.items())
        return {spot: place - left for spot, place in places.items()}


def _width(spot: Spot) -> float:
    return 1.0 if isinstance(spot, str) else 0.3


def _spread(line: list[Spot], wanted: Mapping[Spot, float]) -> dict[Spot, float]:
    """The places nearest to the wanted ones at which nothing overlaps, in the same order."""
    blocks: list[tuple[list[Spot], float]] = []  # spots side by side, and their left edge
    for spot in line:
        blocks.append(([spot], wanted[spot] - _width(spot) / 2))
        while len(blocks) > 1:
            (before, edge), (after, begin) = blocks[-2], blocks[-1]
            width = sum(map(_width, before))
            if edge + width <= begin:
                break
            total = len(before) + len(after)
            merged = (edge * len(before) + (begin - width) * len(after)) / total
            blocks[-2:] = [([*before, *after], merged)]
    places = {}
    for spots, edge in blocks:
        for spot in spots:
            places[spot] = edge + _width(spot) / 2
            edge += _width(spot)
    return places
