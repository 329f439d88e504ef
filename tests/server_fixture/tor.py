"""Tor's extensions: RESOLVE says a name's address, RESOLVE_PTR an address's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import wire
from .destination import Unreachable

if TYPE_CHECKING:
    from .session import Session


async def resolve(session: Session, request: wire.Request) -> None:
    """As Tor it tells one address, and of a name that has none that the host is unreachable."""
    try:
        (host, _), *_ = await session.settings.directory.look_up(request.host, request.port)
    except (Unreachable, OSError) as exc:
        await _unknown(session, str(exc))
        return
    await session.send("reply", wire.encode_reply(wire.SUCCEEDED, host))


async def resolve_ptr(session: Session, request: wire.Request) -> None:
    name = session.settings.directory.name_of(request.host)
    if name is None:
        await _unknown(session, f"{request.host!r} has no name")
        return
    await session.send("reply", wire.encode_reply(wire.SUCCEEDED, name))


async def _unknown(session: Session, why: str) -> None:
    session.blame(why)
    await session.send("reply", wire.encode_reply(wire.HOST_UNREACHABLE))
