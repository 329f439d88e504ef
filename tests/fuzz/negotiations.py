"""Targets: what a proxy sends in a handshake.

One conversation is had three ways, whole, byte by byte and as a driver reads it; all must end in
the same way: a reply, or one of the library's own errors.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple
from unittest import mock

from socks5client import GSSAPI, NoAuth, SocksError, UsernamePassword
from socks5client.protocol import Address, Command, Negotiation, Reply, Request
from socks5client.protocol.usual import ADDRESS_START, usual_turns
from tests.protocol.fake_gssapi import Library

from .source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from socks5client.protocol import AuthMethod

COMMANDS = tuple(Command)
TARGET = Address("example.com", 443)
MOST_READ = 70_000  # a driver's read: one GSSAPI token at most


class Token:
    """A method from outside, which asks for as many bytes as it is told."""

    code = 0x80

    def negotiate(self, request: object, server: str):  # type: ignore[no-untyped-def]
        (length,) = yield b"token", 1
        if length:
            yield b"more", length
        return None


METHODS: tuple[tuple[Callable[[], AuthMethod], ...], ...] = (
    (NoAuth,),
    (lambda: UsernamePassword("us", "pa"), NoAuth),
    (Token, NoAuth),
    (lambda: GSSAPI(protection="confidentiality"),),
    (lambda: GSSAPI(protection="integrity", require="clear"), NoAuth),
    (lambda: GSSAPI(protection="integrity", nec=True),),
    (lambda: NoAuth(),),
    (lambda: UsernamePassword("us", "pa"),),
)
PIPELINED = METHODS[-2:]


class End(NamedTuple):
    """How a conversation ended; `result` is the reply, an error, or None: it waits for more."""

    result: object
    rendezvous: object
    sent: bytes
    trailing: bytes


@contextmanager
def fake_library() -> Iterator[Library]:
    """The fake `gssapi` in place of the real one, or of none."""
    with mock.patch.dict(sys.modules, {"gssapi": (library := Library())}):
        yield library


def negotiation(data: bytes) -> None:
    """Commands and methods by the first two bytes, the rest is what the proxy says."""
    source = Source(data)
    command, methods = source.choice(COMMANDS), source.choice(METHODS)
    _conversation(command, methods, source.rest(), pipelined=methods in PIPELINED)


def _conversation(
    command: Command, methods: tuple[Callable[[], AuthMethod], ...], answer: bytes, pipelined: bool
) -> None:

    def converse(pieces: Iterable[bytes]) -> End:
        with fake_library():
            return _converse(command, methods, pieces, pipelined)

    whole = converse([answer] if answer else [])
    single = converse(bytes([byte]) for byte in answer)
    assert _same(whole, single), (whole, single)
    exact = _converse_exactly(command, methods, answer, pipelined)
    assert _same(whole, exact), (whole, exact)
    if methods == METHODS[0]:
        _usual(command, answer, whole)


def _new(
    command: Command, methods: tuple[Callable[[], AuthMethod], ...], pipelined: bool
) -> Negotiation:
    return Negotiation(
        Request(command, TARGET),
        [make() for make in methods],
        server="proxy.example",
        pipelined=pipelined,
    )


def _converse(
    command: Command,
    methods: tuple[Callable[[], AuthMethod], ...],
    pieces: Iterable[bytes],
    pipelined: bool,
) -> End:
    talk = _new(command, methods, pipelined)
    sent, late, error = talk.data_to_send(), b"", None
    for piece in pieces:
        if talk.reply is not None:
            late += piece
            continue
        try:
            talk.receive_data(piece)
        except SocksError as raised:
            error = raised
            break
        finally:
            sent += talk.data_to_send()
    return _end(talk, error, sent, late)


def _converse_exactly(
    command: Command,
    methods: tuple[Callable[[], AuthMethod], ...],
    answer: bytes,
    pipelined: bool,
) -> End:
    with fake_library():
        talk = _new(command, methods, pipelined)
        sent, error = talk.data_to_send(), None
        while talk.reply is None and answer:
            assert 1 <= talk.bytes_needed <= MOST_READ
            piece, answer = answer[: talk.bytes_needed], answer[talk.bytes_needed :]
            try:
                talk.receive_data(piece)
            except SocksError as raised:
                error = raised
                break
            finally:
                sent += talk.data_to_send()
        return _end(talk, error, sent, answer if talk.reply is not None else b"")


def _end(talk: Negotiation, error: SocksError | None, sent: bytes, late: bytes) -> End:
    trailing = b""
    if talk.reply is not None:
        assert talk.bytes_needed == 0
        if talk.layers:
            # What follows is wrapped: the layer goes on.
            try:
                late = talk.layers[0].unwrap(late)
            except SocksError:
                late = b""
        trailing = talk.trailing_data + late
    result = talk.reply if error is None else (type(error), str(error))
    return End(result, talk.rendezvous, sent, trailing)


def _same(one: End, other: End) -> bool:
    """An error may come before what is next to be sent, where its cause was there already."""
    if isinstance(one.result, tuple) and one.result == other.result:
        return one.sent.startswith(other.sent) or other.sent.startswith(one.sent)
    return one == other


def _usual(command: Command, answer: bytes, whole: End) -> None:
    """The short cut for the usual exchange never says more than the negotiation does."""
    received, sent = b"", b""
    for says, size, usual in usual_turns(command, TARGET):
        sent += says
        piece, answer = answer[:size], answer[size:]
        received += piece
        if piece != usual and (usual is not None or len(piece) < size):
            return
    if command != Command.BIND:
        assert whole.result is not None
        assert whole.sent == sent
        assert whole.result == Reply(0, received[ADDRESS_START:])


def gss_stream(data: bytes) -> None:
    """Encapsulated data after the level: in any pieces the same plain bytes, or an error."""
    with fake_library() as library:
        source = Source(data)
        genuine = source.byte() % 4  # some real messages in front, so that it gets anywhere
        wire = b"".join(
            library.sealed(source.bytes(source.byte() % 8), bool(number % 2))
            for number in range(genuine)
        )
        wire += source.rest()
        outcomes = {_unwrapped([wire]), _unwrapped(bytes([byte]) for byte in wire)}
        assert len(outcomes) == 1, outcomes


def _unwrapped(pieces: Iterable[bytes]) -> tuple[bytes, str | None]:
    from socks5client.protocol.gssapi import GssEncapsulation, Level

    context = Library().SecurityContext(name=None, creds=None, flags=30, mech=None, usage="")
    layer = GssEncapsulation(context, Level.INTEGRITY)
    plain = b""
    try:
        for piece in pieces:
            plain += layer.unwrap(piece)
        plain += layer.unwrap(b"")  # an error that waits behind good bytes
    except SocksError as error:
        return plain, str(error)
    return plain, None
