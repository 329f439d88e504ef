"""A whole negotiation by GSSAPI: request and replies encapsulated, whatever the reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from socks5client import GSSAPI, AuthenticationError, NoAuth, RemoteProtocolError, SocksError
from socks5client.protocol import Address, Authenticated, Command, Negotiation, Request, State
from socks5client.protocol.gssapi import GssEncapsulation
from tests.protocol.fake_gssapi import ABORT, CONTEXT, DATA, LEVEL, Seals, message
from tests.protocol.feeding import SURPLUS, converse, converse_exactly, every_way

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.protocol.fake_gssapi import Library

OCTETS = {"integrity": b"\x01", "confidentiality": b"\x02", "selective": b"\x03"}
TARGET = Address("example.com", 80)
REQUEST = Request(Command.CONNECT, TARGET)
BOUND = b"\x01\xc0\x00\x02\x01\x04\x38"
REPLY = b"\x05\x00\x00" + BOUND
PEER = b"\x04" + bytes(15) + b"\x01\x00\x09"

every_level = pytest.mark.parametrize("protection", list(OCTETS))


def begin(
    library: Library,
    mode: str,
    protection: str = "confidentiality",
    request: Request = REQUEST,
    early: bytes = b"",
) -> Negotiation:
    """Plays the proxy until the request is there: in one token, with nothing behind it.

    `early` is what comes in one piece with the answer to the level.
    """
    octet = OCTETS[protection]
    client = Seals(b">", b"<")
    negotiation = Negotiation(request, (GSSAPI(protection=protection), NoAuth()), server="proxy")
    turns = [
        (b"\x05\x02\x01\x00", b"\x05\x01"),
        (message(CONTEXT, b"AP-REQ"), message(CONTEXT, b"AP-REP")),
        (message(LEVEL, client.wrap(octet, False).message), library.level(octet)),
    ]
    for number, (sent, answer) in enumerate(turns):
        assert negotiation.state is (State.SUB_NEGOTIATION if number else State.METHOD_SELECTION)
        assert negotiation.data_to_send() == sent
        assert negotiation.data_to_send() == b""
        if mode == "bytes":
            for position in range(len(answer)):
                assert 1 <= negotiation.bytes_needed <= len(answer) - position
                negotiation.receive_data(answer[position : position + 1])
        else:
            negotiation.receive_data(answer + early if answer is turns[-1][1] else answer)
    wrapped = client.wrap(request.encode(), protection != "integrity").message
    assert negotiation.data_to_send() == message(DATA, wrapped)
    assert negotiation.data_to_send() == b""
    assert negotiation.layers == [negotiation.encapsulation]
    assert isinstance(negotiation.encapsulation, GssEncapsulation)
    return negotiation


def feed(negotiation: Negotiation, wire: bytes, mode: str) -> None:
    """As a driver that is not told how much it may read."""
    pieces = [bytes((byte,)) for byte in wire] if mode == "bytes" else [wire]
    for piece in pieces:
        assert negotiation.reply is None
        assert negotiation.bytes_needed == 65536
        negotiation.receive_data(piece)


def sealed(library: Library, plain: Sequence[bytes], protection: str = "confidentiality") -> bytes:
    return b"".join(library.sealed(piece, protection != "integrity") for piece in plain)


@every_way
@every_level
def test_connect(library: Library, protection: str, mode: str) -> None:
    negotiation = begin(library, mode, protection)
    wire = sealed(library, [REPLY], protection)
    if mode == "surplus":
        wire += sealed(library, [SURPLUS], protection)
    feed(negotiation, wire, mode)
    assert negotiation.reply is not None
    assert negotiation.reply.bound == ("192.0.2.1", 1080)
    assert negotiation.state is State.DONE
    assert negotiation.bytes_needed == 0
    assert negotiation.data_to_send() == b""
    assert negotiation.trailing_data == (SURPLUS if mode == "surplus" else b"")


@every_way
@pytest.mark.parametrize(
    "plain",
    [
        [REPLY[:1], REPLY[1:2], REPLY[2:]],
        [b"", REPLY[:5], b"", REPLY[5:]],
        [bytes((byte,)) for byte in REPLY],
    ],
)
def test_reply_in_several_tokens(library: Library, plain: list[bytes], mode: str) -> None:
    negotiation = begin(library, mode)
    feed(negotiation, sealed(library, plain), mode)
    assert negotiation.reply is not None
    assert negotiation.trailing_data == b""


@every_way
def test_data_in_the_token_of_the_reply(library: Library, mode: str) -> None:
    negotiation = begin(library, mode)
    wire = sealed(library, [REPLY + b"220 hello\r\n"])
    rest = b""
    if mode == "surplus":  # and the beginning of another token, which stays with the layer
        wire += sealed(library, [b"more"])
        wire, rest = wire[:-3], wire[-3:]
    feed(negotiation, wire, mode)
    assert negotiation.trailing_data == b"220 hello\r\n"
    if rest:
        assert negotiation.layers[0].unwrap(rest) == b"more"


def test_reply_in_one_read_with_the_level(library: Library) -> None:
    # The proxy's seals count: the level is wrapped first, though it is asked for later.
    level = library.peer.wrap(b"\x02", False)
    early = sealed(library, [REPLY + b"data"])
    library.peer.wrap = lambda *_: level  # type: ignore[method-assign]
    negotiation = Negotiation(REQUEST, (GSSAPI(),), server="proxy")
    negotiation.receive_data(b"\x05\x01")
    negotiation.receive_data(message(CONTEXT, b"AP-REP") + library.level(b"\x02") + early)
    assert negotiation.reply is not None
    assert negotiation.trailing_data == b"data"


@every_way
@pytest.mark.parametrize("together", [False, True])
def test_bind_has_two_replies(library: Library, mode: str, together: bool) -> None:
    negotiation = begin(library, mode, request=Request(Command.BIND, TARGET))
    second = b"\x05\x00\x00" + PEER
    more = [SURPLUS] if mode == "surplus" else []
    if together:
        feed(negotiation, sealed(library, [REPLY + second + b"".join(more)]), mode)
    else:
        feed(negotiation, sealed(library, [REPLY]), mode)
        assert negotiation.state is State.RENDEZVOUS
        assert negotiation.data_to_send() == b""
        feed(negotiation, sealed(library, [second, *more]), mode)
    assert negotiation.rendezvous is not None
    assert negotiation.reply is not None
    assert negotiation.rendezvous.bound == ("192.0.2.1", 1080)
    assert negotiation.reply.bound == ("::1", 9)
    assert negotiation.trailing_data == b"".join(more)


@every_way
@pytest.mark.parametrize("reply", [b"\x05\x05", b"\x05\x05\x00", b"\x05\x05\x00" + BOUND])
@pytest.mark.parametrize("at", ["first", "second"])
def test_failure(library: Library, reply: bytes, mode: str, at: str) -> None:
    command = Command.CONNECT if at == "first" else Command.BIND
    negotiation = begin(library, mode, request=Request(command, TARGET))
    if at == "second":
        feed(negotiation, sealed(library, [REPLY]), mode)
    with pytest.raises(ConnectionRefusedError) as caught:
        feed(negotiation, sealed(library, [reply]), mode)
    assert isinstance(caught.value, SocksError)
    assert caught.value.target == TARGET
    assert negotiation.state is State.FAILED


@every_way
@pytest.mark.parametrize(
    ("wire", "error", "match"),
    [
        (ABORT, AuthenticationError, "the proxy aborted"),
        (REPLY, RemoteProtocolError, "is no GSSAPI message"),
        (message(LEVEL, b"\x02"), RemoteProtocolError, "type 0x02"),
        (message(DATA, REPLY), RemoteProtocolError, "Token header is malformed"),
    ],
    ids=["abort", "in clear", "another type", "not wrapped"],
)
def test_what_is_no_reply(
    library: Library, wire: bytes, error: type[OSError], match: str, mode: str
) -> None:
    negotiation = begin(library, mode)
    with pytest.raises(error, match=match):
        feed(negotiation, wire, mode)
    assert negotiation.state is State.FAILED


def test_reply_that_is_only_signed(library: Library) -> None:
    negotiation = begin(library, "whole")
    with pytest.raises(RemoteProtocolError, match="confidentiality is agreed"):
        negotiation.receive_data(library.sealed(REPLY, encrypted=False))


@every_way
def test_abort_of_the_context(library: Library, mode: str) -> None:
    negotiation = Negotiation(REQUEST, (GSSAPI(),), server="proxy")
    negotiation.receive_data(b"\x05\x01")
    with pytest.raises(AuthenticationError, match="the proxy aborted"):
        for piece in [ABORT[:1], ABORT[1:]] if mode == "bytes" else [ABORT]:
            negotiation.receive_data(piece)
    assert negotiation.state is State.FAILED


@pytest.mark.parametrize("received", [b"", b"\x01", b"\x01\x01", b"\x01\x01\x00\x06AP"])
def test_hung_up(library: Library, received: bytes) -> None:
    negotiation = Negotiation(REQUEST, (GSSAPI(),), server="proxy")
    negotiation.receive_data(b"\x05\x01" + received)
    with pytest.raises(RemoteProtocolError, match="hung up during authentication"):
        negotiation.receive_data(b"")


def test_hung_up_within_the_reply(library: Library) -> None:
    negotiation = begin(library, "whole")
    negotiation.receive_data(sealed(library, [REPLY])[:-1])
    with pytest.raises(RemoteProtocolError, match="hung up during the wait for its reply"):
        negotiation.receive_data(b"")


def clear_turns(library: Library) -> list[tuple[bytes, bytes]]:
    offer = Seals(b">", b"<").wrap(b"\x00", False).message
    return [
        (b"\x05\x01\x01", b"\x05\x01"),
        (message(CONTEXT, b"AP-REQ"), message(CONTEXT, b"AP-REP")),
        (message(LEVEL, offer), library.level(b"\x00")),
        (REQUEST.encode(), REPLY),
    ]


@every_way
def test_clear_means_that_nothing_is_wrapped(library: Library, mode: str) -> None:
    negotiation = Negotiation(REQUEST, (GSSAPI(protection="clear"),), server="proxy")
    converse(negotiation, clear_turns(library), mode)
    assert negotiation.encapsulation is None
    assert negotiation.layers == []


def test_clear_is_read_exactly(library: Library) -> None:
    """Head, length and token of two messages, then the reply in two."""
    negotiation = Negotiation(REQUEST, (GSSAPI(protection="clear"),), server="proxy")
    assert converse_exactly(negotiation, clear_turns(library)) == 1 + 3 + 3 + 2


def test_trace_has_no_tokens(library: Library) -> None:
    told: list[object] = []
    method = GSSAPI(principal="bob", protection="clear")
    negotiation = Negotiation(REQUEST, (method,), server="proxy", trace=told.append)
    converse(negotiation, clear_turns(library), "whole")
    assert told[2:4] == [Authenticated(1), REQUEST]
    assert "AP-RE" not in repr(told)
    assert "bob" not in repr(told)
