"""Two connections become one: what CONNECT, and BIND after its second reply, come down to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .endpoint import join

if TYPE_CHECKING:
    from .session import Session


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
