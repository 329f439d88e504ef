"""What a room says of its library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    # What is to be set, by name, on which class or module.
    Changes: TypeAlias = list[tuple[Any, dict[str, Any]]]
    # What such a one has by a name without us.
    Original: TypeAlias = Callable[[Any, str], Any]
