"""socks5-curl: curl's command line for what is reached through a SOCKS5 proxy."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, NoReturn

from .interrupts import die_of_signals

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_NEEDED = ("httpx", "h2", "rich")


def command() -> NoReturn:
    """The program `socks5-curl`: `main`, in a process of its own."""
    die_of_signals()
    sys.exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command with `argv` (default: the program's own) and returns its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        missing = [name for name in _NEEDED if find_spec(name) is None]
        if missing:
            print(
                f"socks5-curl needs {', '.join(missing)}: pip install 'socks5client[cli]'",
                file=sys.stderr,
            )
            return 2
        from .tool import run_command  # a second of imports that the sentence above needs not

        return run_command(argv)
    except KeyboardInterrupt:
        return 130
