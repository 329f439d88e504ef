"""`pytest --matrix`: every scenario with every driver, and how many cases of it passed.

A failure shows as "3!1": three passed, one failed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.drivers import BIND_DRIVERS, DRIVERS, UDP_DRIVERS

if TYPE_CHECKING:
    import pytest

FAMILIES = {"connect": DRIVERS, "bind": BIND_DRIVERS, "open_udp": UDP_DRIVERS}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--matrix", action="store_true", help="show scenarios by drivers")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Notes which driver a test has, for its report."""
    for fixture, drivers in FAMILIES.items():
        driver = getattr(item, "callspec", None) and item.callspec.params.get(fixture)
        if driver is not None:
            name = next(name for name, known in drivers.items() if known is driver)
            scenario = f"{item.path.stem.removeprefix('test_')}.{item.originalname}"
            item.user_properties.append(("matrix", (fixture, scenario, name)))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if not config.getoption("--matrix"):
        return
    counts: Counter[tuple[str, str, str, bool]] = Counter()
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.getreports(outcome):
            for key, value in report.user_properties:
                if key == "matrix" and (report.when == "call" or outcome != "passed"):
                    counts[(*value, outcome == "passed")] += 1
    for family, drivers in FAMILIES.items():
        scenarios = sorted({scenario for fixture, scenario, *_ in counts if fixture == family})
        if scenarios:
            terminalreporter.section(family)
            for line in table(family, scenarios, list(drivers), counts):
                terminalreporter.write_line(line)


def table(
    family: str,
    scenarios: list[str],
    drivers: list[str],
    counts: Counter[tuple[str, str, str, bool]],
) -> list[str]:
    rows = [["", *drivers]]
    for scenario in scenarios:
        row = [scenario]
        for driver in drivers:
            passed = counts[(family, scenario, driver, True)]
            failed = counts[(family, scenario, driver, False)]
            row.append(f"{passed}!{failed}" if failed else str(passed or "-"))
        rows.append(row)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
