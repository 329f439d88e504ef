"""The threat model: each attacker has promises, each promise a test that exists."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from typing import NamedTuple

import pytest

from tests.docs.test_conformance import ROOT, functions, listed

PAGE = ROOT / "docs" / "security.md"
ATTACKERS = ["Hostile proxy", "Hostile network", "Hostile peer", "Hostile configuration"]


class Promise(NamedTuple):
    attacker: str
    attempt: str
    promised: str
    shown_by: list[str]


def promises_of(text: str) -> list[Promise]:
    """The rows of all tables; an error where one has another shape, or no test."""
    attacker = ""
    promises = []
    for line in text.splitlines():
        if line.startswith("## "):
            attacker = line.removeprefix("## ")
        elif line.startswith("|") and not line.startswith(("|---", "| What")):
            attempt, promised, tests = (cell.strip() for cell in line.strip("|").split(" | "))
            assert listed(tests), line
            promises.append(Promise(attacker, attempt, promised, listed(tests)))
    return promises


TEXT = PAGE.read_text()
PROMISES = promises_of(TEXT)


def test_every_attacker_has_promises_and_what_is_not_promised() -> None:
    assert list(dict.fromkeys(promise.attacker for promise in PROMISES)) == ATTACKERS
    for attacker in ATTACKERS:
        section = TEXT.partition(f"## {attacker}\n")[2].partition("\n## ")[0]
        assert re.search(r"^Not promised:\n\n- ", section, re.MULTILINE), attacker


@pytest.mark.parametrize("name", sorted({name for one in PROMISES for name in one.shown_by}))
def test_shown_by(name: str) -> None:
    path, separator, function = name.partition("::")
    assert separator
    assert function.startswith("test_")
    assert function in functions(ROOT / path)


def test_no_promise_is_made_twice() -> None:
    for column in ("attempt", "promised"):
        said = [(one.attacker, getattr(one, column)) for one in PROMISES]
        assert len(set(said)) == len(said)


def test_rows() -> None:
    row = "## A\n| What | What is promised | Shown by |\n|---|---|---|\n| a | b | `c::d` |\n"
    assert promises_of(row) == [Promise("A", "a", "b", ["c::d"])]
    for bad in ("| a | b |", "| a | b | - |", "| a | b | c |"):
        with pytest.raises((AssertionError, ValueError)):
            promises_of(bad)


def test_the_oldest_versions_that_are_tested_are_those_that_are_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = dict(
        re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "tests" / "lowest.txt").read_text(), re.MULTILINE)
    )
    allowed: dict[str, set[str]] = {}
    for requirement in chain.from_iterable(project["optional-dependencies"].values()):
        name, _, least = re.sub(r"\[.*?\]", "", requirement).partition(">=")
        if name != project["name"]:
            allowed.setdefault(name, set()).add(least)
    assert set(pins) == set(allowed)
    for name, (least, *others) in allowed.items():
        assert not others, f"{name} has several minima"
        assert f"{pins[name]}.".startswith(f"{least}."), f"{name}>={least}, but {pins[name]}"
