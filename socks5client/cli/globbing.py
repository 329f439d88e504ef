"""{a,b} and [1-9] in URLs and names of uploads, as curl expands them; #1 in -o."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

from .urls import MalformedUrl, is_ipv6_literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NUMBERS = re.compile(r"(\d+)-(\d+)(?::(\d+))?", re.ASCII)
_LETTERS = re.compile(r"([A-Za-z])-([A-Za-z])(?::(\d+))?")
_PLACE = re.compile(r"#(\d+)", re.ASCII)
_MOST_URLS = 1_000_000


def expand(pattern: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each text that `pattern` stands for, and what its globs are there.

    Raises MalformedUrl where a brace or a range is not one.
    """
    pieces, globs = _parse(pattern)
    total = 1
    for values in globs:
        total *= len(values)
    if total > _MOST_URLS:
        raise MalformedUrl(f"the URL stands for more than {_MOST_URLS} URLs")
    for chosen in product(*globs):
        # The last piece has nothing behind it.
        yield "".join(a + b for a, b in zip(pieces, (*chosen, ""), strict=True)), chosen


def fill_in(name: str, chosen: Sequence[str]) -> str:
    """The name of a file, #1 and so on replaced by what the globs are."""

    def replacement(match: re.Match[str]) -> str:
        place = int(match[1])
        return chosen[place - 1] if 0 < place <= len(chosen) else match[0]

    return _PLACE.sub(replacement, name)


def _parse(pattern: str) -> tuple[list[str], list[Sequence[str]]]:
    """The text around the globs, and what each of them may be."""
    pieces, globs, text, position = [], [], "", 0
    while position < len(pattern):
        char = pattern[position]
        if char == "\\" and pattern[position + 1 : position + 2] in ("{", "}", "[", "]"):
            text += pattern[position + 1]
            position += 2
            continue
        if char in "{[":
            end = _end(pattern, position)
            inside = pattern[position + 1 : end]
            if char == "[" and (is_ipv6_literal(inside) or not inside):
                text += pattern[position : end + 1]
            else:
                pieces.append(text)
                globs.append(_set(inside) if char == "{" else _range(inside))
                text = ""
            position = end + 1
            continue
        if char in "}]":
            raise MalformedUrl(f"the URL has a {char} without its beginning at {position}")
        text += char
        position += 1
    pieces.append(text)
    return pieces, globs


def _end(pattern: str, start: int) -> int:
    closing = "}" if pattern[start] == "{" else "]"
    end = pattern.find(closing, start)
    if end < 0:
        raise MalformedUrl(f"the URL has a {pattern[start]} without its end at {start}")
    return end


def _set(inside: str) -> list[str]:
    if not inside:
        raise MalformedUrl("the URL has an empty {}")
    if "{" in inside or "[" in inside:
        raise MalformedUrl("the URL has globs inside globs")
    return inside.split(",")


def _range(inside: str) -> Sequence[str]:
    if match := _NUMBERS.fullmatch(inside):
        width = len(match[1]) if match[1].startswith("0") else 1
        first, last, step = int(match[1]), int(match[2]), int(match[3] or 1)
        if first <= last and step > 0 and (last - first) // step < _MOST_URLS:
            return [f"{number:0{width}}" for number in range(first, last + 1, step)]
    elif match := _LETTERS.fullmatch(inside):
        first, last, step = ord(match[1]), ord(match[2]), int(match[3] or 1)
        if first <= last and step > 0:
            return [chr(code) for code in range(first, last + 1, step)]
    raise MalformedUrl("the URL has a bad range in []")
