"""curl's options that are not here, and why: for the message and for the manual."""

from __future__ import annotations

from typing import NamedTuple


class Missing(NamedTuple):
    """`never`: it has no meaning for a tool that speaks SOCKS5."""

    why: str
    never: bool


UNSUPPORTED: dict[str, Missing] = {}
