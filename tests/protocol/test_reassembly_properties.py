"""What holds of reassembly whatever arrives: fragments lost, doubled, reordered, invented."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from socks5client.protocol import Address, Fragment, Reassembler
from tests.protocol.strategies import SOURCES, arrivals, fragmented, time_steps

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

sources = st.lists(st.sampled_from(SOURCES), min_size=1, unique=True)
payloads = st.binary(max_size=40) | st.integers(0, 300).map(
    lambda n: bytes(n % 251 for n in range(n))
)


def payload_of(pieces: list[Fragment]) -> bytes:
    return b"".join(piece.payload for piece in pieces)


@given(st.data())
def test_one_datagram_a_source_comes_out_as_it_was_sent_or_not_at_all(data: st.DataObject) -> None:
    """Lost, doubled, reordered, interleaved, late: no way to make another datagram of it."""
    sent = {source: data.draw(fragmented(payloads, source)) for source in data.draw(sources)}
    everything = [piece for pieces in sent.values() for piece in pieces]
    # In order but for what chance does, or in no order at all.
    copies = data.draw(
        st.lists(
            st.sampled_from([1, 1, 1, 1, 0, 2]),
            min_size=len(everything),
            max_size=len(everything),
        )
    )
    arriving = [p for piece, n in zip(everything, copies, strict=True) for p in [piece] * n]
    arriving = data.draw(
        st.just(arriving) | st.permutations(arriving) | st.lists(st.sampled_from(everything))
    )
    reassembler, now = Reassembler(), 0.0
    for piece in arriving:
        now += data.draw(st.just(0.0) | time_steps)
        datagram = reassembler.receive(piece, now)
        if datagram is not None:
            assert datagram == (piece.address, payload_of(sent[piece.address]))


@st.composite
def interleaved(draw: DrawFn) -> tuple[dict[Address, list[Fragment]], list[Fragment]]:
    """The fragments of several sources, each one's in order."""
    sent = {source: draw(fragmented(payloads, source)) for source in draw(sources)}
    turns = draw(st.permutations([s for s, pieces in sent.items() for _ in pieces]))
    rest = {source: iter(pieces) for source, pieces in sent.items()}
    return sent, [next(rest[source]) for source in turns]


@given(interleaved(), st.floats(0, 4.9))
def test_what_arrives_in_order_comes_out(
    traffic: tuple[dict[Address, list[Fragment]], list[Fragment]], duration: float
) -> None:
    sent, arriving = traffic
    reassembler = Reassembler()
    out = {}
    for number, piece in enumerate(arriving):
        datagram = reassembler.receive(piece, 1000 + duration * number / len(arriving))
        assert (datagram is not None) == (piece is sent[piece.address][-1])
        if datagram is not None:
            out[datagram.address] = datagram.payload
    assert out == {source: payload_of(pieces) for source, pieces in sent.items()}
    assert (reassembler.dropped, reassembler.pending_bytes, len(reassembler)) == (0, 0, 0)


@given(st.data())
def test_one_after_another_with_losses(data: st.DataObject) -> None:
    """As long as every beginning arrives, just the datagrams that arrive whole come out."""
    whole, out = [], []
    reassembler = Reassembler()
    lost = 0
    for pieces in data.draw(st.lists(fragmented(payloads, SOURCES[0]), max_size=6)):
        missing = data.draw(st.sets(st.integers(1, len(pieces)), max_size=3)) - {len(pieces)}
        lost += len(missing)
        if not missing:
            whole.append(payload_of(pieces))
        for number, piece in enumerate(pieces):
            if number not in missing:
                datagram = reassembler.receive(piece, 0.0)
                if datagram is not None:
                    out.append(datagram.payload)
    assert out == whole
    assert (reassembler.dropped == 0 and len(reassembler) == 0) == (lost == 0)


def waiting(reassembler: Reassembler, now: float, most: int) -> tuple[int, int, int]:
    """The sequences, fragments and bytes that wait, asked for one by one; `most` in each."""
    found = []
    for source in SOURCES:
        for position in range(2, most + 2):
            datagram = reassembler.peek(Fragment(0x80 | position, source, b""), now)
            if datagram is not None:
                found.append((position - 1, len(datagram.payload)))
    return len(found), sum(count for count, _ in found), sum(size for _, size in found)


@given(arrivals([0, 1, 2, 30000, 35527, 35528, 65527, 65528]), st.integers(1, 3))
def test_memory_is_bounded_and_every_fragment_accounted_for(
    arriving: list[tuple[Fragment, float]], max_sources: int
) -> None:
    reassembler = Reassembler(max_bytes=70000, max_sources=max_sources)
    delivered = 0
    for received, (piece, now) in enumerate(arriving, 1):
        if reassembler.receive(piece, now) is not None:
            delivered += max(1, piece.position)
        sequences, fragments, size = waiting(reassembler, now, received)
        assert (len(reassembler), reassembler.pending_bytes) == (sequences, size)
        assert sequences <= max_sources
        assert size <= 70000
        assert received == delivered + reassembler.dropped + fragments


@given(arrivals([0, 1, 2, 35000, 65528]), st.data())
def test_to_peek_is_to_know_and_to_change_nothing(
    arriving: list[tuple[Fragment, float]], data: st.DataObject
) -> None:
    """One that is asked all the time does what one does that is never asked."""
    asked, left_alone = (Reassembler(max_bytes=65527, max_sources=2) for _ in range(2))
    others = st.sampled_from([piece for piece, _ in arriving]) if arriving else st.nothing()
    for piece, now in arriving:
        before = (asked.dropped, asked.pending_bytes, len(asked))
        asked.peek(data.draw(others), now)
        peeked = asked.peek(piece, now)
        assert (asked.dropped, asked.pending_bytes, len(asked)) == before
        assert asked.receive(piece, now) == peeked == left_alone.receive(piece, now)
        after = (asked.dropped, asked.pending_bytes, len(asked))
        assert after == (left_alone.dropped, left_alone.pending_bytes, len(left_alone))
