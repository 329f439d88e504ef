"""{a,b} and [1-9] in URLs and names of uploads, as curl expands them; #1 in -o."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .urls import MalformedUrl, is_ipv6_literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NUMBERS = re.compile(r"(\d+)-[ \t]*(\d+)(?::(\d+))?", re.ASCII)
_LETTERS = re.compile(r"([A-Za-z])-([A-Za-z])(?::(\d+))?", re.ASCII)
_PLACE = re.compile(r"#(\d+)", re.ASCII)
_MOST = 2**64 - 1  # what curl can count
_MOST_PIECES = 100
_MOST_LETTERS = 25


@dataclass(frozen=True)
class _Range:
    """Numbers, or letters by their codes (`width` 0), written one by one: there may be billions."""

    values: range
    width: int

    def __iter__(self) -> Iterator[str]:
        for value in self.values:
            yield f"{value:0{self.width}}" if self.width else chr(value)

    @property
    def count(self) -> int:
        """As len(), which ends at sys.maxsize."""
        return (self.values[-1] - self.values[0]) // self.values.step + 1


if TYPE_CHECKING:
    Glob = list[str] | _Range


def expand(pattern: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each text that `pattern` stands for, and what its globs are there.

    Raises MalformedUrl where a brace or a range is not one.
    """
    pieces, globs = _parse(pattern)
    for chosen in _choices(globs):
        # The last piece has nothing behind it.
        yield "".join(a + b for a, b in zip(pieces, (*chosen, ""), strict=True)), chosen


def fill_in(name: str, chosen: Sequence[str]) -> str:
    """The name of a file, #1 and so on replaced by what the globs are."""

    def replacement(match: re.Match[str]) -> str:
        place = int(match[1])
        return chosen[place - 1] if 0 < place <= len(chosen) else match[0]

    return _PLACE.sub(replacement, name)


def _choices(globs: Sequence[Glob]) -> Iterator[tuple[str, ...]]:
    """As itertools.product, which would write down all of a range first."""
    if not globs:
        yield ()
        return
    for first in globs[0]:
        for rest in _choices(globs[1:]):
            yield first, *rest


def _parse(pattern: str) -> tuple[list[str], list[Glob]]:
    """The text around the globs, and what each of them may be."""
    pieces: list[str] = []
    globs: list[Glob] = []
    text, position, total = "", 0, 1
    while position < len(pattern):
        char = pattern[position]
        if char == "\\" and pattern[position + 1 : position + 2] in ("{", "}", "[", "]"):
            text += pattern[position + 1]
            position += 2
            continue
        if char == "[":
            end = pattern.find("]", position)
            inside = pattern[position + 1 : end]
            if end > 0 and (is_ipv6_literal(inside) or not inside):
                text += pattern[position : end + 1]
                position = end + 1
                continue
        if char in "{[":
            glob, position = (_set if char == "{" else _range)(pattern, position + 1)
            pieces.append(text)
            globs.append(glob)
            text = ""
            total *= glob.count if isinstance(glob, _Range) else len(glob)
            if total > _MOST or len(globs) > _MOST_PIECES:
                raise MalformedUrl("the URL stands for too many URLs")
            continue
        if char in "}]":
            raise MalformedUrl(f"the URL has a {char} without its beginning at {position + 1}")
        text += char
        position += 1
    pieces.append(text)
    return pieces, globs


def _set(pattern: str, start: int) -> tuple[list[str], int]:
    """What stands between braces, from `start` on, and where the rest begins."""
    choices, position = [""], start
    while position < len(pattern):
        char = pattern[position]
        if char == "}":
            if position == start:
                raise MalformedUrl(f"the URL has an empty {{}} at {start}")
            return choices, position + 1
        if char in "{[":
            raise MalformedUrl(f"the URL has globs inside globs at {position + 1}")
        if char == "]":
            raise MalformedUrl(f"the URL has a ] without its beginning at {position + 1}")
        if char == ",":
            choices.append("")
        else:
            if char == "\\" and position + 1 < len(pattern):
                position += 1
            choices[-1] += pattern[position]
        position += 1
    raise MalformedUrl(f"the URL has a {{ without its end at {start}")


def _range(pattern: str, start: int) -> tuple[_Range, int]:
    """What stands between brackets, from `start` on, and where the rest begins."""
    end = pattern.find("]", start)
    inside = pattern[start:end] if end > 0 else ""
    if match := _NUMBERS.fullmatch(inside):
        first, last = int(match[1]), int(match[2])
        most, width = _MOST, len(match[1]) if match[1].startswith("0") else 1
    elif match := _LETTERS.fullmatch(inside):
        first, last = ord(match[1]), ord(match[2])
        most, width = first + _MOST_LETTERS, 0
    else:
        raise MalformedUrl(f"the URL has a bad range in [] at {start}")
    step = int(match[3] or 1)
    # A step must not lead past the end at once; a range of one goes only by 1.
    if not (first <= last <= most and 1 <= step <= max(last - first, 1)):
        raise MalformedUrl(f"the URL has a bad range in [] at {start}")
    return _Range(range(first, last + 1, step), width), end + 1
