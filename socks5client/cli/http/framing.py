"""--ignore-content-length: the body ends with the connection, whatever its head says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_INTERIM = re.compile(rb"HTTP/1\.[01] 1\d\d")
_LENGTH = re.compile(rb"^content-length:", re.IGNORECASE | re.MULTILINE)
_LONGEST = 1 << 20
HIDDEN = b"x-ignored-content-length"


def without_length(data: bytes, more: Callable[[], bytes]) -> bytes:
    """The beginning of an answer, up to the end of its head at least, for h11 to read on.

    `data` is what has come of it, `more` waits for what follows.
    """
    passed = b""
    while True:
        while b"\r\n\r\n" not in data and len(data) < _LONGEST:
            piece = more()
            if not piece:
                return passed + data
            data += piece
        head, end, rest = data.partition(b"\r\n\r\n")
        if not _INTERIM.match(head):
            return passed + _LENGTH.sub(HIDDEN + b":", head) + end + rest
        passed, data = passed + head + end, rest
