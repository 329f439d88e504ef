"""-w: a format with variables, after the transfer."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from .body import read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ESCAPES = {"\\n": "\n", "\\r": "\r", "\\t": "\t"}
_PIECE = re.compile(r"%%|%\{([^}]*)\}|\\[nrt]|%header\{([^}]*)\}")


def read_format(text: str) -> str:
    """The format, from a file for @file. Raises TransferError."""
    return os.fsdecode(read_file(text[1:])) if text.startswith("@") else text


def expand(
    text: str,
    variables: Mapping[str, str],
    headers: Mapping[str, str],
    warn: Callable[[str], None],
) -> str:
    """`text` with variables, escapes and `%header{name}` replaced.

    An unknown variable becomes nothing, and `warn` is told, as with curl.
    """

    def replacement(match: re.Match[str]) -> str:
        piece = match[0]
        if piece == "%%":
            return "%"
        if piece in _ESCAPES:
            return _ESCAPES[piece]
        if match[2] is not None:
            return headers.get(match[2].lower(), "")
        if match[1] not in variables:
            warn(f"unknown --write-out variable: '{match[1]}'")
            return ""
        return variables[match[1]]

    return _PIECE.sub(replacement, text)
