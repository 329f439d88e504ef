"""The tables of docs/errors.md say what socks5client.errors says."""

from __future__ import annotations

import builtins
import errno
import re

import pytest

from socks5client import errors
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "errors.md").read_text("utf-8")
Row = list[str]


def table(heading: str) -> list[Row]:
    """The cells of the table below a heading, without its first two rows."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def builtin_of(cls: type[Exception]) -> str:
    """The most special builtin that a class is, "" where it is OSError alone."""
    first = next(base for base in cls.__mro__ if base.__module__ == builtins.__name__)
    return "" if first is OSError else first.__name__


CODES = table("The proxy answered: reply codes")
OTHERS = table("The proxy itself")


def classes(rows: list[Row]) -> list[str]:
    return [row[-2].partition(",")[0].strip("`") for row in rows]


def check(cls: type[errors.SocksError], row: Row) -> None:
    *_, said, advice = row
    name, number, *builtin = said.replace("`", "").split(", ")
    assert name == cls.__name__
    assert getattr(errno, number) == cls.default_errno
    assert builtin == [builtin_of(cls)] * bool(builtin_of(cls))
    assert advice.endswith(".")


@pytest.mark.parametrize("row", CODES, ids=lambda row: row[0])
def test_reply_code(row: Row) -> None:
    # 0x09 stands for those that nobody has defined.
    error = errors.reply_error(int(row[0], 16) if row[0] != "other" else 0x09)
    assert error.errno == error.default_errno
    check(type(error), row)


@pytest.mark.parametrize("row", OTHERS, ids=lambda row: row[0])
def test_other_error(row: Row) -> None:
    (name,) = classes([row])
    check(getattr(errors, name), row)


def test_nothing_is_missing() -> None:
    assert [row[0] for row in CODES] == [*(f"{code:#04x}" for code in errors.REPLY_ERRORS), "other"]
    defined = {
        name
        for name, value in vars(errors).items()
        if not name.startswith("_")
        and isinstance(value, type)
        and issubclass(value, errors.SocksError)
    }
    assert defined <= set(re.findall(r"\w+", PAGE))
    assert defined - {*classes(CODES), *classes(OTHERS)} == {
        "SocksError",
        "OnionServiceError",
    }  # bases
