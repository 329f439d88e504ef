"""-w: a format with variables, after the transfer."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from .. import __version__
from .body import read_file
from .output import write_text
from .verbose import to_stderr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .outcome import Outcome

    Value = str | int | float | None

_ESCAPES = {"\\n": "\n", "\\r": "\r", "\\t": "\t"}
_PIECE = re.compile(r"%%|%\{([^}]*)\}|\\[nrt]|%header\{([^}]*)\}")
_MOMENTS = (
    *("appconnect", "connect", "namelookup", "pretransfer", "redirect", "starttransfer", "total"),
)
_USER_INFO = re.compile(r"(?<=//)[^/?#\s]*@|^[^/?#\s]*@")


def read_format(text: str) -> str:
    """The format, from a file for @file. Raises TransferError."""
    return os.fsdecode(read_file(text[1:])) if text.startswith("@") else text


def write_out(text: str, outcome: Outcome, warn: Callable[[str], None]) -> None:
    """`text`, expanded, to stdout, and what follows %{stderr} to stderr. Raises TransferError."""
    for to_stdout, part in _parts(text, outcome, warn):
        if to_stdout:
            write_text(part)
        else:
            to_stderr(part, end="")


def expand(text: str, outcome: Outcome, warn: Callable[[str], None]) -> str:
    """`text` with variables, escapes and `%header{name}` replaced, wherever it goes.

    An unknown variable becomes nothing, and `warn` is told, as with curl.
    """
    return "".join(part for _, part in _parts(text, outcome, warn))


def _parts(text: str, outcome: Outcome, warn: Callable[[str], None]) -> Iterator[tuple[bool, str]]:
    """What stands between the variables that say where it goes; True for stdout."""
    variables = variables_of(outcome)
    to_stdout, part, position = True, "", 0
    for match in _PIECE.finditer(text):
        part += text[position : match.start()]
        position = match.end()
        name = match[1]
        if name == "onerror":
            if outcome.error is None:
                break
        elif name in ("stdout", "stderr"):
            yield to_stdout, part
            to_stdout, part = name == "stdout", ""
        else:
            part += _replacement(match, outcome, variables, warn)
    else:
        part += text[position:]
    yield to_stdout, part


def _replacement(
    match: re.Match[str],
    outcome: Outcome,
    variables: dict[str, Value],
    warn: Callable[[str], None],
) -> str:
    piece, name, header = match[0], match[1], match[2]
    if piece == "%%":
        return "%"
    if piece in _ESCAPES:
        return _ESCAPES[piece]
    if header is not None:
        found = [value for key, value in outcome.headers if key.lower() == header.lower()]
        return found[0] if found else ""
    if name == "json":
        return _json(variables)
    if name == "header_json":
        return _header_json(outcome)
    if name not in variables:
        warn(f"unknown --write-out variable: '{name}'")
        return ""
    return _as_text(name, variables[name])


def variables_of(outcome: Outcome) -> dict[str, Value]:
    """The variables, each with curl's meaning, in the order of its JSON; None: there is none."""
    total = outcome.times.get("total", 0.0)
    return {
        "certs": "".join(outcome.certificates),
        "content_type": outcome.content_type or None,
        "errormsg": None if outcome.error is None else str(outcome.error),
        "exitcode": int(outcome.code),
        "filename_effective": outcome.file_name or None,
        "ftp_entry_path": outcome.ftp_entry_path or None,
        "http_code": outcome.status,
        "http_connect": 0,
        "http_version": outcome.http_version,
        "local_ip": outcome.local[0],
        "local_port": outcome.local[1],
        "method": outcome.method,
        "num_certs": len(outcome.certificates),
        "num_connects": outcome.connections,
        "num_headers": len(outcome.headers),
        "num_redirects": outcome.redirects,
        "proxy_ssl_verify_result": outcome.proxy_verify_result,
        "redirect_url": outcome.redirect_url or None,
        "referer": outcome.referer or None,
        "remote_ip": outcome.remote[0],
        "remote_port": outcome.remote[1],
        "response_code": outcome.status,
        "scheme": outcome.scheme.upper() or None,
        "size_download": outcome.size_download,
        "size_header": outcome.size_header,
        "size_request": outcome.size_request,
        "size_upload": outcome.size_upload,
        "speed_download": int(outcome.size_download / total) if total else 0,
        "speed_upload": int(outcome.size_upload / total) if total else 0,
        "ssl_verify_result": outcome.verify_result,
        **{f"time_{moment}": outcome.times.get(moment, 0.0) for moment in _MOMENTS},
        "url": _USER_INFO.sub("", outcome.given_url, count=1),
        "url_effective": outcome.url or None,
        "urlnum": outcome.number,
    }


def _as_text(name: str, value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6f}"
    if name in ("http_code", "response_code", "http_connect"):
        return f"{value:03}"
    return str(value)


def _json(variables: dict[str, Value]) -> str:
    words = [f'"{name}":{_json_value(value)}' for name, value in variables.items()]
    words.append(f'"curl_version":{_json_text(f"socks5-curl {__version__}")}')
    return "{" + ",".join(words) + "}"


def _json_value(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.6f}"
    return _json_text(value) if isinstance(value, str) else json.dumps(value)


def _json_text(text: str) -> str:
    """As UTF-8, like curl; what is none of it would be no JSON."""
    return json.dumps(
        text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), ensure_ascii=False
    )


def _header_json(outcome: Outcome) -> str:
    values: dict[str, list[str]] = {}
    for name, value in outcome.headers:
        values.setdefault(name.lower(), []).append(_json_text(value))
    lines = [f"{_json_text(name)}:[{','.join(found)}]" for name, found in values.items()]
    return "{" + ",\n".join(lines) + "\n}"
