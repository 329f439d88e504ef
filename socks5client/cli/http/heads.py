"""The heads of an answer as they came: 1xx ones too, and each with its own spaces and line ends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import httpx

_END = re.compile(rb"\n\r?\n")
_CONTINUES = re.compile(rb"\r?\n[ \t]+")  # obsolete folding, RFC 9112 section 5.2


class Head(NamedTuple):
    """`raw` with the empty line at its end; `headers` with their spaces, but for the first."""

    raw: bytes
    line: str
    headers: list[tuple[bytes, bytes]]

    @classmethod
    def of(cls, raw: bytes) -> Head:
        line, *lines = _CONTINUES.sub(b" ", raw).splitlines()
        pairs = (each.partition(b":") for each in lines if each)
        headers = [(name, value.removeprefix(b" ")) for name, _, value in pairs]
        return cls(raw, line.decode("latin-1"), headers)


def read_heads(received: bytes) -> tuple[list[Head], bytes]:
    """The heads at the start of what an HTTP/1 server sent, the last one final; what follows."""
    heads: list[Head] = []
    start = 0
    while match := _END.search(received, start):
        heads.append(Head.of(received[start : match.end()]))
        start = match.end()
        if not _is_interim(heads[-1].line):
            break
    return heads, received[start:]


def written(response: httpx.Response) -> Head:
    """The head of an HTTP/2 answer, as curl writes it down."""
    reason = response.extensions.get("reason_phrase", b"").decode("latin-1")
    line = f"{response.extensions['http_version'].decode()} {response.status_code} {reason}"
    headers = response.headers.raw
    lines = [line.encode("latin-1"), *(name + b": " + value for name, value in headers), b"", b""]
    return Head(b"\r\n".join(lines), line, headers)


def _is_interim(line: str) -> bool:
    status = line.partition(" ")[2][:3]
    return status.startswith("1") and status != "101"
