"""The manual as plain text."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING

from .content import SUMMARY, SYNOPSIS, Entry, Example, Heading, Paragraph

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .content import Block, Section

_WIDEST = 100
_NARROWEST = 40
_INDENT = " " * 7


def render(sections: Iterable[Section], width: int | None = None) -> str:
    if width is None:
        width = shutil.get_terminal_size().columns
    width = max(_NARROWEST, min(width, _WIDEST))
    lines = ["NAME", *_wrap(f"socks5-curl - {SUMMARY}", width, _INDENT), "", "SYNOPSIS"]
    lines += [f"{_INDENT}socks5-curl {line}" for line in SYNOPSIS]
    for section in sections:
        lines += ["", section.title]
        for number, block in enumerate(section.blocks):
            if number and not isinstance(section.blocks[number - 1], Heading):
                lines.append("")
            lines += _block(block, width)
    return "\n".join(lines)


def _block(block: Block, width: int) -> Iterator[str]:
    match block:
        case Heading(text):
            yield f"   {text}"
        case Paragraph(text):
            yield from _wrap(text, width, _INDENT)
        case Entry(term, argument, text):
            yield f"{_INDENT}{term} {argument}".rstrip()
            yield from _wrap(text, width, _INDENT * 2)
        case Example(text, command):
            yield from _wrap(text, width, _INDENT)
            yield ""
            yield f"{_INDENT}    {command}"


def _wrap(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(
        text.replace("`", ""),
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
