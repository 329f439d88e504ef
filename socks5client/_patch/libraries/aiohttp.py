"""aiohttp asks c-ares for names where aiodns is installed, and that asks name servers directly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..shim import Shim
    from .changes import Changes, Original


def changes(module: Any, shim: Shim, original_of: Original) -> Changes:
    """For `aiohttp.connector`: names by the module `socket`, as without aiodns."""
    from aiohttp.resolver import ThreadedResolver

    return [(module, {"DefaultResolver": ThreadedResolver})]
