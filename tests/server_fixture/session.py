"""One accepted connection, from the first byte to the last."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

from . import auth, commands, wire
from .encapsulation import Encapsulated, Protection
from .endpoint import LINGER, Endpoint, HungUp

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from .destination import Directory
    from .faults import Ending, Line, Plan, Stage
    from .gssapi import GssSettings
    from .log import Exchange, Log, Reached
    from .relay_faults import RelayFault

T = TypeVar("T")

UNREAD_LIMIT = 64 * 1024
"""How much of what a stalled client goes on sending is kept in the log."""


class Ended(Exception):
    """A fault has ended the exchange."""


@dataclass(frozen=True)
class Settings:
    users: Mapping[str, str] | None
    methods: tuple[int, ...]
    directory: Directory
    bound: tuple[str, int | None] | None
    ssl_context: ssl.SSLContext | None
    connect_timeout: float
    observer: Callable[[Exchange], None] | None
    commands: tuple[int, ...]
    bind_timeout: float
    check_peer: bool
    fragments: bool
    udp_fragment_size: int | None
    idle_timeout: float | None
    relay_faults: tuple[RelayFault, ...]
    gss: GssSettings

    def shown(self, address: tuple[str, int]) -> tuple[str, int]:
        """BND.ADDR and BND.PORT for what really is at `address`."""
        host, port = self.bound or address[:2]
        return host, address[1] if port is None else port


class RawLine:
    """The connection before anything has been read from it, TLS included: stage "accept"."""

    def __init__(self, sock: socket.socket, exchange: Exchange) -> None:
        self._sock = sock
        self.exchange = exchange

    async def write(self, data: bytes) -> None:
        self.exchange.sent += data
        await asyncio.get_running_loop().sock_sendall(self._sock, data)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def end(self, how: Ending) -> NoReturn:
        if how == "stall":
            await self._read_out()
        elif how == "close":
            self._sock.shutdown(socket.SHUT_WR)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LINGER):
                    await self._read_out()
        else:
            wire.reset_on_close(self._sock)
        raise Ended

    async def first_data(self) -> bytes:
        return b""

    async def _read_out(self) -> None:
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(self._sock, UNREAD_LIMIT):
            keep_unread(self.exchange, data)


class Session:
    """What the handlers of methods and commands work on; also the `Line` of their faults."""

    def __init__(
        self, sock: socket.socket, exchange: Exchange, settings: Settings, plan: Plan, log: Log
    ) -> None:
        self._sock = sock
        self.exchange = exchange
        self.settings = settings
        self._plan = plan
        self._log = log
        self.client = Endpoint()
        self.destination: Endpoint | None = None
        self.protection: Protection | None = None
        self._following: Callable[[], Awaitable[bytes]] | None = None

    async def run(self) -> None:
        try:
            await self._accept()
            await self._converse()
        except Ended:
            pass
        except HungUp as exc:
            if exc.reset is not None:
                self.blame(f"reset by the client: {exc.reset}")
            elif exc.got:
                self.blame(f"the client hung up {exc.got} bytes into a message")
        except OSError as exc:  # before there is a transport: a fault's own I/O, the TLS handshake
            self.blame(f"accept: {exc!r}")
        finally:
            await self._tear_down()

    async def _accept(self) -> None:
        if action := self._plan.take("accept", self.exchange.index):
            line: Line = RawLine(self._sock, self.exchange)
            await action.send(line, b"")
        tls = self.settings.ssl_context
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: self.client,
            self._sock,
            ssl=tls,
            ssl_shutdown_timeout=None if tls is None else LINGER,
        )
        if self.client.transport is None:  # gone within the TLS handshake
            raise HungUp(0, None)

    async def _converse(self) -> None:
        try:
            if await self._authenticate():
                await self._serve()
        except wire.MalformedMessage as exc:
            self.blame(str(exc))
            if exc.reply_code is not None:
                await self.send("reply", wire.encode_reply(exc.reply_code))
        if not self.client.hung_up:
            await self.client.close_gently(self._keep_unread)

    async def _authenticate(self) -> bool:
        self.exchange.methods = await wire.read_offer(self.read)
        self.reached("method")
        method = auth.select(self.exchange.methods, self.settings.methods)
        await self.send("method", wire.encode_selection(method))
        if method == wire.NO_ACCEPTABLE_METHODS:
            self.blame("no acceptable method")
            return False
        return await auth.HANDLERS[method](self)

    async def _serve(self) -> None:
        request = await wire.read_request(self.read)
        exchange = self.exchange
        exchange.command, exchange.atyp = request.command, request.atyp
        exchange.host, exchange.port = request.host, request.port
        if defect := self.client.request_defect():
            raise wire.MalformedMessage(defect)
        self.reached("request")
        known = request.command in self.settings.commands
        handler = commands.HANDLERS[request.command] if known else commands.not_supported
        await handler(self, request)

    # For the handlers.

    async def read(self, count: int) -> bytes:
        data = await self.client.read_exactly(count)
        self.exchange.received += data
        return data

    def encapsulate(self, protection: Protection) -> None:
        """From now on both ways; it stands between the transport and all who read and write."""
        self.protection = protection
        self.client = Encapsulated(self.client, protection, self.blame)

    @property
    def local_host(self) -> str:
        """The IP at which the client reached the server, so surely one that it can reach."""
        name = self.client.extra("sockname")
        return str(name[0]) if isinstance(name, tuple) else "127.0.0.1"  # over a unix socket

    async def while_connected(self, work: Coroutine[Any, Any, T]) -> T | None:
        """The result of `work`; None when the client hung up first."""
        waits = (asyncio.create_task(work), asyncio.create_task(self.client.wait_hung_up()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        return None if waits[0].cancelled() else waits[0].result()

    async def send(
        self,
        stage: Stage,
        message: bytes,
        following: Callable[[], Awaitable[bytes]] | None = None,
    ) -> None:
        """The only way out for a message of the handshake: the plan of faults has its say.

        `following` waits for the next message, for the fault that sends both in one.
        """
        self._following = following
        start = len(self.exchange.sent)
        try:
            if action := self._plan.take(stage, self.exchange.index):
                await action.send(self, message)
            elif message:
                await self.write(message)
        finally:
            self.note_sent(stage, bytes(self.exchange.sent[start:]))

    def note_sent(self, stage: Stage, message: bytes) -> None:
        """What the log calls method and reply code is what the client was really told."""
        if stage == "method" and len(message) > 1:
            self.exchange.method = message[1]
        elif stage == "reply" and len(message) > 1:
            self.exchange.reply_code = message[1]
            self.exchange.stage = "reply"
        elif stage == "second-reply" and len(message) > 1:
            self.exchange.second_reply_code = message[1]
            self.exchange.stage = "second-reply"
        self.changed()
        if stage == "reply" and self.settings.observer is not None:
            self.settings.observer(self.exchange)

    def reached(self, stage: Reached) -> None:
        self.exchange.stage = stage
        self.changed()

    def blame(self, text: str) -> None:
        """Note what went wrong; the first thing counts."""
        self.exchange.error = self.exchange.error or text
        self.changed()

    def changed(self) -> None:
        self._log.changed()

    # For the server, on behalf of a test.

    async def hang_up(self, how: Literal["close", "reset"]) -> bool:
        """FIN or RST to the client, whatever is going on; False if there is no transport yet.

        Then cancelling the session does it.
        """
        if self.client.transport is None:  # at "accept", or in the TLS handshake
            if how == "reset":
                wire.reset_on_close(self._sock)
            return False
        if how == "reset":
            self.client.reset()
        else:
            self.client.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER):  # a client may not read what is left
                await asyncio.shield(self.client.closed)
        self.client.abort()
        await asyncio.shield(self.client.closed)
        return True

    # For the faults: `Line`.

    async def write(self, data: bytes) -> None:
        if self.client.lost:
            raise HungUp(0, self.client.failure)
        self.exchange.sent += data
        self.client.write_message(data)

    async def pause(self, seconds: float) -> None:
        """Sleeps; a client that hangs up meanwhile ends the exchange."""
        if not self.client.hung_up:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.client.wait_hung_up()
        if self.client.hung_up:
            raise HungUp(0, self.client.failure)

    async def end(self, how: Ending) -> NoReturn:
        if how == "stall":
            self.client.pour_into(self._keep_unread)
            await self.client.wait_hung_up()
        elif how == "close":
            await self.client.close_gently(self._keep_unread)
        else:
            self.client.reset()
        raise Ended

    async def first_data(self) -> bytes:
        if self._following is not None:
            return await self._following()
        if self.destination is None:
            return b""
        await self.while_connected(self.destination.wait_data())
        data = self.destination.take_buffered()
        if not data and self.client.hung_up:
            raise HungUp(0, self.client.failure)
        self.exchange.bytes_down += len(data)
        return data

    def _keep_unread(self, data: bytes) -> None:
        keep_unread(self.exchange, data)
        self.changed()

    async def _tear_down(self) -> None:
        """Nothing may outlive the session: abort what is still open and see it closed."""
        keep_unread(self.exchange, self.client.take_buffered())  # part of a message, maybe
        endpoints = [end for end in (self.client, self.destination) if end and end.transport]
        try:
            for endpoint in endpoints:
                if endpoint.transport and endpoint.transport.is_closing() and not endpoint.lost:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LINGER):
                            await endpoint.closed
                endpoint.abort()
                await endpoint.closed
        finally:  # the server may end, and cancel this, in the middle of it
            for endpoint in endpoints:
                endpoint.abort()


def keep_unread(exchange: Exchange, data: bytes) -> None:
    """What is sent after a good reply is the user's data, all before it the handshake's."""
    if exchange.reply_code == wire.SUCCEEDED:
        return
    exchange.received += data[: max(0, UNREAD_LIMIT - len(exchange.received))]
