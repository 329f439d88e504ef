"""Everything said at once: the same answers, the same errors, nothing said twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from socks5client import (
    AuthenticationError,
    ConnectionRefused,
    NoAcceptableMethodError,
    NoAuth,
    UsernamePassword,
)
from socks5client.protocol import (
    Address,
    Authenticated,
    Command,
    MethodOffer,
    MethodSelection,
    Negotiation,
    Reply,
    Request,
)

from .feeding import converse, every_way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from socks5client.protocol import AuthMethod

REQUEST = Request(Command.CONNECT, Address("example.com", 80))
ASKED = b"\5\1\0\3\x0bexample.com\0\x50"
REPLY = b"\5\0\0\1\x7f\0\0\1\0\x50"
CREDENTIALS = b"\1\2us\2pa"
PASSWORD = UsernamePassword("us", "pa")


def pipelined(method: AuthMethod, early_data: bytes = b"", trace: object = None) -> Negotiation:
    return Negotiation(
        REQUEST,
        [method],
        pipelined=True,
        early_data=early_data,
        trace=trace,  # type: ignore[arg-type]
    )


@every_way
@pytest.mark.parametrize("early_data", [b"", b"GET / HTTP/1.0\r\n\r\n"])
def test_without_authentication(mode: str, early_data: bytes) -> None:
    said = b"\5\1\0" + ASKED + early_data
    converse(pipelined(NoAuth(), early_data), [(said, b"\5\0"), (b"", REPLY)], mode)


@every_way
def test_with_a_password(mode: str) -> None:
    said = b"\5\1\2" + CREDENTIALS + ASKED + b"early"
    turns = [(said, b"\5\2"), (b"", b"\1\0"), (b"", REPLY)]
    converse(pipelined(PASSWORD, b"early"), turns, mode)


def test_all_answers_in_one_piece() -> None:
    talk = pipelined(PASSWORD)
    talk.receive_data(b"\5\2\1\0" + REPLY + b"data")
    assert talk.reply == Reply(0, REPLY[3:])
    assert talk.trailing_data == b"data"


def test_bind() -> None:
    talk = Negotiation(Request(Command.BIND, REQUEST.address), [NoAuth()], pipelined=True)
    assert talk.data_to_send() == b"\5\1\0\5\2" + ASKED[2:]
    talk.receive_data(b"\5\0" + REPLY)
    assert talk.rendezvous == Reply(0, REPLY[3:])
    assert talk.reply is None
    talk.receive_data(REPLY)
    assert talk.reply == talk.rendezvous


def test_what_a_trace_is_told() -> None:
    told: list[object] = []
    talk = pipelined(PASSWORD, trace=told.append)
    assert told == [MethodOffer((2,)), REQUEST]
    talk.receive_data(b"\5\2\1\0" + REPLY)
    assert told[2:] == [MethodSelection(2), Authenticated(2), Reply(0, REPLY[3:])]


def test_what_fails() -> None:
    for answers, error in (
        (b"\5\xff", NoAcceptableMethodError),
        (b"\5\0", NoAcceptableMethodError),
        (b"\5\2\1\1", AuthenticationError),
        (b"\5\2\1\0\5\5\0", ConnectionRefused),
    ):
        talk = pipelined(PASSWORD)
        with pytest.raises(error):
            talk.receive_data(answers)


class Naming:
    """A method that says what it was told."""

    code = 0x80
    one_message = True

    def negotiate(self, request: Request, server: str) -> Iterator[tuple[bytes, int]]:
        yield f"{server} {request.address};".encode(), 1


def test_what_a_method_is_told() -> None:
    talk = Negotiation(REQUEST, [Naming()], server="gw", pipelined=True)  # type: ignore[list-item]
    assert talk.data_to_send() == b"\5\1\x80gw example.com:80;" + ASKED


class Talkative:
    """A method that lies: it has two messages."""

    code = 0x80
    one_message = True

    def negotiate(self, request: object, server: str) -> Iterator[tuple[bytes, int]]:
        yield b"one", 1
        yield b"two", 1


def test_a_method_that_has_more_to_say() -> None:
    talk = pipelined(Talkative())  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match=r"^a method that is pipelined has more to say than one"):
        talk.receive_data(b"\5\x80\1")
