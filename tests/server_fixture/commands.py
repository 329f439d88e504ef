"""The commands, one handler each: CONNECT here, the others in their own modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import wire
from .bind import bind
from .destination import Unreachable, open_connection
from .relay import relay
from .tor import resolve, resolve_ptr
from .udp import udp_associate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .session import Session


async def connect(session: Session, request: wire.Request) -> None:
    settings, exchange = session.settings, session.exchange
    try:
        destination, exchange.target = await open_connection(
            settings.directory, request.host, request.port, settings.connect_timeout
        )
    except Unreachable as exc:
        session.blame(str(exc))
        await session.send("reply", wire.encode_reply(exc.reply_code))
        return
    session.destination = destination
    bound = settings.shown(destination.extra("sockname"))
    await session.send("reply", wire.encode_reply(wire.SUCCEEDED, *bound))
    await session.send("data", b"")
    await relay(session)


async def not_supported(session: Session, request: wire.Request) -> None:
    session.blame(f"command {request.command:#04x} not supported")
    await session.send("reply", wire.encode_reply(wire.COMMAND_NOT_SUPPORTED))


HANDLERS: dict[int, Callable[[Session, wire.Request], Awaitable[None]]] = {
    wire.CONNECT: connect,
    wire.BIND: bind,
    wire.UDP_ASSOCIATE: udp_associate,
    wire.RESOLVE: resolve,
    wire.RESOLVE_PTR: resolve_ptr,
}
