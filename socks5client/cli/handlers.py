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

REDIRECTS = frozenset({"http", "https", "ftp", "ftps"})  # where those may lead, as in curl
SCHEMES = frozenset({"http", "https", "ftp", "ftps", "tftp", "tcp", "udp"})


def handler_of(url: Url, options: Options) -> Handler:
    """Raises UnsupportedScheme where --proto does not allow it."""
    allowed(url.scheme, options.proto)
    # Each brings imports that the others do not need.
    if options.listen:
        from .pipes import listen

        return listen
    if url.scheme in ("http", "https"):
        from .http.fetch import fetch

        return fetch
    if url.scheme in ("ftp", "ftps"):
        from .ftp import ftp

        return ftp
    if url.scheme == "tftp":
        from .tftp import tftp

        return tftp
    if url.scheme in ("tcp", "udp"):
        from .pipes import pipe_tcp, pipe_udp

        return pipe_tcp if url.scheme == "tcp" else pipe_udp
    raise UnsupportedScheme(f'the protocol "{url.scheme}" is not supported')


def allowed(scheme: str, rules: str | None, start: frozenset[str] = SCHEMES) -> None:
    """Raises UnsupportedScheme where the rules of --proto or --proto-redir forbid `scheme`.

    `start` is what they begin with.

    Rules are words, each with +, the default, to allow, - to forbid, or = to allow no other; "all"
    is a word.
    """
    allowed_ones = set(start)
    for rule in (rules or "").split(","):
        word = rule.strip().lower()
        sign, name = (word[0], word[1:]) if word.startswith(("+", "-", "=")) else ("+", word)
        named = set(SCHEMES) if name == "all" else {name}
        if sign == "=":
            allowed_ones = named
        elif sign == "-":
            allowed_ones -= named
        else:
            allowed_ones |= named
    if scheme not in allowed_ones:
        raise UnsupportedScheme(f'the protocol "{scheme}" is not allowed')
