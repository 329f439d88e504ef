"""Samples taken in turns, their medians and ratios, and the table that shows them."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class Sample(NamedTuple):
    """Seconds for one operation: of this process's CPU (user and system), and on the clock."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Quantity:
    """A column: what to make of a sample, and how to call it."""

    label: str
    value: Callable[[Sample], float]
    digits: int = 1


CPU_MICROSECONDS = Quantity("CPU us", lambda sample: sample.cpu * 1e6)
WALL_MICROSECONDS = Quantity("wall us", lambda sample: sample.wall * 1e6)


@dataclass(frozen=True)
class Bar:
    """What is wanted of a contestant: its ratio to the floor, or else its median.

    `quantity` is the index of the column, `limit` the most, or with `at_least` the least.
    """

    limit: float
    quantity: int = 0
    at_least: bool = False
    relative: bool = True

    def verdict(self, value: float, label: str) -> str:
        """Such as "CPU us <= 1.3 x floor: met"."""
        sign, of = (">=" if self.at_least else "<="), (" x floor" if self.relative else "")
        met = "met" if self.is_met(value) else "MISSED"
        return f"{label} {sign} {self.limit:g}{of}: {met}"

    def is_met(self, value: float) -> bool:
        """Whether `value` is on the right side of the bar."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Contestant:
    """`take` does the work once and says what it cost; `floor` is who it is compared with."""

    name: str
    take: Callable[[], Sample]
    floor: str | None = None
    bar: Bar | None = None


@dataclass
class Result:
    """The samples of one contestant, in the order of the rounds."""

    contestant: Contestant
    samples: list[Sample] = field(default_factory=list)

    def values(self, quantity: Quantity) -> list[float]:
        """One value a round."""
        return [quantity.value(sample) for sample in self.samples]

    def ratio(self, floor: Result, quantity: Quantity) -> float:
        """The median of the rounds' own ratios: what slows a whole round cancels out."""
        pairs = zip(self.values(quantity), floor.values(quantity), strict=True)
        return median(own / base for own, base in pairs)


def timed(work: Callable[[], object], operations: int) -> Callable[[], Sample]:
    """Samples of `work`, which does so many operations in a call."""

    def take() -> Sample:
        gc.collect()  # the garbage of whoever came before
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return Sample(cpu / operations, wall / operations)

    return take


def interleave(contestants: Sequence[Contestant], rounds: int) -> list[Result]:
    """One sample of each in every round, another one first each time; a first round is lost."""
    results = [Result(contestant) for contestant in contestants]
    for number in range(-1, rounds):
        first = number % len(results)
        turns = results[first:] + results[:first]
        # Backwards every other time, so that nobody always follows the same one.
        for result in reversed(turns) if number % 2 else turns:
            sample = result.contestant.take()
            if number >= 0:
                result.samples.append(sample)
    return results


@dataclass(frozen=True)
class Table:
    """Measured results, ready to be shown."""

    title: str
    quantities: Sequence[Quantity]
    results: Sequence[Result]
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        head = ["contestant"]
        for quantity in self.quantities:
            head += [quantity.label, "quartiles", "ratio"]
        rows = [[*head, "bar"], *(self._row(result) for result in self.results)]
        return "\n".join([self.title, *layout(rows), *(f"({note})" for note in self.notes)])

    def as_json(self) -> dict[str, Any]:
        """The same, with all samples in seconds of CPU and of wall time."""
        rows = []
        for result in self.results:
            row: dict[str, Any] = {"contestant": result.contestant.name}
            for quantity in self.quantities:
                values = result.values(quantity)
                low, middle, high = quartiles(values)
                row[quantity.label] = {
                    "median": middle,
                    "quartiles": [low, high],
                    "ratio": self._ratio(result, quantity),
                }
            judged = self._judged(result)
            if judged is not None:
                bar, value = judged
                row["bar"] = {"limit": bar.limit, "value": value, "met": bar.is_met(value)}
            row["samples"] = [list(sample) for sample in result.samples]
            rows.append(row)
        return {"title": self.title, "rows": rows, "notes": list(self.notes)}

    def _row(self, result: Result) -> list[str]:
        row = [result.contestant.name]
        for quantity in self.quantities:
            low, middle, high = (
                f"{value:.{quantity.digits}f}" for value in quartiles(result.values(quantity))
            )
            ratio = self._ratio(result, quantity)
            row += [middle, f"{low}-{high}", "" if ratio is None else f"{ratio:.3f}"]
        judged = self._judged(result)
        if judged is None:
            return [*row, ""]
        bar, value = judged
        return [*row, bar.verdict(value, self.quantities[bar.quantity].label)]

    def _ratio(self, result: Result, quantity: Quantity) -> float | None:
        for floor in self.results:
            # A tiny run may find nothing to measure.
            if floor.contestant.name == result.contestant.floor and all(floor.values(quantity)):
                return result.ratio(floor, quantity)
        return None

    def _judged(self, result: Result) -> tuple[Bar, float] | None:
        """The bar, and the value to hold against it."""
        bar = result.contestant.bar
        if bar is None:
            return None
        quantity = self.quantities[bar.quantity]
        value = self._ratio(result, quantity) if bar.relative else None
        return bar, median(result.values(quantity)) if value is None else value


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """The lower quartile, the median and the upper quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return low, middle, high


def layout(rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines with aligned columns: the first and the last to the left, figures to the right."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        first, *figures, last = (
            cell.ljust(width) if place in (0, len(widths) - 1) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join((first, *figures, last)).rstrip())
    return lines
