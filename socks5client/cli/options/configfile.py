"""-K: options from a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..body import read_file
from .model import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


def default_config() -> str | None:
    """~/.socks5-curlrc, if there is one."""
    name = os.path.join(os.path.expanduser("~"), ".socks5-curlrc")
    return name if os.path.isfile(name) else None


def read_config(name: str) -> Iterator[str]:
    """The words of a file, as a command line would have them.

    Raises TransferError where it cannot be read, UsageError for what it says.
    """
    for number, line in enumerate(os.fsdecode(read_file(name)).splitlines(), 1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield from _words(stripped, f"{name}:{number}")


def _words(line: str, where: str) -> Iterator[str]:
    raise UsageError(f"{where}: not yet")
