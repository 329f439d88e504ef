"""--help: the usual options, all of them, or a category."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING

from .table import GROUPS, TABLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .model import Option

# curl's categories that cut across the groups.
ACROSS: dict[str, tuple[str, tuple[str, ...]]] = {
    "dns": (
        "Who looks names up, and how",
        ("dns", "nameserver", "ipv4", "ipv6", "resolve", "socks5", "socks5-hostname"),
    ),
    "upload": (
        "What is sent, by whatever protocol",
        (
            "append",
            "crlf",
            "data",
            "data-ascii",
            "data-binary",
            "data-raw",
            "data-urlencode",
            "form",
            "form-escape",
            "form-string",
            "ftp-create-dirs",
            "get",
            "json",
            "upload-file",
            "url-query",
        ),
    ),
}
CATEGORIES: dict[str, str] = {
    name: title
    for name, (title, _) in sorted({**GROUPS, **ACROSS}.items(), key=lambda item: item[0])
}

_USAGE = "Usage: socks5-curl [options...] URL..."
_AFTER_USUAL = """\
These are the usual options. --help CATEGORY shows those of a category, --help category lists the
categories, --help all shows all options, --manual the manual. Most of curl's options mean here
what they mean to curl."""
_INDENT = " " * 4
_WIDEST_NAME = 34


def help_text(category: str, width: int | None = None) -> str:
    """What --help prints: for "" the usual options, else for "all", "category", or a category.

    `width` is that of the terminal, in columns; default: what it is.
    """
    if width is None:
        width = shutil.get_terminal_size().columns
    category = category.lower()
    if category == "category":
        return "\n".join([_USAGE, *_categories()])
    if category == "all":
        return "\n".join([_USAGE, *_rows(sorted(TABLE, key=lambda option: option.long), width)])
    if category == "":
        usual = (option for option in TABLE if option.usual)
        return "\n".join([_USAGE, *_rows(usual, width), "", _fill(_AFTER_USUAL, width)])
    if category in CATEGORIES:
        rows = _rows(options_of(category), width)
        return "\n".join([_USAGE, f"{category}: {CATEGORIES[category]}", *rows])
    return "\n".join([_USAGE, "There is no such category. The categories:", "", *_categories()])


def options_of(category: str) -> list[Option]:
    """The options of a category, by name."""
    named = ACROSS[category][1] if category in ACROSS else ()
    found = (option for option in TABLE if option.group == category or option.long in named)
    return sorted(found, key=lambda option: option.long)


def written(option: Option) -> str:
    """How an option is written: both its names, and its argument."""
    short = f"-{option.short}, " if option.short else _INDENT
    return f"{short}--{option.long} {option.argument}".rstrip()


def _categories() -> list[str]:
    return [f" {name:<11} {title}" for name, title in CATEGORIES.items()]


def _rows(options: Iterable[Option], width: int) -> list[str]:
    rows = [(written(option), option.help) for option in options]
    column = min(max(len(name) for name, _ in rows), _WIDEST_NAME) + 3
    lines: list[str] = []
    for name, text in rows:
        first = f" {name}"
        if len(first) >= column:
            lines.append(first)
            first = ""
        wrapped = textwrap.wrap(text, max(width - column, 20))
        lines.append(f"{first:<{column}}{wrapped[0]}")
        lines += [" " * column + more for more in wrapped[1:]]
    return lines


def _fill(text: str, width: int) -> str:
    return textwrap.fill(" ".join(text.split()), max(min(width, 100), 20))
