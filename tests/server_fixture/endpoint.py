"""One TCP, TLS or unix connection: read message by message first, then given to a sink.

A Protocol, not a stream pair: once relaying, data passes from one transport to the other in the
callback that received it, with no task woken in between.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, cast

from . import wire

READ_AHEAD = 256 * 1024
"""Data that may wait unread before reading is paused."""
WRITE_AHEAD = 256 * 1024
"""Data that may wait for the network before the other side is paused."""
LINGER = 2.0
"""Seconds to read on after our FIN, so that unread data does not turn it into an RST."""

Sink = Callable[[bytes], None]


class HungUp(Exception):
    """The other side closed or reset the connection, `got` bytes into a message."""

    def __init__(self, got: int, reset: BaseException | None) -> None:
        super().__init__(got, reset)
        self.got = got
        self.reset = reset


class Endpoint(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.partner: Endpoint | None = None
        self.eof = False
        self.lost = False
        self.failure: BaseException | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._buffer = bytearray()
        self._sink: Sink | None = None
        self._waiter: asyncio.Future[None] | None = None

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=WRITE_AHEAD)

    def data_received(self, data: bytes) -> None:
        if self._sink is not None:
            self._sink(data)
            return
        self._buffer += data
        if len(self._buffer) > READ_AHEAD:
            self.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        first, self.eof = not self.eof, True
        self._wake()
        if first and self.partner is not None:
            self.partner.other_side_finished()
        return self.half_closes  # True keeps the writing direction open

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost, self.failure = True, exc
        self._wake()
        if not self.closed.done():
            self.closed.set_result(None)
        if self.partner is not None:
            self.partner.other_side_lost(exc)

    def pause_writing(self) -> None:
        if self.partner is not None:
            self.partner.pause_reading()

    def resume_writing(self) -> None:
        if self.partner is not None:
            self.partner.resume_reading()

    # Message by message.

    async def read_exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            if self.hung_up:
                raise HungUp(len(self._buffer), self.failure)
            await self._change()
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        self.resume_reading()
        return data

    def take_buffered(self) -> bytes:
        data = bytes(self._buffer)
        self._buffer.clear()
        self.resume_reading()
        return data

    async def wait_data(self) -> None:
        while not self._buffer and not self.hung_up:
            await self._change()

    async def wait_hung_up(self) -> None:
        while not self.hung_up:
            await self._change()

    def pour_into(self, sink: Sink) -> None:
        """From now on data goes to `sink`, what is buffered first."""
        buffered = self.take_buffered()
        self._sink = sink
        if buffered:
            sink(buffered)

    def write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def write_message(self, data: bytes) -> None:
        """Something of the handshake, not data."""
        self.write(data)

    def request_defect(self) -> str | None:
        """What is wrong with where the request, now read, begins and ends."""
        return None

    # Joined to a partner.

    def other_side_finished(self) -> None:
        """The partner received EOF: pass it on, and close when both directions have ended."""
        if self.partner is not None and self.eof:
            self.close()
            self.partner.close()
        else:
            self.finish_writing()

    def other_side_lost(self, exc: BaseException | None) -> None:
        if exc is None:
            self.close()
        else:
            self.reset()

    def pause_reading(self) -> None:
        # Not after EOF: resuming would register the fd again and report EOF twice. Nor after the
        # end: a TLS transport has no other below it any more.
        if self.transport is not None and not self.eof and not self.lost:
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self.transport is not None and not self.eof and not self.lost:
            self.transport.resume_reading()

    # Endings.

    @property
    def hung_up(self) -> bool:
        return self.eof or self.lost

    @property
    def half_closes(self) -> bool:
        """Whether one direction can end alone; asyncio's TLS cannot."""
        return self.transport is not None and self.transport.can_write_eof()

    def finish_writing(self) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        if self.half_closes:
            with contextlib.suppress(OSError):  # ENOTCONN: reset meanwhile, about to be reported
                self.transport.write_eof()
        else:
            self.transport.close()

    def close(self) -> None:
        """Close once everything written has left."""
        if self.transport is not None:
            self.transport.close()

    def reset(self) -> None:
        """RST (a unix socket has none: it is closed)."""
        if self.transport is not None:
            sock = self.extra("socket")
            with contextlib.suppress(OSError):
                wire.reset_on_close(sock)
            self.transport.abort()

    def abort(self) -> None:
        """Close now, whatever is still to be written."""
        if self.transport is not None and not self.lost:
            self.transport.abort()

    async def close_gently(self, sink: Sink) -> None:
        """FIN that stays one: read on (into `sink`) until the other side ends too, for a while."""
        self.pour_into(sink)
        self.finish_writing()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                await self.wait_hung_up()
        self.close()

    def extra(self, name: str) -> Any:
        return None if self.transport is None else self.transport.get_extra_info(name)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _change(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None


def join(one: Endpoint, other: Endpoint, *, up: Sink, down: Sink) -> None:
    """Tie two endpoints: `up` takes the data of `one`, `down` that of `other`.

    EOF, loss and back-pressure pass over, also those of the past; data before EOF.
    """
    one.partner, other.partner = other, one
    one.pour_into(up)
    other.pour_into(down)
    for source, sink in ((one, other), (other, one)):
        if source.lost:
            sink.other_side_lost(source.failure)
        elif source.eof:
            sink.other_side_finished()
