"""What the argument of an option can be completed with."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from ..options.help import CATEGORIES
from ..options.kinds import Choice
from ..options.table import TABLE

if TYPE_CHECKING:
    from ..options import Option

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Kind(Enum):
    """A switch has no argument; WORD is one that nobody can guess, AT a file behind an @."""

    SWITCH = "switch"
    WORD = "word"
    FILE = "file"
    FOLDER = "folder"
    AT = "at"
    CHOICE = "choice"


def kind(option: Option) -> Kind:
    if not option.argument:
        return Kind.SWITCH
    if choices(option):
        return Kind.CHOICE
    if option.argument == "DIR":
        return Kind.FOLDER
    if "@FILE" in option.argument:
        return Kind.AT
    return Kind.FILE if "FILE" in option.argument else Kind.WORD


def choices(option: Option) -> tuple[str, ...]:
    """The words that the argument can be."""
    if isinstance(option.store, Choice):
        return option.store.allowed
    if option.long == "help":
        return ("all", "category", *CATEGORIES)
    return _METHODS if option.long == "request" else ()


def words(option: Option) -> list[str]:
    """Its names with their dashes, the short one first."""
    return [*([f"-{option.short}"] if option.short else []), f"--{option.long}"]


def options_of(*kinds: Kind) -> list[Option]:
    return [option for option in TABLE if kind(option) in kinds]
