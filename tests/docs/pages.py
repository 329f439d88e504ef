"""The fenced blocks of a Markdown page, and what is said of each where readers do not see it.

A comment before a block says what is expected of it, in YAML: `<!-- check requests: 2 -->`.
A block of `text` right behind one that runs is what that prints.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]

OPENING = re.compile(r"( *)(`{3,}|~{3,}) *(.*)")
CHECK = re.compile(r" *<!-- check\b(.*)", re.DOTALL)
# Directives that hold code, which is then out of sight of this module.
CODE_DIRECTIVES = {"{code}", "{code-block}", "{code-cell}", "{sourcecode}", "{doctest}"}


@dataclass
class Block:
    """A fenced block: its language ("" for none), its text, and what is expected."""

    page: str
    line: int
    language: str
    text: str
    check: dict[str, Any] = field(default_factory=dict)
    output: str | None = None

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """README.md, and all below docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page, in order, without those that are another one's output."""
    return parse(page.read_text("utf-8"), page.relative_to(ROOT).as_posix())


def parse(text: str, page: str, first_line: int = 1) -> list[Block]:
    """The blocks of Markdown, those within directives too.

    Raises ValueError for a block or comment without an end, a comment without a block, and code
    in a directive.
    """
    found: list[Block] = []
    check: dict[str, Any] = {}
    adjacent = False  # nothing but blank lines since the last block
    lines = enumerate(text.splitlines(), first_line)
    for number, line in lines:
        if comment := CHECK.match(line):
            said = comment[1]
            while "-->" not in said:
                said += "\n" + _next(lines, f"{page}:{number}: the comment has no end")
            check = yaml.safe_load(said.partition("-->")[0]) or {}
        elif opening := OPENING.fullmatch(line):
            indent, fence, info = opening.groups()
            body = []
            while not re.fullmatch(
                rf" *{fence[0]}{{{len(fence)},}} *",
                inside := _next(lines, f"{page}:{number}: the block has no end"),
            ):
                body.append(inside[len(indent) :] if inside.strip() else "")
            content = "".join(f"{inside}\n" for inside in body)
            language = info.partition(" ")[0]
            if language in CODE_DIRECTIVES:
                raise ValueError(f"{page}:{number}: use a plain fence, not {language}")
            if language.startswith("{"):
                found += parse(content, page, number + 1)
                adjacent = False
            elif language == "text" and adjacent and not check:
                found[-1].output = content
                adjacent = False
            else:
                found.append(Block(page, number, language, content, check))
                adjacent, check = language in ("python", "sh"), {}
        elif line.strip():
            adjacent = False
            if check:
                raise ValueError(f"{page}:{number}: a check, but no block follows")
    if check:
        raise ValueError(f"{page}: a check at the end, without a block")
    return found


def _next(lines: Any, otherwise: str) -> str:
    for _, line in lines:
        return str(line)
    raise ValueError(otherwise)
