"""The reference server with a fault in one of a hundred connections: `python -m benchmarks.faulty`.

Says its port, and ends with its standard input.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection
from typing import TYPE_CHECKING

from tests.server_fixture import CATALOGUE, Fault, Server, close, drip, reset, stall, truncate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.server_fixture import Action
    from tests.server_fixture.faults import Stage

ONE_IN = 100


class Some(Collection[int]):
    """The indexes of connections with `remainder` by `divisor`, mixed so that no rhythm shows."""

    def __init__(self, divisor: int, remainder: int) -> None:
        self._divisor, self._remainder = divisor, remainder

    def __contains__(self, index: object) -> bool:
        assert isinstance(index, int)
        return (index * 2654435761 >> 7) % self._divisor == self._remainder

    def __len__(self) -> int:
        return 1 << 62

    def __iter__(self) -> Iterator[int]:
        return (index for index in range(1 << 62) if index in self)


def faults() -> list[Fault]:
    """Every kind in turn; each hits one connection of ONE_IN times their number."""
    kinds: list[tuple[Stage, Action]] = [
        *(("method", action) for action in _actions()),
        *(("reply", action) for action in _actions()),
        *((fault.stage, fault.action) for name in _NAMES for fault in (CATALOGUE[name],)),
    ]
    divisor = ONE_IN * len(kinds)
    return [
        Fault(stage, action, connections=Some(divisor, ONE_IN * number))
        for number, (stage, action) in enumerate(kinds)
    ]


_NAMES = ("no-acceptable", "wrong-version-reply", "garbage-method", "reply-code-1", "reply-code-5")


def _actions() -> list[Action]:
    return [close(), reset(), stall(), drip(0.05), truncate(1)]


def main() -> None:
    with Server(names={"origin.test": "127.0.0.1"}, faults=faults()) as server:
        print(server.port, flush=True)
        threading.Event().wait() if sys.stdin is None else sys.stdin.read()


if __name__ == "__main__":
    main()
