from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socks5client import (
    AuthenticationError,
    NoAcceptableMethodError,
    NoAuth,
    RemoteProtocolError,
    ReplyError,
    SocksError,
    UsernamePassword,
)
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
    negotiation,
)
from tests.protocol.feeding import converse, converse_exactly, every_way

if TYPE_CHECKING:
    from collections.abc import Generator

REQUEST = Request(Command.CONNECT, Address("example.com", 80))
REQUEST_WIRE = b"\x05\x01\x00\x03\x0bexample.com\x00\x50"
REPLY = b"\x05\x00\x00\x01\xc0\x00\x02\x01\x04\x38"
BOUND = Address("192.0.2.1", 1080)
PASSWORD = UsernamePassword("user", "secret")
PASSWORD_WIRE = b"\x01\x04user\x06secret"


class Challenge:
    """A third party's method: a private number, two rounds of any length, one without answer."""

    code = 0x80

    def negotiate(self, request: Request, server: str) -> Generator[tuple[bytes, int], bytes, None]:
        (length,) = yield b"hello " + server.encode(), 1
        challenge = yield b"", length
        yield b"I go on", 0
        verdict = yield challenge[::-1], 2
        if verdict != b"ok":
            raise AuthenticationError("the challenge was not met")


class Rot:
    """An encapsulation: a length octet, then every byte shifted."""

    def __init__(self) -> None:
        self._buffer = b""

    def wrap(self, data: bytes) -> bytes:
        return bytes((len(data),)) + bytes((byte + 1) % 256 for byte in data)

    def unwrap(self, data: bytes) -> bytes:
        self._buffer += data
        plain = b""
        while self._buffer and len(self._buffer) > self._buffer[0]:
            length = self._buffer[0]
            if not length:
                raise RemoteProtocolError("an empty message")
            plain += bytes((byte - 1) % 256 for byte in self._buffer[1 : 1 + length])
            self._buffer = self._buffer[1 + length :]
        return plain

    def finish(self) -> bytes:
        return b""


class Encapsulating:
    """A third party's method that encapsulates what follows."""

    code = 0xFE

    def negotiate(self, request: Request, server: str) -> Generator[tuple[bytes, int], bytes, Rot]:
        yield b"level?", 1
        return Rot()


# name, methods, turns of (client, proxy), bound
CONVERSATIONS = [
    ("none", (NoAuth(),), [(b"\x05\x01\x00", b"\x05\x00"), (REQUEST_WIRE, REPLY)], BOUND),
    (
        "password",
        (PASSWORD, NoAuth()),
        [
            (b"\x05\x02\x02\x00", b"\x05\x02"),
            (PASSWORD_WIRE, b"\x01\x00"),
            (REQUEST_WIRE, REPLY),
        ],
        BOUND,
    ),
    (
        "password offered, none chosen",
        (PASSWORD, NoAuth()),
        [(b"\x05\x02\x02\x00", b"\x05\x00"), (REQUEST_WIRE, REPLY)],
        BOUND,
    ),
    (
        "password answered with version 5",
        (PASSWORD,),
        [(b"\x05\x01\x02", b"\x05\x02"), (PASSWORD_WIRE, b"\x05\x00"), (REQUEST_WIRE, REPLY)],
        BOUND,
    ),
    (
        "private method",
        (Challenge(), NoAuth()),
        [
            (b"\x05\x02\x80\x00", b"\x05\x80"),
            (b"hello proxy", b"\x03abc"),
            (b"I go oncba", b"ok"),
            (REQUEST_WIRE, REPLY),
        ],
        BOUND,
    ),
    (
        "bound to IPv6",
        (NoAuth(),),
        [
            (b"\x05\x01\x00", b"\x05\x00"),
            (REQUEST_WIRE, b"\x05\x00\x00\x04" + bytes(15) + b"\x01\x00\x09"),
        ],
        Address("::1", 9),
    ),
    (
        "bound to a name",
        (NoAuth(),),
        [(b"\x05\x01\x00", b"\x05\x00"), (REQUEST_WIRE, b"\x05\x00\x00\x03\x04name\x00\x09")],
        Address("name", 9),
    ),
    (
        "bound to a name of no length",
        (NoAuth(),),
        [(b"\x05\x01\x00", b"\x05\x00"), (REQUEST_WIRE, b"\x05\x00\x00\x03\x00\x00\x00")],
        None,
    ),
]

every_conversation = pytest.mark.parametrize(
    ("methods", "turns", "bound"),
    [conversation[1:] for conversation in CONVERSATIONS],
    ids=[conversation[0] for conversation in CONVERSATIONS],
)


@every_way
@every_conversation
def test_conversation(methods, turns, bound, mode) -> None:  # type: ignore[no-untyped-def]
    negotiation = Negotiation(REQUEST, methods, server="proxy")
    converse(negotiation, turns, mode)
    assert negotiation.reply is not None
    assert (negotiation.reply.code, negotiation.reply.bound) == (0, bound)


@every_conversation
def test_reads_are_few_and_never_too_long(methods, turns, bound) -> None:  # type: ignore[no-untyped-def]
    reads = converse_exactly(Negotiation(REQUEST, methods, server="proxy"), turns)
    # One a message, two for the reply; the private method's first answer has two parts.
    assert reads == len(turns) + 1 + (len(methods) == 2 and methods[0].code == 0x80)


@every_way
def test_encapsulated(mode: str) -> None:
    """The request and its reply are wrapped; what came in the reply's message is kept."""
    rot = Rot()
    negotiation = Negotiation(REQUEST, (Encapsulating(),))
    turns = [(b"\x05\x01\xfe", b"\x05\xfe"), (b"level?", b"!")]
    for sent, answer in turns:
        assert negotiation.data_to_send() == sent
        negotiation.receive_data(answer)
    assert negotiation.data_to_send() == rot.wrap(REQUEST_WIRE)
    assert negotiation.bytes_needed == 65536
    wire = rot.wrap(REPLY[:3]) + rot.wrap(REPLY[3:] + b"plain")
    if mode == "surplus":
        wire += rot.wrap(b" and more")
    if mode == "bytes":
        for byte in wire:
            assert negotiation.reply is None
            negotiation.receive_data(bytes((byte,)))
    else:
        negotiation.receive_data(wire)
    assert negotiation.reply == Reply(0, REPLY[3:])
    assert negotiation.trailing_data == b"plain" + (b" and more" if mode == "surplus" else b"")


def test_encapsulated_reply_sent_with_the_answer_before_it() -> None:
    negotiation = Negotiation(REQUEST, (Encapsulating(),))
    negotiation.receive_data(b"\x05\xfe!" + Rot().wrap(REPLY))
    assert negotiation.reply is not None


@pytest.mark.parametrize("early", [False, True])
def test_broken_encapsulation(early: bool) -> None:
    negotiation = Negotiation(REQUEST, (Encapsulating(),))
    with pytest.raises(RemoteProtocolError, match="an empty message"):
        if early:
            negotiation.receive_data(b"\x05\xfe!\0")
        else:
            negotiation.receive_data(b"\x05\xfe!")
            negotiation.receive_data(b"\0")
    assert negotiation.state is State.FAILED


FAILURES = [
    ("wrong version of the selection", b"\x04\x00", RemoteProtocolError, "version 0x04"),
    (
        "another protocol",
        b"HTTP/1.1 400",
        RemoteProtocolError,
        r"05; is it a SOCKS5 proxy\? \(target",
    ),
    ("none acceptable", b"\x05\xff", NoAcceptableMethodError, r"none of .* offered \(0x02, 0x00\)"),
    ("not offered", b"\x05\x01", NoAcceptableMethodError, "0x01, which was not offered"),
    ("password refused", b"\x05\x02\x01\x01", AuthenticationError, "refused"),
    ("status of another version", b"\x05\x02\x04\x00", RemoteProtocolError, "version 0x04"),
    ("wrong version of the reply", b"\x05\x00\x01\x00", RemoteProtocolError, "reply has the vers"),
    ("unknown address type", b"\x05\x00\x05\x00\x00\x09\x00", RemoteProtocolError, "type 0x09"),
    ("refused", b"\x05\x00\x05\x05\x00\x01" + bytes(6), ConnectionRefusedError, "by the target"),
    ("two bytes", b"\x05\x00\x05\x02", PermissionError, "ruleset"),
    ("three bytes", b"\x05\x00\x05\x04\x00", ReplyError, "host unreachable"),
    ("unknown code", b"\x05\x00\x05\x63", ReplyError, "the code 0x63"),
]


@every_way
@pytest.mark.parametrize(
    ("answers", "error", "match"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES]
)
def test_failure(answers: bytes, error: type[OSError], match: str, mode: str) -> None:
    negotiation = Negotiation(REQUEST, (PASSWORD, NoAuth()))
    pieces = [bytes((byte,)) for byte in answers] if mode == "bytes" else [answers]
    with pytest.raises(error, match=match) as caught:
        for piece in pieces:
            negotiation.receive_data(piece)
    assert isinstance(caught.value, SocksError)
    assert "secret" not in f"{caught.value} {caught.value!r} {caught.value.__dict__}"
    assert negotiation.state is State.FAILED
    assert negotiation.trailing_data == b""
    with pytest.raises(RuntimeError, match=r"^the negotiation has ended; what follows the reply"):
        negotiation.receive_data(b"more")


@pytest.mark.parametrize("code", range(1, 256))
def test_every_reply_code(code: int) -> None:
    negotiation = Negotiation(REQUEST)
    negotiation.receive_data(b"\x05\x00")
    with pytest.raises(ReplyError) as caught:
        negotiation.receive_data(bytes((5, code, 0, 1)) + bytes(6))
    assert type(caught.value) is REPLY_ERRORS.get(code, (ReplyError,))[0]
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("received", "during"),
    [
        (b"", "method selection"),
        (b"\x05", "method selection"),
        (b"\x05\x02", "authentication"),
        (b"\x05\x02\x01", "authentication"),
        (b"\x05\x02\x01\x00", "the wait for its reply"),
        (b"\x05\x02\x01\x00\x05", "the wait for its reply"),
        (b"\x05\x02\x01\x00\x05\x00\x00\x01\x00", "the wait for its reply"),
    ],
)
def test_hung_up(received: bytes, during: str) -> None:
    negotiation = Negotiation(REQUEST, (PASSWORD,))
    if received:
        negotiation.receive_data(received)
    with pytest.raises(RemoteProtocolError, match=f"hung up during {during}"):
        negotiation.receive_data(b"")


@pytest.mark.parametrize("code", [0x03, 0x7F, 0x80, 0xFE])
def test_a_method_of_ones_own_has_any_code(code: int) -> None:
    """IANA's numbers, and those for private use."""
    method = Challenge()
    method.code = code
    negotiation = Negotiation(REQUEST, (method,))
    assert negotiation.data_to_send() == bytes((5, 1, code))
    negotiation.receive_data(bytes((5, code)) + b"\x03abc")
    assert negotiation.data_to_send() == b"hello I go oncba"
    negotiation.receive_data(b"ok")
    assert negotiation.data_to_send() == REQUEST_WIRE


def test_private_method_that_refuses() -> None:
    negotiation = Negotiation(REQUEST, (Challenge(),))
    with pytest.raises(AuthenticationError, match="not met"):
        negotiation.receive_data(b"\x05\x80\x01ano")


def test_private_method_that_breaks() -> None:
    class Broken(NoAuth):
        def negotiate(
            self, request: Request, server: str
        ) -> Generator[tuple[bytes, int], bytes, None]:
            yield b"", 1 // 0

    negotiation = Negotiation(REQUEST, (Broken(),))  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError):
        negotiation.receive_data(b"\x05\x00")
    assert negotiation.state is State.FAILED


def test_trace_tells_all_but_secrets() -> None:
    told: list[object] = []
    negotiation = Negotiation(REQUEST, (PASSWORD, NoAuth()), trace=told.append)
    for answer in (b"\x05\x02", b"\x01\x00", REPLY):
        negotiation.receive_data(answer)
    assert told == [
        MethodOffer((2, 0)),
        MethodSelection(2),
        Authenticated(2),
        REQUEST,
        Reply(0, REPLY[3:]),
    ]
    assert "secret" not in repr(told)


def test_trace_tells_a_failing_reply() -> None:
    told: list[object] = []
    negotiation = Negotiation(REQUEST, trace=told.append)
    with pytest.raises(ReplyError):
        negotiation.receive_data(b"\x05\x00\x05\x05")
    assert told[-1] == Reply(5)


def test_states_are_those_of_the_table() -> None:
    """The table in the module's docstring is what happens."""
    seen = []

    class Spy(Negotiation):
        def __setattr__(self, name: str, value: object) -> None:
            if name == "state":
                seen.append(value)
            super().__setattr__(name, value)

    Spy(REQUEST, (PASSWORD,)).receive_data(b"\x05\x02\x01\x00" + REPLY)
    Spy(Request(Command.BIND, BOUND)).receive_data(b"\x05\x00" + REPLY + REPLY)
    with pytest.raises(RemoteProtocolError):
        Spy(REQUEST).receive_data(b"")
    table = re.findall(r"^([A-Z_]+)  ", negotiation.__doc__ or "", re.MULTILINE)
    assert [State[name] for name in table] == list(State)
    assert seen == [
        State.METHOD_SELECTION,
        State.SUB_NEGOTIATION,
        State.REPLY,
        State.DONE,
        State.METHOD_SELECTION,
        State.SUB_NEGOTIATION,
        State.REPLY,
        State.RENDEZVOUS,
        State.DONE,
        State.METHOD_SELECTION,
        State.FAILED,
    ]


@given(st.lists(st.binary(max_size=20), max_size=20), st.sampled_from(list(Command)))
def test_any_bytes_end_or_fail_with_an_error_of_ours(pieces: list[bytes], command: int) -> None:
    request = Request(command, REQUEST.address)
    negotiation = Negotiation(request, (PASSWORD, NoAuth(), Challenge()))
    try:
        for piece in pieces:
            if negotiation.reply is None:
                negotiation.receive_data(piece)
    except SocksError:
        assert negotiation.state is State.FAILED


@given(st.data())
def test_any_split_ends_the_same(data: st.DataObject) -> None:
    _, methods, turns, bound = data.draw(st.sampled_from(CONVERSATIONS))
    wire = b"".join(answer for _, answer in turns)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(wire) - 1))))
    negotiation = Negotiation(REQUEST, methods)
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        negotiation.receive_data(wire[start:end])
    assert negotiation.reply is not None
    assert (negotiation.reply.code, negotiation.reply.bound) == (0, bound)


def test_no_module_of_the_core_does_io() -> None:
    forbidden = (
        r"^\s*(?:import|from) (socket|ssl|select|selectors|threading|time|random|logging|asyncio)\b"
    )
    for path in Path(negotiation.__file__).parent.glob("*.py"):
        assert not re.search(forbidden, path.read_text(), re.MULTILINE), path


class Ending:
    """An encapsulation with an end of its own: everything up to a full stop."""

    ended = False

    def wrap(self, data: bytes) -> bytes:
        return data

    def unwrap(self, data: bytes) -> bytes:
        plain, stop, _ = data.partition(b".")
        self.ended = bool(stop)
        return plain

    def finish(self) -> bytes:
        return b"."


class EndingMethod:
    code = 0x80

    def negotiate(
        self, request: Request, server: str
    ) -> Generator[tuple[bytes, int], bytes, Ending]:
        yield from ()
        return Ending()


def test_the_end_of_an_encapsulation_is_a_hang_up() -> None:
    negotiation = Negotiation(REQUEST, (EndingMethod(),))
    negotiation.receive_data(b"\x05\x80")
    negotiation.receive_data(REPLY[:4])
    with pytest.raises(RemoteProtocolError, match="hung up during the wait for its reply"):
        negotiation.receive_data(REPLY[4:-1] + b".")
    assert negotiation.state is State.FAILED


def test_the_end_of_an_encapsulation_behind_the_reply_is_the_users() -> None:
    negotiation = Negotiation(REQUEST, (EndingMethod(),))
    negotiation.receive_data(b"\x05\x80")
    negotiation.receive_data(REPLY + b"data.")
    assert negotiation.reply is not None
    assert negotiation.trailing_data == b"data"
    (layer,) = negotiation.layers
    assert getattr(layer, "ended") is True  # noqa: B009
