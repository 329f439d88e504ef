from __future__ import annotations

import pytest

from socks5client import NoAuth, Proxy, ProxyConnectionError, RemoteProtocolError, UsernamePassword
from socks5client.handshake import Handshake
from socks5client.protocol import (
    Address,
    Authenticated,
    Command,
    MethodOffer,
    MethodSelection,
    Reply,
    Request,
)
from tests.protocol.feeding import SURPLUS, every_way
from tests.protocol.test_negotiation import Encapsulating, Rot

FIRST = Proxy("first.test", 1081)
SECOND = Proxy("second.test", 1082, auth=[UsernamePassword("user", "secret"), NoAuth()])
REQUEST = Request(Command.CONNECT, Address("example.com", 80))
REPLY = b"\x05\x00\x00\x01\xc0\x00\x02\x01\x04\x38"

TURNS = [
    (b"\x05\x01\x00", b"\x05\x00"),
    (b"\x05\x01\x00\x03\x0bsecond.test\x04\x3a", REPLY),
    (b"\x05\x02\x02\x00", b"\x05\x02"),
    (b"\x01\x04user\x06secret", b"\x01\x00"),
    (b"\x05\x01\x00\x03\x0bexample.com\x00\x50", REPLY),
]


@every_way
def test_chain(mode: str) -> None:
    told: list[object] = []
    handshake = Handshake(
        (FIRST, SECOND), REQUEST, trace=lambda proxy, message: told.append((proxy, message))
    )
    for number, (sent, answer) in enumerate(TURNS):
        assert handshake.data_to_send() == sent
        assert handshake.data_to_send() == b""
        assert handshake.proxy is (FIRST, SECOND)[number >= 2]
        if mode == "bytes":
            for position in range(len(answer)):
                assert handshake.reply is None
                assert 1 <= handshake.bytes_needed <= len(answer) - position
                handshake.receive_data(answer[position : position + 1])
        elif mode == "surplus" and number == len(TURNS) - 1:
            handshake.receive_data(answer + SURPLUS)
        else:
            handshake.receive_data(answer)
    assert handshake.reply is not None
    assert handshake.data_to_send() == b""
    assert handshake.reply == Reply(0, REPLY[3:])
    assert handshake.layers == []
    assert handshake.trailing_data == (SURPLUS if mode == "surplus" else b"")
    assert told == [
        (FIRST, MethodOffer((0,))),
        (FIRST, MethodSelection(0)),
        (FIRST, Authenticated(0)),
        (FIRST, Request(Command.CONNECT, Address("second.test", 1082))),
        (FIRST, Reply(0, REPLY[3:])),
        (SECOND, MethodOffer((2, 0))),
        (SECOND, MethodSelection(2)),
        (SECOND, Authenticated(2)),
        (SECOND, REQUEST),
        (SECOND, Reply(0, REPLY[3:])),
    ]


def test_all_answers_at_once() -> None:
    """A peer that knows what will be asked: nothing is lost between two proxies."""
    handshake = Handshake((FIRST, SECOND), REQUEST)
    handshake.receive_data(b"".join(answer for _, answer in TURNS) + SURPLUS)
    assert handshake.reply is not None
    assert handshake.trailing_data == SURPLUS
    assert handshake.data_to_send() == b"".join(sent for sent, _ in TURNS)


def test_the_next_proxy_as_it_is_to_be_asked_for() -> None:
    handshake = Handshake((FIRST, SECOND), REQUEST, hops=[Address("192.0.2.9", 1082)])
    handshake.receive_data(b"\x05\x00")
    assert handshake.data_to_send().endswith(b"\x01\xc0\x00\x02\x09\x04\x3a")


def test_encapsulation_wraps_the_next_proxy_and_the_data() -> None:
    first = Proxy("first.test", auth=Encapsulating())
    rot = Rot()
    handshake = Handshake((first, FIRST), REQUEST)
    handshake.receive_data(b"\x05\xfe!")
    handshake.data_to_send()
    handshake.receive_data(rot.wrap(REPLY))
    assert handshake.data_to_send() == rot.wrap(b"\x05\x01\x00")
    assert handshake.bytes_needed == 65536
    handshake.receive_data(rot.wrap(b"\x05\x00")[:2])
    assert handshake.data_to_send() == b""
    handshake.receive_data(rot.wrap(b"\x05\x00")[2:])
    assert handshake.data_to_send() == rot.wrap(REQUEST.encode())
    handshake.receive_data(rot.wrap(REPLY + b"hi"))
    assert handshake.reply is not None
    assert handshake.trailing_data == b"hi"
    assert len(handshake.layers) == 1


def test_encapsulation_that_breaks_between_proxies() -> None:
    handshake = Handshake((Proxy("first.test", auth=Encapsulating()), SECOND), REQUEST)
    handshake.receive_data(b"\x05\xfe!" + Rot().wrap(REPLY))
    with pytest.raises(RemoteProtocolError, match="empty message") as caught:
        handshake.receive_data(b"\0")
    assert caught.value.proxy is SECOND


@pytest.mark.parametrize("number", range(len(TURNS)))
def test_hang_up_names_the_proxy_at_fault(number: int) -> None:
    handshake = Handshake((FIRST, SECOND), REQUEST)
    for _, answer in TURNS[:number]:
        handshake.receive_data(answer)
    with pytest.raises(RemoteProtocolError, match="hung up") as caught:
        handshake.receive_data(b"")
    assert caught.value.proxy is (FIRST, SECOND)[number >= 2]
    assert caught.value.target == (("second.test", 1082), ("example.com", 80))[number >= 2]


def test_the_next_proxy_cannot_be_reached() -> None:
    handshake = Handshake((FIRST, SECOND), REQUEST)
    handshake.receive_data(b"\x05\x00")
    with pytest.raises(ProxyConnectionError, match="cannot reach it: host unreach") as caught:
        handshake.receive_data(b"\x05\x04")
    assert caught.value.proxy is SECOND
    assert caught.value.target == ("example.com", 80)
    assert caught.value.__cause__.proxy is FIRST  # type: ignore[union-attr]
    assert "secret" not in str(caught.value)
