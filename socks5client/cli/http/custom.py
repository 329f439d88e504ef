"""-H, --json and --etag-compare: headers that are added, replaced or removed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..body import read_lines
from ..options import UsageError
from .conditions import etag_line

if TYPE_CHECKING:
    from ..options import Options

_JSON = ("Content-Type: application/json", "Accept: application/json")
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


@dataclass(frozen=True)
class Custom:
    """One -H: `value` None removes the header; `text` is how it is written."""

    name: str
    value: str | None = field(repr=False)
    text: str = field(repr=False)

    @classmethod
    def parse(cls, line: str) -> Custom:
        """ "Name: value", "Name:" or "Name;". Raises UsageError."""
        name, colon, value = line.partition(":")
        value = value.strip(" \t")
        if not colon and line.rstrip(" \t").endswith(";"):
            name, value = line.rstrip(" \t")[:-1], ""
            line = f"{name}:"
        elif not colon:
            raise UsageError("option -H: a header has no colon")
        elif not value:
            return cls(_name(name), None, line)
        if any(char in value for char in "\r\n\0"):
            raise UsageError("option -H: a header has a line end or a NUL")
        return cls(_name(name), value, line)


def custom_headers(options: Options) -> tuple[Custom, ...]:
    """All of them, in order. Raises UsageError, and TransferError for a file."""
    lines: list[str] = []
    for line in options.headers:
        lines += filter(None, read_lines(line[1:])) if line.startswith("@") else [line]
    if options.json:
        names = {line.partition(":")[0].lower() for line in lines}
        lines += [line for line in _JSON if line.partition(":")[0].lower() not in names]
    return tuple(map(Custom.parse, lines + etag_line(options)))


def _name(name: str) -> str:
    if not name or not _TOKEN.issuperset(name):
        raise UsageError("option -H: a header's name is empty or has characters it cannot have")
    return name
