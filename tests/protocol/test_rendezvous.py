"""BIND: two replies, the rendezvous and then who came to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socks5client import NoAuth, RemoteProtocolError, ReplyError
from socks5client.errors import REPLY_ERRORS
from socks5client.protocol import (
    Address,
    Authenticated,
    Command,
    MethodOffer,
    MethodSelection,
    Negotiation,
    Reply,
    Request,
    State,
)
from tests.protocol.feeding import SURPLUS, converse, converse_exactly, every_way
from tests.protocol.test_negotiation import PASSWORD, PASSWORD_WIRE, Encapsulating, Rot

REQUEST = Request(Command.BIND, Address("198.51.100.7", 21))
REQUEST_WIRE = b"\x05\x02\x00\x01\xc6\x33\x64\x07\x00\x15"
FIRST = b"\x05\x00\x00\x01\xc0\x00\x02\x01\x04\x38"
SECOND = b"\x05\x00\x00\x01\xc6\x33\x64\x07\x00\x14"
V6 = b"\x05\x00\x00\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01\x00\x14"
NAME = b"\x05\x00\x00\x03\x04peer\x00\x14"
NAMELESS = b"\x05\x00\x00\x03\x00\x00\x14"

WITHOUT = [(b"\x05\x01\x00", b"\x05\x00")]
WITH_PASSWORD = [(b"\x05\x02\x02\x00", b"\x05\x02"), (PASSWORD_WIRE, b"\x01\x00")]

# name, methods, turns before the request, both replies
CONVERSATIONS = [
    ("none", (NoAuth(),), WITHOUT, FIRST, SECOND),
    ("password", (PASSWORD, NoAuth()), WITH_PASSWORD, FIRST, SECOND),
    ("the same twice", (NoAuth(),), WITHOUT, FIRST, FIRST),
    ("a peer at IPv6", (NoAuth(),), WITHOUT, FIRST, V6),
    ("a rendezvous at IPv6", (NoAuth(),), WITHOUT, V6, SECOND),
    ("a peer with a name", (PASSWORD, NoAuth()), WITH_PASSWORD, V6, NAME),
    ("names of no length", (NoAuth(),), WITHOUT, NAMELESS, NAMELESS),
    ("zeros", (NoAuth(),), WITHOUT, b"\x05\x00\x00\x01" + bytes(6), SECOND),
]

every_conversation = pytest.mark.parametrize(
    ("methods", "before", "first", "second"),
    [row[1:] for row in CONVERSATIONS],
    ids=[row[0] for row in CONVERSATIONS],
)


@every_way
@every_conversation
def test_conversation(methods, before, first, second, mode) -> None:  # type: ignore[no-untyped-def]
    negotiation = Negotiation(REQUEST, methods)
    converse(negotiation, [*before, (REQUEST_WIRE, first), (b"", second)], mode)
    assert negotiation.rendezvous == Reply(0, first[3:])
    assert negotiation.reply == Reply(0, second[3:])
    assert negotiation.state is State.DONE


@every_conversation
def test_reads_are_few_and_never_too_long(methods, before, first, second) -> None:  # type: ignore[no-untyped-def]
    turns = [*before, (REQUEST_WIRE, first), (b"", second)]
    # One a message, and two for each of the replies.
    assert converse_exactly(Negotiation(REQUEST, methods), turns) == len(before) + 4


@every_conversation
@pytest.mark.parametrize("surplus", [b"", SURPLUS])
def test_both_replies_at_once(methods, before, first, second, surplus) -> None:  # type: ignore[no-untyped-def]
    negotiation = Negotiation(REQUEST, methods)
    for _, answer in before:
        negotiation.receive_data(answer)
    negotiation.receive_data(first + second + surplus)
    assert negotiation.rendezvous == Reply(0, first[3:])
    assert negotiation.reply == Reply(0, second[3:])
    assert negotiation.trailing_data == surplus
    assert negotiation.bytes_needed == 0


def test_between_the_replies() -> None:
    """The rendezvous is known, the end is not, and a start of the second reply is not lost."""
    negotiation = Negotiation(REQUEST)
    negotiation.receive_data(b"\x05\x00")
    assert negotiation.rendezvous is None
    assert negotiation.data_to_send() == b"\x05\x01\x00" + REQUEST_WIRE
    negotiation.receive_data(FIRST + SECOND[:1])
    assert negotiation.rendezvous is not None
    assert negotiation.rendezvous.bound == Address("192.0.2.1", 1080)
    assert negotiation.reply is None
    assert negotiation.state is State.RENDEZVOUS
    assert negotiation.data_to_send() == b""
    assert negotiation.trailing_data == b""
    assert negotiation.bytes_needed == Reply.HEAD - 1
    negotiation.receive_data(SECOND[1:])
    assert negotiation.reply is not None
    assert negotiation.reply.bound == Address("198.51.100.7", 20)


@given(st.data())
def test_any_split_ends_the_same(data: st.DataObject) -> None:
    _, methods, before, first, second = data.draw(st.sampled_from(CONVERSATIONS))
    wire = b"".join(answer for _, answer in before) + first + second
    known = len(wire) - len(second)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(wire) - 1))))
    negotiation = Negotiation(REQUEST, methods)
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        negotiation.receive_data(wire[start:end])
        assert (negotiation.rendezvous is not None) == (end >= known)
        assert (negotiation.reply is not None) == (end == len(wire))
    assert negotiation.rendezvous == Reply(0, first[3:])
    assert negotiation.reply == Reply(0, second[3:])


@pytest.mark.parametrize("command", [Command.CONNECT, Command.UDP_ASSOCIATE, 0xF0])
def test_no_other_command_waits_for_a_second_reply(command: int) -> None:
    negotiation = Negotiation(Request(command, REQUEST.address))
    negotiation.receive_data(b"\x05\x00" + FIRST + SECOND)
    assert negotiation.rendezvous is None
    assert negotiation.reply == Reply(0, FIRST[3:])
    assert negotiation.trailing_data == SECOND


# Those of RFC 1928, one of Tor's, and one of nobody's
CODES = [1, 2, 3, 4, 5, 6, 7, 8, 0xF0, 0x63]


@every_way
@pytest.mark.parametrize("second", [False, True], ids=["first", "second"])
@pytest.mark.parametrize("code", CODES)
def test_failure(code: int, second: bool, mode: str) -> None:
    """Two bytes say it, whether the proxy sends more or closes."""
    told: list[object] = []
    negotiation = Negotiation(REQUEST, trace=told.append)
    negotiation.receive_data(b"\x05\x00")
    if second:
        negotiation.receive_data(FIRST)
    failure = bytes((5, code))
    if mode == "bytes":
        negotiation.receive_data(failure[:1])
        assert negotiation.state is (State.RENDEZVOUS if second else State.REPLY)
        failure = failure[1:]
    elif mode == "surplus":
        failure += b"\0\x01" + bytes(6)
    with pytest.raises(ReplyError) as caught:
        negotiation.receive_data(failure)
    assert type(caught.value) is REPLY_ERRORS.get(code, (ReplyError,))[0]
    assert caught.value.code == code
    assert caught.value.target == REQUEST.address
    assert told[-1] == Reply(code)
    assert negotiation.state is State.FAILED
    assert negotiation.rendezvous == (Reply(0, FIRST[3:]) if second else None)
    assert (negotiation.reply, negotiation.trailing_data) == (None, b"")
    with pytest.raises(RuntimeError, match="has ended"):
        negotiation.receive_data(b"")


def test_failure_behind_the_first_reply() -> None:
    """Both come in one piece: the first was understood all the same."""
    negotiation = Negotiation(REQUEST)
    with pytest.raises(ConnectionRefusedError):
        negotiation.receive_data(b"\x05\x00" + FIRST + b"\x05\x05")
    assert negotiation.rendezvous == Reply(0, FIRST[3:])
    assert negotiation.state is State.FAILED


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (b"\x04\x00", "the reply has the version 0x04"),
        (b"\x05\x00\x00\x09\x00", "the reply has an unknown address type 0x09"),
    ],
)
@pytest.mark.parametrize("second", [False, True], ids=["first", "second"])
def test_nonsense(answer: bytes, match: str, second: bool) -> None:
    negotiation = Negotiation(REQUEST)
    negotiation.receive_data(b"\x05\x00" + (FIRST if second else b""))
    with pytest.raises(RemoteProtocolError, match=match):
        negotiation.receive_data(answer)
    assert negotiation.state is State.FAILED


@pytest.mark.parametrize(
    ("received", "during"),
    [
        (b"", "the wait for its reply"),
        (FIRST[:-1], "the wait for its reply"),
        (FIRST, "the wait for the peer's connection"),
        (FIRST + SECOND[:1], "the wait for the peer's connection"),
        (FIRST + SECOND[:-1], "the wait for the peer's connection"),
    ],
)
def test_hung_up(received: bytes, during: str) -> None:
    negotiation = Negotiation(REQUEST)
    negotiation.receive_data(b"\x05\x00" + received)
    with pytest.raises(RemoteProtocolError, match=f"the proxy hung up during {during}"):
        negotiation.receive_data(b"")
    assert negotiation.state is State.FAILED


def test_trace_tells_both_replies() -> None:
    told: list[object] = []
    negotiation = Negotiation(REQUEST, (PASSWORD,), trace=told.append)
    negotiation.receive_data(b"\x05\x02\x01\x00" + FIRST)
    until_first = [
        MethodOffer((2,)),
        MethodSelection(2),
        Authenticated(2),
        REQUEST,
        Reply(0, FIRST[3:]),
    ]
    assert told == until_first
    negotiation.receive_data(SECOND)
    assert told == [*until_first, Reply(0, SECOND[3:])]


# How the proxy wraps the two replies and the data behind them: plain pieces, one message each
MESSAGES = [
    ("one each", [FIRST, SECOND, b"data"]),
    ("one for all", [FIRST + SECOND + b"data"]),
    ("in halves", [FIRST[:3], FIRST[3:], SECOND[:1], SECOND[1:], b"da", b"ta"]),
    ("across", [FIRST + SECOND[:4], SECOND[4:] + b"data"]),
]


@every_way
@pytest.mark.parametrize("messages", [row[1] for row in MESSAGES], ids=[row[0] for row in MESSAGES])
def test_encapsulated(messages: list[bytes], mode: str) -> None:
    """Both replies are wrapped, in messages that need not end where they do."""
    rot = Rot()
    negotiation = Negotiation(REQUEST, (Encapsulating(),))
    negotiation.receive_data(b"\x05\xfe")
    negotiation.receive_data(b"!")
    assert negotiation.data_to_send() == b"\x05\x01\xfelevel?" + rot.wrap(REQUEST_WIRE)
    pieces = [rot.wrap(message) for message in messages]
    if mode == "whole":
        pieces = [b"".join(pieces)]
    elif mode == "bytes":
        pieces = [bytes((byte,)) for byte in b"".join(pieces)]
    trailing = b""
    for piece in pieces:
        if negotiation.reply is None:
            assert negotiation.bytes_needed == 65536
            negotiation.receive_data(piece)
        else:  # what comes behind the reply is the driver's to unwrap
            trailing += negotiation.layers[0].unwrap(piece)
    assert negotiation.rendezvous == Reply(0, FIRST[3:])
    assert negotiation.reply == Reply(0, SECOND[3:])
    assert negotiation.trailing_data + trailing == b"data"
    assert negotiation.data_to_send() == b""


def test_encapsulated_failure_of_the_second_reply() -> None:
    rot = Rot()
    negotiation = Negotiation(REQUEST, (Encapsulating(),))
    negotiation.receive_data(b"\x05\xfe!" + rot.wrap(FIRST))
    assert negotiation.rendezvous == Reply(0, FIRST[3:])
    assert negotiation.state is State.RENDEZVOUS
    with pytest.raises(ReplyError, match="TTL expired"):
        negotiation.receive_data(rot.wrap(b"\x05\x06\x00"))
    assert negotiation.state is State.FAILED
