"""The conformance table names what exists: in the package, and among the tests."""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "conformance.md"
HEAD = ["Clause", "What is done", "Where", "Shown by"]

# What has clauses; the other sections are references, acknowledgments and addresses.
SECTIONS = {
    "RFC 1928": ["1", "2", "3", "4", "5", "6", "7", "8"],
    "RFC 1929": ["1", "2", "3"],
    "RFC 1961": [
        *("1", "2", "3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7", "3.8"),
        *("4.1", "4.2", "4.3", "4.4", "5", "6", "9"),
    ],
}


class Row(NamedTuple):
    rfc: str
    section: str
    clause: str
    done: str
    where: list[str]
    shown_by: list[str]


def rows_of(text: str) -> list[Row]:
    """The rows of all tables; an error where one has another shape."""
    rfc = section = ""
    rows = []
    for line in text.splitlines():
        if line.startswith("## "):
            rfc, section = line.removeprefix("## "), ""
        elif line.startswith("### "):
            section = line.removeprefix("### ").split()[0].rstrip(".")
        elif line.startswith("|") and not line.startswith("|---"):
            clause, done, *lists = [cell.strip() for cell in line.strip("|").split(" | ")]
            assert len(lists) == 2, line
            if [clause, done, *lists] != HEAD:
                rows.append(Row(rfc, section, clause, done, *map(listed, lists)))
    return rows


def listed(cell: str) -> list[str]:
    """What a cell names, in backticks and with commas; `-` for nothing."""
    if cell == "-":
        return []
    assert re.fullmatch(r"`[^`]+`(, `[^`]+`)*", cell), cell
    return re.findall(r"`([^`]+)`", cell)


ROWS = rows_of(PAGE.read_text())


def test_every_section_has_a_table() -> None:
    found: dict[str, list[str]] = {}
    for row in ROWS:
        sections = found.setdefault(row.rfc, [])
        if row.section not in sections:
            sections.append(row.section)
    assert found == SECTIONS


def test_every_clause_says_what_is_done() -> None:
    for row in ROWS:
        assert row.clause
        assert row.done
        assert bool(row.where) == bool(row.shown_by), row
        assert row.where or row.done.startswith("not ours"), row


def resolve(name: str) -> object:
    """What a name of the third column is. Raises AttributeError, or ImportError."""
    parts = (name if name.startswith("tests.") else f"socks5client.{name}").split(".")
    for length in range(len(parts), 0, -1):
        module = ".".join(parts[:length])
        try:
            found = import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module and not module.startswith(f"{error.name}."):
                raise
        else:
            return attrgetter(".".join(parts[length:]))(found)
    raise ImportError(name)


@pytest.mark.parametrize("name", sorted({name for row in ROWS for name in row.where}))
def test_where(name: str) -> None:
    resolve(name)


@cache
def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


@pytest.mark.parametrize("name", sorted({name for row in ROWS for name in row.shown_by}))
def test_shown_by(name: str) -> None:
    path, separator, function = name.partition("::")
    assert separator
    assert function.startswith("test_")
    assert function in functions(ROOT / path)


def test_differences_are_told_in_front() -> None:
    """As many as there are rows that say so, in their sections."""
    front = PAGE.read_text().partition("## Where it differs")[2].partition("\n## ")[0]
    told = sorted(re.findall(r"^- (RFC \d+) ([\d.]+) ", front, re.MULTILINE))
    marked = sorted((row.rfc, row.section) for row in ROWS if "**differs**" in row.done)
    assert marked
    assert told == marked


@pytest.mark.parametrize(
    "name",
    [
        "protocol.messages.Nothing",
        "protocol.nothing.Request",
        "protocol.messages.Request.nothing",
        "nothing",
    ],
)
def test_a_name_that_does_not_exist_is_found(name: str) -> None:
    with pytest.raises((AttributeError, ImportError)):
        resolve(name)


def test_rows() -> None:
    text = (
        "## RFC 1\n### 2.1. Two\n| Clause | What is done | Where | Shown by |\n|---|---|---|---|\n"
    )
    row = '| "a" | b | `c`, `d` | `e` |'
    assert rows_of(text + row) == [Row("RFC 1", "2.1", '"a"', "b", ["c", "d"], ["e"])]
    assert rows_of(text + '| "a" | b | - | - |') == [Row("RFC 1", "2.1", '"a"', "b", [], [])]
    for bad in ("| a | b | `c` |", "| a | b | c | `d` |", "| a | b | `c` `d` | `e` |"):
        with pytest.raises(AssertionError):
            rows_of(text + bad)
