"""-w: a format with variables, after the transfer."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from .body import read_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from .outcome import Outcome

_ESCAPES = {"\\n": "\n", "\\r": "\r", "\\t": "\t"}
_PIECE = re.compile(r"%%|%\{([^}]*)\}|\\[nrt]|%header\{([^}]*)\}")


def read_format(text: str) -> str:
    """The format, from a file for @file. Raises TransferError."""
    return os.fsdecode(read_file(text[1:])) if text.startswith("@") else text


def expand(
    text: str,
    outcome: Outcome,
    warn: Callable[[str], None],
) -> str:
    """`text` with variables, escapes and `%header{name}` replaced.

    An unknown variable becomes nothing, and `warn` is told, as with curl.
    """

    variables = variables_of(outcome)
    headers = {name.lower(): value for name, value in reversed(outcome.headers)}

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


def variables_of(outcome: Outcome) -> dict[str, str]:
    """The variables, each with curl's meaning; time_connect is when the tunnel stands."""
    total = outcome.times.get("total", 0.0)
    moments = ("connect", "appconnect", "pretransfer", "starttransfer", "total")
    return {
        "http_code": f"{outcome.status:03}",
        "response_code": f"{outcome.status:03}",
        "http_version": outcome.http_version,
        "size_download": str(outcome.size_download),
        "size_upload": str(outcome.size_upload),
        "size_header": str(outcome.size_header),
        "speed_download": str(int(outcome.size_download / total) if total else 0),
        "speed_upload": str(int(outcome.size_upload / total) if total else 0),
        "url_effective": outcome.url,
        "num_redirects": str(outcome.redirects),
        "num_connects": str(outcome.connections),
        "redirect_url": outcome.redirect_url,
        "content_type": outcome.content_type,
        "scheme": outcome.scheme.upper(),
        "method": outcome.method,
        "filename_effective": outcome.file_name,
        "exitcode": str(int(outcome.code)),
        "errormsg": "" if outcome.error is None else str(outcome.error),
        **{f"time_{moment}": f"{outcome.times.get(moment, 0.0):.6f}" for moment in moments},
    }
