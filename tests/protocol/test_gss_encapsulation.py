"""What GSSAPI does to everything behind the level: streams and datagrams."""

from __future__ import annotations

import errno
import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from socks5client import GSSAPI, AuthenticationError, RemoteProtocolError
from socks5client.protocol import Address, Command, Request
from socks5client.protocol.gssapi import GssEncapsulation, Level
from tests.protocol.fake_gssapi import (
    ABORT,
    CONTEXT,
    ENCRYPTED,
    SIGNED,
    GSSError,
    message,
)
from tests.protocol.test_gssapi import play

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.protocol.fake_gssapi import Library

PROTECTED = [Level.INTEGRITY, Level.CONFIDENTIALITY, Level.SELECTIVE]
OVERHEAD = {
    Level.INTEGRITY: SIGNED,
    Level.CONFIDENTIALITY: ENCRYPTED,
    Level.SELECTIVE: ENCRYPTED,
}

every_level = pytest.mark.parametrize("level", PROTECTED)


def sealing(
    library: Library, level: Level = Level.CONFIDENTIALITY, command: Command = Command.CONNECT
) -> GssEncapsulation:
    """An encapsulation as the negotiation leaves it, and the proxy's side in `library.peer`."""
    method = GSSAPI(protection=level.name.lower())
    answers = [message(CONTEXT, b"AP-REP"), library.level(bytes((level,)))]
    (_, offer), seal = play(method, answers, Request(command, Address("example.com", 80)))
    library.peer.unwrap(offer[4:])
    assert isinstance(seal, GssEncapsulation)
    return seal


def tokens(wire: bytes) -> Iterator[bytes]:
    """Takes messages apart."""
    while wire:
        assert wire[:2] == b"\x01\x03"
        end = 4 + int.from_bytes(wire[2:4], "big")
        assert end <= len(wire)
        yield wire[4:end]
        wire = wire[end:]


# Streams


@every_level
def test_sizes(library: Library, level: Level) -> None:
    seal = sealing(library, level)
    assert seal.chunk == 65535 - OVERHEAD[level]
    assert seal.datagram_overhead == 4 + OVERHEAD[level]
    assert seal.finish() == b""


@every_level
@pytest.mark.parametrize(
    ("chunks", "more", "count"),
    [(0, 0, 0), (0, 1, 1), (0, 100, 1), (1, -1, 1), (1, 0, 1), (1, 1, 2), (2, 0, 2), (3, 5, 4)],
)
def test_wrap(library: Library, level: Level, chunks: int, more: int, count: int) -> None:
    seal = sealing(library, level)
    data = bytes(number % 251 for number in range(chunks * seal.chunk + more))
    pieces = [library.peer.unwrap(token) for token in tokens(seal.wrap(data))]
    assert b"".join(piece.message for piece in pieces) == data
    assert [len(piece.message) for piece in pieces[:-1]] == [seal.chunk] * (count - 1)
    assert len(pieces) == count
    assert {piece.encrypted for piece in pieces} <= {level is not Level.INTEGRITY}


def test_a_whole_chunk_takes_the_largest_token(library: Library) -> None:
    seal = sealing(library)
    assert [len(token) for token in tokens(seal.wrap(bytes(seal.chunk)))] == [65535]


@every_level
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 20, 1000])
def test_unwrap_in_pieces_of_any_size(library: Library, level: Level, size: int) -> None:
    """Byte by byte, several tokens in one read, and one with a part of the next."""
    seal = sealing(library, level)
    plain = [b"first", b"", b"second" * 20, b"\0", b"last"]
    wire, ends = b"", []
    for piece in plain:
        wire += library.sealed(piece)
        ends.append(len(wire))
    received = b""
    for start in range(0, len(wire), size):
        received += seal.unwrap(wire[start : start + size])
        complete = [piece for piece, end in zip(plain, ends, strict=True) if end <= start + size]
        assert received == b"".join(complete)
    assert received == b"".join(plain)


def test_unwrap_every_split(library: Library) -> None:
    for cut in range(4 + ENCRYPTED + 5 + 1):
        library.peer = type(library.peer)(b"<", b">")
        seal = sealing(library)
        wire = library.sealed(b"plain")
        assert seal.unwrap(wire[:cut]) + seal.unwrap(wire[cut:]) == b"plain"
        assert seal.unwrap(b"") == b""


def test_unwrap_the_largest_token(library: Library) -> None:
    seal = sealing(library)
    plain = bytes(65535 - ENCRYPTED)
    wire = library.sealed(plain) + library.sealed(b"next")
    assert seal.unwrap(wire[:65538]) == b""
    assert seal.unwrap(wire[65538:]) == plain + b"next"


@every_level
@pytest.mark.parametrize("way", ["stream", "datagram"])
def test_protection_that_is_weaker_than_agreed(library: Library, level: Level, way: str) -> None:
    seal = sealing(library, level)
    unwrap = seal.unwrap if way == "stream" else seal.unwrap_datagram
    assert unwrap(library.sealed(b"encrypted")) == b"encrypted"
    signed = library.sealed(b"signed", encrypted=False)
    if level is not Level.CONFIDENTIALITY:
        assert unwrap(signed) == b"signed"
        return
    with pytest.raises(RemoteProtocolError, match=r"\] a message is not encrypted, but conf"):
        unwrap(signed)


@every_level
@pytest.mark.parametrize("way", ["stream", "datagram"])
@pytest.mark.parametrize("position", [4, 5, 6, 8, -1])
def test_tampered_with(library: Library, level: Level, way: str, position: int) -> None:
    seal = sealing(library, level)
    wire = bytearray(library.sealed(b"plain"))
    wire[position] ^= 1
    with pytest.raises(RemoteProtocolError, match="GSSAPI: Token header is malformed") as caught:
        (seal.unwrap if way == "stream" else seal.unwrap_datagram)(bytes(wire))
    assert isinstance(caught.value.__cause__, GSSError)


@pytest.mark.parametrize("way", ["stream", "datagram"])
def test_message_without_a_token(library: Library, way: str) -> None:
    seal = sealing(library)
    with pytest.raises(RemoteProtocolError, match="Token header is malformed"):
        (seal.unwrap if way == "stream" else seal.unwrap_datagram)(b"\x01\x03\x00\x00")


@pytest.mark.parametrize("twice", [False, True])
def test_token_of_the_stream_that_is_not_the_next(library: Library, twice: bool) -> None:
    seal = sealing(library)
    first, second, third = (library.sealed(bytes((number,))) for number in (1, 2, 3))
    assert seal.unwrap(first) == b"\x01"
    with pytest.raises(RemoteProtocolError, match=r"was a duplicate .*: A later token"):
        seal.unwrap(first if twice else third)
    assert second


WRONG = [
    (ABORT, AuthenticationError, "the proxy aborted the GSSAPI exchange"),
    (b"\x05\x00", RemoteProtocolError, "is no GSSAPI message"),
    (b"SSH-2.0", RemoteProtocolError, "is no GSSAPI message"),
    (b"\x01\x01\x00\x00", RemoteProtocolError, "has the type 0x01, not 0x03"),
    (b"\x01\x02", RemoteProtocolError, "has the type 0x02, not 0x03"),
]


@pytest.mark.parametrize(("wrong", "error", "match"), WRONG)
@pytest.mark.parametrize("way", ["whole", "bytes", "behind a message", "datagram"])
def test_what_is_no_message(
    library: Library, wrong: bytes, error: type[OSError], match: str, way: str
) -> None:
    seal = sealing(library)
    with pytest.raises(error, match=match):
        if way == "datagram":
            seal.unwrap_datagram(wrong)
        elif way == "bytes":
            assert seal.unwrap(wrong[:1]) == b""
            seal.unwrap(wrong[1:2])
        elif way == "whole":
            seal.unwrap(wrong)
        else:  # what came before it is good, and not lost
            assert seal.unwrap(library.sealed(b"plain") + wrong) == b"plain"
            seal.unwrap(b"")


@pytest.mark.parametrize("way", ["stream", "datagram"])
def test_what_cannot_be_wrapped(library: Library, way: str) -> None:
    seal = sealing(library)
    library.broken = GSSError(13, 7)
    with pytest.raises(RemoteProtocolError, match="No Kerberos credentials available") as caught:
        (seal.wrap if way == "stream" else seal.wrap_datagram)(b"data")
    assert caught.value.__cause__ is library.broken


# Datagrams


@every_level
@pytest.mark.parametrize("size", [0, 1, 500, 60000])
def test_datagrams(library: Library, level: Level, size: int) -> None:
    seal = sealing(library, level, Command.UDP_ASSOCIATE)
    packet = bytes(number % 251 for number in range(size))
    wire = seal.wrap_datagram(packet)
    assert len(wire) == size + seal.datagram_overhead
    (token,) = tokens(wire)
    assert library.peer.unwrap(token).message == packet
    assert seal.unwrap_datagram(library.sealed(packet)) == packet


def test_datagram_of_the_largest_size(library: Library) -> None:
    seal = sealing(library, command=Command.UDP_ASSOCIATE)
    (token,) = tokens(seal.wrap_datagram(bytes(seal.chunk)))
    assert len(token) == 65535


def test_datagram_that_no_token_takes(library: Library) -> None:
    seal = sealing(library, command=Command.UDP_ASSOCIATE)
    with pytest.raises(OSError, match=r"\] 65524 bytes are too many for one token$") as caught:
        seal.wrap_datagram(bytes(seal.chunk + 1))
    assert caught.value.errno == errno.EMSGSIZE


@pytest.mark.parametrize("packet", [b"", b"\x01", b"\0\0\0\x01\xc0\0\2\1\0\x35plain"])
def test_datagram_that_is_no_message(library: Library, packet: bytes) -> None:
    seal = sealing(library, command=Command.UDP_ASSOCIATE)
    with pytest.raises(RemoteProtocolError, match="is no GSSAPI message"):
        seal.unwrap_datagram(packet)


def test_datagram_of_another_length(library: Library) -> None:
    seal = sealing(library, command=Command.UDP_ASSOCIATE)
    wire = library.sealed(b"plain")
    for wrong in (wire[:2], wire[:3], wire[:4], wire[:-1], wire + b"x", wire + wire):
        with pytest.raises(
            RemoteProtocolError, match=r"\] the length of a GSSAPI datagram is not its own$"
        ):
            seal.unwrap_datagram(wrong)
    assert seal.unwrap_datagram(wire) == b"plain"


def test_datagrams_out_of_order_lost_and_replayed(library: Library) -> None:
    """Only the replay is an error: the context was not asked for the order."""
    seal = sealing(library, command=Command.UDP_ASSOCIATE)
    packets = [library.sealed(bytes((number,))) for number in range(4)]
    assert [seal.unwrap_datagram(packets[number]) for number in (3, 1, 0)] == [b"\3", b"\1", b"\0"]
    with pytest.raises(RemoteProtocolError, match="was a duplicate of an earlier token"):
        seal.unwrap_datagram(packets[1])
    assert seal.unwrap_datagram(packets[2]) == b"\2"


def test_stream_and_datagrams_do_not_mix(library: Library) -> None:
    """A datagram between the parts of a message leaves the message alone."""
    seal = sealing(library, command=Command.UDP_ASSOCIATE)
    wire, packet = library.sealed(b"stream"), library.sealed(b"datagram")
    assert seal.unwrap(wire[:10]) == b""
    assert seal.unwrap_datagram(packet) == b"datagram"
    assert seal.unwrap(wire[10:]) == b"stream"


def test_unfinished_within_a_message(library: Library) -> None:
    seal = sealing(library)
    message = library.sealed(b"plain")
    assert not seal.unfinished
    for byte in message[:-1]:
        assert seal.unwrap(bytes((byte,))) == b""
        assert seal.unfinished
    assert seal.unwrap(message[-1:]) == b"plain"
    assert not seal.unfinished


@every_level
def test_the_context_ends_with_the_encapsulation(library: Library, level: Level) -> None:
    """Nothing is sent for it; the library deletes a context that nobody holds."""
    seal = sealing(library, level)
    context = weakref.ref(library.contexts.pop())
    assert context() is not None
    assert seal.wrap(b"the last of it")
    assert seal.finish() == b""
    del seal
    gc.collect()
    assert context() is None
