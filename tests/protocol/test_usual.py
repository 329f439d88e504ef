"""The shortcut says exactly what a `Negotiation` says, and knows when it does not apply."""

from __future__ import annotations

import pytest

from socks5client.protocol import Address, Command, Negotiation, Reply, Request
from socks5client.protocol.usual import ADDRESS_START, usual_turns

USUAL = [b"\x05\x00", b"\x05\x00\x00\x01", b"\xc0\x00\x02\x01\x04\x38"]


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "example.com"])
def test_it_is_what_a_negotiation_does(host: str) -> None:
    request = Request(Command.CONNECT, Address(host, 80))
    negotiation = Negotiation(request)
    for (send, count, usual), answer in zip(usual_turns(*request), USUAL, strict=True):
        assert negotiation.data_to_send() == send
        assert count == len(answer)
        assert usual in (answer, None)
        while answer:  # the negotiation asks in smaller pieces, and never for more
            needed = negotiation.bytes_needed
            negotiation.receive_data(answer[:needed])
            answer = answer[needed:]
    assert negotiation.bytes_needed == 0
    assert negotiation.reply == Reply(0, b"".join(USUAL)[ADDRESS_START:])
    assert negotiation.reply.bound == Address("192.0.2.1", 1080)


@pytest.mark.parametrize(
    ("turn", "answer"),
    [
        (0, b"\x05\xff"),
        (0, b"\x05\x02"),
        (0, b"\x04\x00"),
        (1, b"\x04\x00\x00\x01"),
        (1, b"\x05\x05\x00\x01"),
        (1, b"\x05\x00\x00\x03"),
        (1, b"\x05\x00\x00\x04"),
        (1, b"\x05\x00\x00\x09"),
        (1, b"\x05\x00\x07\x01"),
    ],
)
def test_anything_else_is_not_usual(turn: int, answer: bytes) -> None:
    _, count, usual = usual_turns(Command.CONNECT, Address("example.com", 80))[turn]
    assert len(answer) == count
    assert answer != usual
