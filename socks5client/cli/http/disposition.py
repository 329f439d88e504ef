"""Content-Disposition: the file name that an answer says, for -J (RFC 6266, as curl reads it)."""

from __future__ import annotations

import re

_FILENAME = re.compile(r"(?:^|;)[^A-Za-z;]*filename=(.*)", re.DOTALL)


def file_name(value: str) -> str | None:
    """The last part of the path that the header's `value` names, never a folder's.

    None: it names none; "": it is empty.
    """
    match = _FILENAME.search(value)
    if match is None:
        return None
    text = match[1].strip(" \t")
    quoted = text[:1] in ('"', "'")
    name = text[1:].partition(text[0])[0] if quoted else text.partition(";")[0]
    for separator in "/\\":
        _, found, name = name.rpartition(separator)
        if found and not name:
            return None
    return "".join(char for char in name if char.isprintable())
