"""Locks that an interrupt leaves held by nobody."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType


def acquire(lock: LockType, seconds: float | None, held: list[bool]) -> bool:
    """Waits for `lock`, for `seconds` at the most; whether it has been acquired.

    `held` has that, too, and at once: KeyboardInterrupt may come in place of what a function
    returns. So the caller releases it where `held` says True, in a `finally` around this call.
    """
    held.extend(map(lock.acquire, (True,), (-1 if seconds is None else seconds,)))
    return held[-1]
