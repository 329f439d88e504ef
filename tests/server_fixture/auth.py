"""The sub-negotiations, one handler for each method that the server knows.

A handler returns whether the client may go on. That of GSSAPI (RFC 1961) also exchanges
`session.client` for an endpoint that encapsulates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import wire
from .gssapi import gssapi

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from .session import Session


async def no_authentication(session: Session) -> bool:
    return True


async def username_password(session: Session) -> bool:
    """RFC 1929. Without a table of users any credentials will do, as with Tor."""
    exchange = session.exchange
    username, password = await wire.read_credentials(session.read)
    exchange.username, exchange.password = username, password
    session.reached("auth")
    exchange.authenticated = is_right(session.settings.users, username, password)
    await session.send("auth", wire.encode_status(0 if exchange.authenticated else 1))
    if not exchange.authenticated:
        session.blame("credentials refused")
    return exchange.authenticated


def is_right(users: Mapping[str, str] | None, username: bytes, password: bytes) -> bool:
    if users is None:
        return True
    known = users.get(wire.decode_name(username))
    return known is not None and wire.encode_name(known) == password


HANDLERS: dict[int, Callable[[Session], Awaitable[bool]]] = {
    wire.NO_AUTHENTICATION: no_authentication,
    wire.GSSAPI: gssapi,
    wire.USERNAME_PASSWORD: username_password,
}


def select(offered: tuple[int, ...], accepted: tuple[int, ...]) -> int:
    """The method that the server prefers among those offered, or FF."""
    return next((method for method in accepted if method in offered), wire.NO_ACCEPTABLE_METHODS)
