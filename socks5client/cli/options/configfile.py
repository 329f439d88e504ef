"""-K: options from a file, by curl's rules.

One option a line, with or without its dashes, then its argument behind spaces; behind = or : too
where the option has no dashes. An argument with spaces stands in double quotes, in which \\\\, \\",
\\t, \\n, \\r and \\v are escapes. Unlike curl, what is wrong with a line is an error: a proxy that
is misspelt must not be forgotten.

The default file is not ~/.curlrc: that one may hold options which this command does not have, and a
curl of old would not know ours.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from ..body import read_file
from .model import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_NAME = ".socks5-curlrc"
_SPACES = " \t\n\v\f\r"
_GAP = re.compile(f"[{_SPACES}]+")  # no other character is a space here
_COMMENTS = ("#", "/", "*")
_LINE = re.compile(r"(?P<option>-[^ \t\v\f\r]*|[^ \t\v\f\r=:]*)(?P<rest>.*)", re.DOTALL)
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "v": "\v"}


class Line(NamedTuple):
    """A line that says something; `where` is its place, for messages."""

    where: str
    option: str  # as a word of a command line
    argument: str | None


def default_config() -> str | None:
    """The file in the home folder, if there is one."""
    name = os.path.join(os.path.expanduser("~"), DEFAULT_NAME)
    return name if os.path.isfile(name) else None


def read_config(name: str) -> Iterator[Line]:
    """The lines of a file, or of stdin for "-".

    Raises TransferError where it cannot be read, UsageError for what cannot be understood.
    """
    shown = "stdin" if name == "-" else name
    text = os.fsdecode(read_file(name).removeprefix(b"\xef\xbb\xbf"))
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip(_SPACES)
        if line and not line.startswith(_COMMENTS):
            yield _parse(line, f"{shown}:{number}")


def _parse(line: str, where: str) -> Line:
    match = _LINE.fullmatch(line)
    assert match is not None  # it matches anything
    option, rest = match["option"], match["rest"]
    if option.startswith("-"):
        rest = rest.lstrip(_SPACES)
    else:
        option, rest = f"--{option}", rest.lstrip(f"{_SPACES}=:")
    return Line(where, option, _argument(rest, where) if rest else None)


def _argument(text: str, where: str) -> str:
    if text.startswith('"'):
        return _unquote(text[1:], where)
    word, *more = _GAP.split(text, maxsplit=1)
    if more and not more[0].startswith("#"):
        raise UsageError(f"{where}: an argument with spaces has to stand in double quotes")
    return word


def _unquote(text: str, where: str) -> str:
    found, escaped = "", False
    for place, char in enumerate(text):
        if escaped:
            found += _ESCAPES.get(char, char)
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == '"':
            rest = text[place + 1 :].lstrip(_SPACES)
            if rest and not rest.startswith("#"):
                raise UsageError(f"{where}: something follows the closing quotes")
            return found
        else:
            found += char
    raise UsageError(f"{where}: the quotes are not closed")
