"""`pytest --matrix`: every scenario with every driver, and how many cases of it passed.

Of the fault matrix also the stages by faults. A failure shows as "3!1": three passed, one failed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.drivers import BIND_DRIVERS, DRIVERS, UDP_DRIVERS
from tests.fault_matrix.rows import FAULTS, STAGES, Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    # Section, row, column, and whether it passed.
    Counts = Counter[tuple[str, str, str, bool]]

FAMILIES: dict[str, Mapping[str, object]] = {
    "connect": DRIVERS,
    "bind": BIND_DRIVERS,
    "open_udp": UDP_DRIVERS,
}
STAGES_BY_FAULTS = "stages by faults"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--matrix", action="store_true", help="show scenarios by drivers")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Notes which driver, and which fault, a test has, for its report."""
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return
    params = item.callspec.params
    for fixture, drivers in FAMILIES.items():
        driver = params.get(fixture)
        if driver is not None:
            name = next(name for name, known in drivers.items() if known is driver)
            scenario = f"{item.path.stem.removeprefix('test_')}.{item.originalname}"
            if item.path.parent.name == "fault_matrix":
                scenario = f"fault_matrix.{scenario}"
            item.user_properties.append(("matrix", (fixture, scenario, name)))
    row = params.get("row")
    if isinstance(row, Row):
        item.user_properties.append(("matrix", (STAGES_BY_FAULTS, row.stage, row.fault)))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if not config.getoption("--matrix"):
        return
    counts: Counts = Counter()
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.getreports(outcome):
            for key, value in report.user_properties:
                if key == "matrix" and (report.when == "call" or outcome != "passed"):
                    counts[(*value, outcome == "passed")] += 1
    columns: dict[str, Sequence[str]] = {family: [*known] for family, known in FAMILIES.items()}
    columns[STAGES_BY_FAULTS] = FAULTS
    for section, names in columns.items():
        rows: list[str] = sorted({row for name, row, *_ in counts if name == section})
        if section == STAGES_BY_FAULTS:
            rows = [stage for stage in STAGES if stage in rows]
        if rows:
            terminalreporter.section(section)
            for line in table(section, rows, names, counts):
                terminalreporter.write_line(line)


def table(section: str, rows: Sequence[str], columns: Sequence[str], counts: Counts) -> list[str]:
    lines = [["", *columns]]
    for row in rows:
        line = [row]
        for column in columns:
            passed = counts[(section, row, column, True)]
            failed = counts[(section, row, column, False)]
            line.append(f"{passed}!{failed}" if failed else str(passed or "-"))
        lines.append(line)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    ]
