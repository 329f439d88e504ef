"""BIND: a listener for one peer, and two replies (RFC 1928, sections 4 and 6)."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from . import wire
from .destination import Unreachable, expected_hosts
from .endpoint import Endpoint, HungUp
from .relay import relay

if TYPE_CHECKING:
    from collections.abc import Collection

    from .session import Session


async def bind(session: Session, request: wire.Request) -> None:
    settings, exchange = session.settings, session.exchange
    try:
        expected = (
            await expected_hosts(settings.directory, request) if settings.check_peer else None
        )
    except Unreachable as exc:
        session.blame(str(exc))
        await session.send("reply", wire.encode_reply(exc.reply_code))
        return
    with listen(session.local_host) as listener:
        exchange.rendezvous = listener.getsockname()[:2]
        session.changed()  # before the reply: a test may send the peer while the reply is held
        rendezvous = Rendezvous(session, listener, expected)
        first = wire.encode_reply(wire.SUCCEEDED, *settings.shown(exchange.rendezvous))
        await session.send("reply", first, following=rendezvous.second_reply)
        if rendezvous.reply is None:
            await session.send("second-reply", await rendezvous.second_reply())
        else:
            session.note_sent("second-reply", rendezvous.reply)
    if session.destination is not None:
        await session.send("data", b"")
        await relay(session)


def listen(host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, 0), family=family, backlog=1)
    listener.setblocking(False)
    return listener


class Rendezvous:
    """The wait for the one peer of a request."""

    def __init__(
        self, session: Session, listener: socket.socket, expected: Collection[str] | None
    ) -> None:
        self._session = session
        self._listener = listener
        self._expected = expected
        self.reply: bytes | None = None
        """The second reply, once it is known; a fault may have sent it along with the first."""

    async def second_reply(self) -> bytes:
        self.reply = await self._outcome()
        return self.reply

    async def _outcome(self) -> bytes:
        session = self._session
        try:
            async with asyncio.timeout(session.settings.bind_timeout):
                arrival = await session.while_connected(self._someone())
        except TimeoutError:
            session.blame("nobody came")
            return wire.encode_reply(wire.TTL_EXPIRED)
        if not arrival:
            raise HungUp(0, session.client.failure)
        sock, address = self._listener.accept()
        self._listener.close()
        session.exchange.bound_peer = address[:2]
        session.changed()
        if self._expected is not None and address[0] not in self._expected:
            sock.close()
            session.blame(f"{address[0]} came, which DST.ADDR does not stand for")
            return wire.encode_reply(wire.NOT_ALLOWED)
        session.destination = peer = Endpoint()
        await asyncio.get_running_loop().connect_accepted_socket(lambda: peer, sock)
        return wire.encode_reply(wire.SUCCEEDED, *address[:2])

    async def _someone(self) -> bool:
        # Not sock_accept(): cancelled, it may drop a connection that it has accepted.
        loop, knock = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._listener, knock.set)
        try:
            return await knock.wait()
        finally:
            loop.remove_reader(self._listener)
