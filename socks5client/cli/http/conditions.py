"""-z and --etag-compare: only if it has changed; -r: only a part of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING

from ..body import read_file
from ..dates import parse_date
from ..exitcodes import Exit, TransferError
from ..output import write_text
from ..verbose import to_stderr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..options import Options

_HEADERS = {"+": "If-Modified-Since", "-": "If-Unmodified-Since", "=": "Last-Modified"}


@dataclass(frozen=True)
class TimeCondition:
    """-z: `kind` is +, - or =, as in front of the date; `when`: seconds since 1970."""

    kind: str
    when: int

    @classmethod
    def of(cls, options: Options) -> TimeCondition | None:
        """None, after a warning, where it is neither a date nor a file, as with curl."""
        text = options.time_cond
        if text is None:
            return None
        kind = text[0] if text[:1] in _HEADERS else "+"
        text = text.removeprefix(kind)
        when = parse_date(text)
        if when is None:
            try:
                when = int(os.stat(text).st_mtime)
            except (OSError, ValueError):
                if not options.silent:
                    to_stderr("socks5-curl: -z is neither a date nor a file: there is no condition")
                return None
        return cls(kind, when)

    @property
    def header(self) -> tuple[str, str]:
        return _HEADERS[self.kind], formatdate(self.when, usegmt=True)

    def unmet(self, last_modified: str) -> bool:
        """Whether a 200 is to be taken for a 304: not all servers mind the header."""
        modified = parse_date(last_modified) or 0
        if not modified or not self.when:
            return False
        return modified >= self.when if self.kind == "-" else modified <= self.when


def range_of(options: Options) -> str | None:
    """What -r says, with the dash that it may lack."""
    text = options.range
    if text is not None and text[:1].isdigit() and "-" not in text:
        return f"{int(text)}-" if text.isdigit() else text
    return text


def etag_line(options: Options) -> list[str]:
    """--etag-compare as a line for -H. Raises TransferError where there is no file at all."""
    name = options.etag_compare
    if name is None:
        return []
    try:
        etag = read_file(name).translate(None, b"\r\n")
    except TransferError:
        if options.etag_save is None:
            raise
        etag = b""  # the first time
    return [f"If-None-Match: {os.fsdecode(etag) or chr(34) * 2}"]


def save_etag(options: Options, headers: Iterable[tuple[bytes, bytes]]) -> None:
    """--etag-save: the ETag of an answer, if it has one, else the file stays as it is.

    Raises TransferError.
    """
    name = options.etag_save
    etags = [value for key, value in headers if key.lower() == b"etag"]
    if name is None or not etags:
        return
    text = b"".join(etag + b"\n" for etag in etags)
    if name == "-":
        write_text(os.fsdecode(text))
        return
    try:
        with open(name, "wb") as file:
            file.write(text)
    except OSError as error:
        raise TransferError(
            Exit.WRITE_FAILED, f"cannot write {name}: {error.strerror or error}"
        ) from None
