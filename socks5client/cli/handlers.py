"""Which protocol is spoken by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .urls import UnsupportedScheme

if TYPE_CHECKING:
    from collections.abc import Callable

    from .options import Options
    from .transfer import Transfer
    from .urls import Url

    Handler = Callable[[Transfer], None]


def handler_of(url: Url, options: Options) -> Handler:
    """Raises UnsupportedScheme where --proto does not allow it."""
    allowed(url.scheme, options.proto)
    # Each brings imports that the others do not need.
    if url.scheme in ("http", "https"):
        from .http.fetch import fetch

        return fetch
    raise UnsupportedScheme(f'the protocol "{url.scheme}" is not supported')


def allowed(scheme: str, rules: str | None) -> None:
    """Raises UnsupportedScheme where the rules of --proto or --proto-redir forbid `scheme`."""
