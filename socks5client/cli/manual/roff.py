"""The manual in roff, with the macros of man(7)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .content import SUMMARY, SYNOPSIS, Entry, Example, Heading, Paragraph

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .content import Block, Section

_HEAD = """\
.\\" Made from the table of options by python -m socks5client.cli.manual
.TH SOCKS5-CURL 1 "" socks5client "User commands"
.SH NAME
socks5\\-curl \\- {summary}
.SH SYNOPSIS
.nh
{synopsis}
.hy"""


def render(sections: Iterable[Section]) -> str:
    synopsis = "\n.br\n".join(rf"\fBsocks5\-curl\fP {_plain(line)}" for line in SYNOPSIS)
    lines = [_HEAD.format(summary=_plain(SUMMARY), synopsis=synopsis)]
    for section in sections:
        lines.append(f".SH {_plain(section.title)}")
        after_heading = True
        for block in section.blocks:
            lines += _block(block, after_heading)
            after_heading = isinstance(block, Heading)
    return "\n".join(lines) + "\n"


def _block(block: Block, after_heading: bool) -> Iterator[str]:
    match block:
        case Heading(text):
            yield f".SS {_plain(text)}"
        case Paragraph(text):
            if not after_heading:
                yield ".PP"
            yield from _sentences(text)
        case Entry(term, argument, text):
            yield ".TP"
            names = r"\fR, \fB".join(_plain(name) for name in term.split(", "))
            yield rf"\fB{names}\fR" + (rf" \fI{_plain(argument)}\fR" if argument else "")
            yield from _sentences(text)
        case Example(text, command):
            if not after_heading:
                yield ".PP"
            yield from _sentences(text)
            yield from (".PP", ".RS 4", ".EX", _line(_plain(command)), ".EE", ".RE")


def _sentences(text: str) -> Iterator[str]:
    """A line for each sentence, as roff wants it, in which what is typed is bold."""
    for sentence in re.split(r"(?<=[.:]) (?=[A-Z-])", text):
        parts = sentence.split("`")
        parts[1::2] = [rf"\fB{_plain(part)}\fR" for part in parts[1::2]]
        parts[::2] = [_plain(part) for part in parts[::2]]
        yield _line("".join(parts))


def _line(text: str) -> str:
    """Not a request, whatever it begins with."""
    return rf"\&{text}" if text.startswith((".", "'")) else text


def _plain(text: str) -> str:
    escapes = {"\\": r"\e", "-": r"\-", "~": r"\(ti", "^": r"\(ha", "'": r"\(aq", "`": r"\(ga"}
    return "".join(escapes.get(char, char) for char in text)
