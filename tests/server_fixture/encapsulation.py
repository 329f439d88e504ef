"""What follows a protection level of RFC 1961: every message, and all data, inside tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import gss_faults, wire
from .endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .gss_faults import At, GssFault
    from .log import Exchange

CLEAR, INTEGRITY, CONFIDENTIALITY, SELECTIVE = range(4)


class Unacceptable(Exception):
    """A message that is not protected as agreed, or does not fit into one."""


class Protection:
    """The context and the level agreed upon; what it seals may be spoilt by `gss_faults`."""

    def __init__(
        self, context: Any, level: int, faults: Sequence[GssFault], exchange: Exchange
    ) -> None:
        from gssapi import raw

        self._raw = raw
        self._context = context
        self._level = level
        self._exchange = exchange
        self._faults = gss_faults.chain(faults)
        self._confidential = level == CONFIDENTIALITY
        self.largest: int = raw.wrap_size_limit(context, wire.LARGEST_TOKEN, self._confidential)
        """Bytes that surely fit into one token."""

    def outgoing(self, plain: bytes, at: At) -> gss_faults.Outgoing:
        """The message for `plain`, or what the faults make of it; raises Unacceptable."""
        return self._faults(gss_faults.Sealed(plain, self._confidential, self._seal), at)

    def _seal(self, plain: bytes, confidential: bool) -> bytes:
        token, encrypted = self._raw.wrap(self._context, plain, confidential)
        if confidential and not encrypted:
            raise RuntimeError("the context has no confidentiality")
        if len(token) > wire.LARGEST_TOKEN:
            raise Unacceptable(f"{len(plain)} bytes do not fit into a token")
        return wire.encode_gss(wire.GSS_DATA, token)

    def open(self, token: bytes) -> bytes:
        """What a token of the client's holds; raises Unacceptable."""
        try:
            plain, encrypted, _ = self._raw.unwrap(self._context, token)
        except self._raw.GSSError as exc:
            raise Unacceptable(str(exc)) from None
        if self._level == CONFIDENTIALITY and not encrypted:
            raise Unacceptable("a message without confidentiality")
        if encrypted:
            self._exchange.gss_confidential += 1
        else:
            self._exchange.gss_integrity += 1
        return bytes(plain)

    def open_datagram(self, datagram: bytes) -> bytes:
        """There is one message in it, and nothing else; raises Unacceptable."""
        length = wire.gss_data_length(datagram)
        if length is None or len(datagram) != 4 + length:
            raise Unacceptable(f"a datagram of {len(datagram)} bytes that is not one message")
        return self.open(datagram[4:])


class Encapsulated(Endpoint):
    """The client's connection from now on, on the transport of `plain`.

    It is written to and read from as any other; a message that is not protected as agreed
    ends it.
    """

    def __init__(
        self, plain: Endpoint, protection: Protection, blame: Callable[[str], None]
    ) -> None:
        super().__init__()
        self._protection = protection
        self._blame = blame
        self._undecoded = bytearray()
        self._defective = False
        self._finished = False
        self._first: int | None = None
        self._consumed = 0
        self.transport, self.closed = plain.transport, plain.closed
        self.eof, self.lost, self.failure = plain.eof, plain.lost, plain.failure
        if self.transport is not None:
            self.transport.set_protocol(self)
        self.data_received(plain.take_buffered())

    # Called by asyncio.

    def data_received(self, data: bytes) -> None:
        if self._defective:
            return
        self._undecoded += data
        try:
            while (token := self._next_token()) is not None:
                plain = self._protection.open(token)
                if self._first is None:
                    self._first = len(plain)
                if plain:
                    super().data_received(plain)
        except (Unacceptable, wire.MalformedMessage) as exc:
            self._give_up(str(exc))

    def eof_received(self) -> bool:
        if self._undecoded and not self._defective:
            self._give_up(f"the client hung up {len(self._undecoded)} bytes into a message")
        return super().eof_received()

    def _give_up(self, text: str) -> None:
        self._defective = True
        self._blame(f"encapsulation: {text}")
        self._wake()
        self.close()

    def _next_token(self) -> bytes | None:
        length = wire.gss_data_length(self._undecoded)
        if length is None or len(self._undecoded) < 4 + length:
            return None
        token = bytes(self._undecoded[4 : 4 + length])
        del self._undecoded[: 4 + length]
        return token

    # As any endpoint.

    @property
    def hung_up(self) -> bool:
        return self.eof or self.lost or self._defective

    async def read_exactly(self, count: int) -> bytes:
        data = await super().read_exactly(count)
        self._consumed += count
        return data

    def request_defect(self) -> str | None:
        if self._consumed == self._first:
            return None
        return f"request: {self._consumed} bytes, in a message of {self._first}"

    def write(self, data: bytes) -> None:
        self._write(data, "data")

    def write_message(self, data: bytes) -> None:
        self._write(data, "reply")

    def finish_writing(self) -> None:
        self._finished = True
        super().finish_writing()

    def _write(self, data: bytes, at: At) -> None:
        size = self._protection.largest
        for start in range(0, len(data), size):
            if self._finished or self.transport is None or self.transport.is_closing():
                return
            pieces, then = self._protection.outgoing(data[start : start + size], at)
            for piece in pieces:
                super().write(piece)
            if then == "close":
                self.finish_writing()
            elif then == "reset":
                self.reset()
