"""How the arguments of options are understood and kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .model import DataPart, FormPart, UsageError

if TYPE_CHECKING:
    from .model import Store, Values

_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
_SIZE = re.compile(r"(?P<whole>\d{1,18})(?P<fraction>\.\d+)?(?P<unit>[a-zA-Z]?)", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)
_SECONDS = re.compile(r"\d+\.?\d*|\.\d+", re.ASCII)
_MOST_SECONDS = 2_000_000.0  # sockets take no more than 24 days


def switch(name: str) -> Store:
    """True, and False for the --no- form."""

    def store(values: Values, text: str) -> None:
        values[name] = bool(text)

    return store


def switches(*names: str) -> Store:
    """Several at once."""

    def store(values: Values, text: str) -> None:
        values.update(dict.fromkeys(names, bool(text)))

    return store


def off(name: str) -> Store:
    """False, and True for the form without no-."""

    def store(values: Values, text: str) -> None:
        values[name] = not text

    return store


def constant(name: str, value: object, *, undone: bool = False) -> Store:
    """`value`. `undone`: there is a --no- form, which restores the default."""

    def store(values: Values, text: str) -> None:
        if text:
            values[name] = value
        elif undone:
            values.pop(name, None)
        else:
            raise UsageError("has no such form")

    return store


def text(name: str, prefix: str = "") -> Store:
    def store(values: Values, text: str) -> None:
        values[name] = prefix + text

    return store


def append(name: str) -> Store:
    def store(values: Values, text: str) -> None:
        values[name] = (*values.get(name, ()), text)

    return store


def remote_name(values: Values, text: str) -> None:
    values["outputs"] = (*values.get("outputs", ()), None if text else "-")


def data(
    name: str = "data", *, files: bool = True, newlines: bool = False, encodes: bool = False
) -> Store:
    def store(values: Values, text: str) -> None:
        values[name] = (*values.get(name, ()), DataPart(text, files, newlines, encodes))

    return store


def json(values: Values, text: str) -> None:
    part = DataPart(text, reads_files=True, keeps_newlines=True, joins=True)
    values["data"] = (*values.get("data", ()), part)
    values["json"] = True


def form(*, literal: bool = False) -> Store:
    def store(values: Values, text: str) -> None:
        values["form"] = (*values.get("form", ()), FormPart(text, literal))

    return store


def seconds(name: str) -> Store:
    """A number of seconds, with a fraction; 0: no limit."""

    def store(values: Values, text: str) -> None:
        # Not float() alone: it takes "inf", "nan" and "1_0".
        if not _SECONDS.fullmatch(text):
            raise UsageError("expected a number of seconds")
        values[name] = min(float(text), _MOST_SECONDS) or None

    return store


def number(name: str, least: int = 0) -> Store:
    def store(values: Values, text: str) -> None:
        if not _NUMBER.fullmatch(text) or int(text) < least:
            raise UsageError(f"expected a number from {least} on")
        values[name] = int(text)

    return store


def size(name: str) -> Store:
    """A number of bytes, with k, M, G, T or P for powers of 1024; 0: no limit."""

    def store(values: Values, text: str) -> None:
        match = _SIZE.fullmatch(text)
        unit = match and _UNITS.get(match["unit"].lower())
        if match is None or unit is None:
            raise UsageError("expected a number of bytes, like 100k or 2M")
        value = int(match["whole"]) * unit + int(float(match["fraction"] or 0) * unit)
        values[name] = value or None

    return store


@dataclass(frozen=True)
class Choice:
    """One of a few words, in whatever case: a `Store` that can tell which."""

    name: str
    allowed: tuple[str, ...]

    def __call__(self, values: Values, text: str) -> None:
        if text.lower() not in self.allowed:
            raise UsageError(f"expected one of {', '.join(self.allowed)}")
        values[self.name] = text.lower()


def choice(name: str, *allowed: str) -> Choice:
    return Choice(name, allowed)


def offset(values: Values, text: str) -> None:
    if text != "-" and not re.fullmatch(r"\d{1,18}", text, re.ASCII):
        raise UsageError("expected an offset in bytes, or -")
    values["resume"] = text
