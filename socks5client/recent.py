"""Where this thread or task last connected to: whom a BIND expects, unless it is told."""

from __future__ import annotations

from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from .protocol import Address
    from .route import Chain

    Destinations: TypeAlias = tuple[tuple[Chain, Address], ...]

# One destination for each route, the latest first. A context belongs to one thread or task.
recent: ContextVar[Destinations] = ContextVar("socks5client.recent", default=())
_MOST = 8


def note_destination(chain: Chain, target: Address) -> None:
    """A CONNECT to `target` through `chain` has succeeded."""
    known = recent.get()
    if known and known[0] == (chain, target):  # as a rule
        return
    if known and known[0][0] == chain:
        known = known[1:]
    elif known:
        known = tuple([pair for pair in known if pair[0] != chain][: _MOST - 1])
    recent.set(((chain, target), *known))


def last_destination(chain: Chain) -> Address | None:
    """The destination of the last CONNECT through `chain` by this thread or task, or None."""
    for route, target in recent.get():
        if route == chain:
            return target
    return None
