"""How findings are shown: a table on a terminal, lines elsewhere, or JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from ..interrupts import restoring
from ..output import write_text
from .findings import QUESTIONS, Finding, Report, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

_COLOURS = {
    Verdict.YES: "green",
    Verdict.NO: "red",
    Verdict.UNCLEAR: "yellow",
    Verdict.UNTESTED: "dim",
}
_LABELS = max(map(len, QUESTIONS.values()))
_VERDICTS = max(len(verdict.value) for verdict in Verdict)
_SECONDS = 10


def show(findings: Iterable[Finding], report: Report, *, as_json: bool) -> None:
    """Each finding as soon as it comes, but JSON in the end. Raises TransferError."""
    if as_json:
        for _ in findings:
            pass
        write_text(json.dumps(report.as_json(), indent=2) + "\n")
    elif sys.stdout is not None and sys.stdout.isatty():
        _show_table(findings, report)
    else:
        write_text(f"{_title(report)}\n")
        for finding in findings:
            write_text(_line(finding) + "\n")


def _line(finding: Finding) -> str:
    return (
        f"{finding.label:{_LABELS}}  {finding.verdict.value:{_VERDICTS}}  "
        f"{_duration(finding):>{_SECONDS}}  {_detail(finding)}"
    ).rstrip()


def _show_table(findings: Iterable[Finding], report: Report) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False)
    table = _table(report)
    with (
        Live(table, console=console, auto_refresh=False, vertical_overflow="visible") as live,
        restoring(live.stop),
    ):
        for finding in findings:
            _add(table, finding)
            live.refresh()
        table.caption = None


def _table(report: Report) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(_title(report)), title_justify="left", title_style="bold")
    table.caption, table.caption_justify = "asking ...", "left"
    table.box = box.SIMPLE_HEAD
    table.add_column("What", no_wrap=True)
    table.add_column("Answer", no_wrap=True)
    table.add_column("Time", justify="right", no_wrap=True)
    table.add_column("Details", overflow="fold")
    return table


def _add(table: Table, finding: Finding) -> None:
    from rich.text import Text

    colour = _COLOURS[finding.verdict]
    table.add_row(
        Text(finding.label),
        Text(finding.verdict.value, style=colour),
        Text(_duration(finding), style="cyan"),
        Text(_detail(finding), style="dim" if finding.verdict is Verdict.UNTESTED else ""),
    )


def _title(report: Report) -> str:
    *before, last = report.proxies
    return f"{last} through {', '.join(before)}" if before else last


def _duration(finding: Finding) -> str:
    return "" if finding.seconds is None else f"{finding.seconds * 1000:.1f} ms"


def _detail(finding: Finding) -> str:
    """In one line; what a proxy says must not drive the terminal."""
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in finding.detail
    )
