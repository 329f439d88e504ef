"""How the core's tests feed bytes: whole, byte by byte, and with a surplus behind.

Each conversation is written once, as a list of turns, and run all three ways.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from socks5client.protocol import Negotiation

SURPLUS = b"SSH-2.0-surplus\r\n"

MODES = ["whole", "bytes", "surplus"]

every_way = pytest.mark.parametrize("mode", MODES)


def converse(negotiation: Negotiation, turns: Sequence[tuple[bytes, bytes]], mode: str) -> None:
    """Plays the proxy: at each turn expects what the client sends, then answers.

    A turn at which the client says nothing is an answer that comes by itself: BIND's second.
    Byte by byte it also checks that the negotiation never asks for more than the answer has,
    and never ends before its last byte; with a surplus, that the bytes behind the last answer
    come out again.
    """
    for number, (sent, answer) in enumerate(turns):
        assert negotiation.data_to_send() == sent
        assert negotiation.data_to_send() == b""
        assert negotiation.reply is None
        last = number == len(turns) - 1
        if mode == "whole":
            negotiation.receive_data(answer)
        elif mode == "surplus":
            negotiation.receive_data(answer + SURPLUS if last else answer)
        else:
            for position in range(len(answer)):
                assert negotiation.reply is None
                assert 1 <= negotiation.bytes_needed <= len(answer) - position
                negotiation.receive_data(answer[position : position + 1])
    assert negotiation.data_to_send() == b""
    assert negotiation.reply is not None
    assert negotiation.bytes_needed == 0
    assert negotiation.trailing_data == (SURPLUS if mode == "surplus" else b"")


def converse_exactly(negotiation: Negotiation, turns: Sequence[tuple[bytes, bytes]]) -> int:
    """Plays a driver that reads at most `bytes_needed`; returns the number of its reads."""
    reads = 0
    for sent, answer in turns:
        assert negotiation.data_to_send() == sent
        while answer:
            needed = negotiation.bytes_needed
            assert 1 <= needed <= len(answer)
            negotiation.receive_data(answer[:needed])
            answer = answer[needed:]
            reads += 1
    assert negotiation.reply is not None
    return reads
