"""The commands, one handler each. BIND and UDP ASSOCIATE are still refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import wire
from .destination import Unreachable, open_connection
from .endpoint import join

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
    bound = settings.bound or destination.extra("sockname")
    await session.send("reply", wire.encode_reply(wire.SUCCEEDED, bound[0], bound[1]))
    await session.send("data", b"")
    await relay(session)


async def relay(session: Session) -> None:
    """Until both connections are closed."""
    client, destination, exchange = session.client, session.destination, session.exchange
    assert destination is not None

    def up(data: bytes) -> None:
        exchange.bytes_up += len(data)
        destination.write(data)
        session.changed()

    def down(data: bytes) -> None:
        exchange.bytes_down += len(data)
        client.write(data)
        session.changed()

    session.reached("data")
    join(client, destination, up=up, down=down)
    await client.closed
    await destination.closed
    failure = client.failure or destination.failure
    if failure is not None:
        session.blame(f"relay: {failure}")


async def not_supported(session: Session, request: wire.Request) -> None:
    session.blame(f"command {request.command:#04x} not supported")
    await session.send("reply", wire.encode_reply(wire.COMMAND_NOT_SUPPORTED))


HANDLERS: dict[int, Callable[[Session, wire.Request], Awaitable[None]]] = {
    wire.CONNECT: connect,
}
