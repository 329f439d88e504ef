"""How the arguments of options are understood and kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .model import DataPart, FormPart, UsageError

if TYPE_CHECKING:
    from .model import Store, Values

_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
_SIZE = re.compile(r"(\d+)(?:\.\d+)?([a-zA-Z]?)", re.ASCII)


def switch(name: str) -> Store:
    """True, and False for the --no- form."""

    def store(values: Values, text: str) -> None:
        values[name] = bool(text)

    return store


def off(name: str) -> Store:
    """False, and True for the form without no-."""

    def store(values: Values, text: str) -> None:
        values[name] = not text

    return store


def constant(name: str, value: object) -> Store:
    """`value`; there is no --no- form."""

    def store(values: Values, text: str) -> None:
        if not text:
            raise UsageError("is unknown in this form")
        values[name] = value

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
    data(newlines=True)(values, text)
    values["json"] = True


def form(*, literal: bool = False) -> Store:
    def store(values: Values, text: str) -> None:
        values["form"] = (*values.get("form", ()), FormPart(text, literal))

    return store


def seconds(name: str) -> Store:
    """A number of seconds, with a fraction; 0: no limit."""

    def store(values: Values, text: str) -> None:
        # Not float() alone: it takes "inf", "nan" and "1_0".
        if not text.replace(".", "", 1).isdigit() or not text.isascii():
            raise UsageError(f"expected a number of seconds, not {text!r}")
        values[name] = float(text) or None

    return store


def number(name: str, least: int = 0) -> Store:
    def store(values: Values, text: str) -> None:
        if not re.fullmatch(r"-?\d+", text, re.ASCII) or int(text) < least:
            raise UsageError(f"expected a number from {least} on, not {text!r}")
        values[name] = int(text)

    return store


def size(name: str) -> Store:
    """A number of bytes, with k, M, G, T or P for powers of 1024; 0: no limit."""

    def store(values: Values, text: str) -> None:
        match = _SIZE.fullmatch(text)
        if match is None or match[2].lower() not in _UNITS:
            raise UsageError(f"expected a number of bytes, like 100k or 2M, not {text!r}")
        values[name] = int(float(text.rstrip(match[2]) or 0) * _UNITS[match[2].lower()]) or None

    return store


def choice(name: str, *allowed: str) -> Store:
    def store(values: Values, text: str) -> None:
        if text.lower() not in allowed:
            raise UsageError(f"expected one of {', '.join(allowed)}, not {text!r}")
        values[name] = text.lower()

    return store


def offset(values: Values, text: str) -> None:
    if text != "-" and not (text.isascii() and text.isdigit()):
        raise UsageError(f"expected an offset in bytes or -, not {text!r}")
    values["resume"] = text
