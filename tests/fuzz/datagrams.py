"""Targets: what comes from a relay."""

from __future__ import annotations

from socks5client.protocol import Association, Datagram, Fragment, Reassembler
from socks5client.protocol.datagram import MAX_PAYLOAD
from tests.server_fixture import datagram as fixture

from .source import Source


def fragment(data: bytes) -> None:
    """A packet is one that encodes to itself, or a ValueError; the reference server agrees."""
    try:
        piece = Fragment.decode(data)
    except ValueError:
        piece = None
    else:
        assert Fragment.decode(piece.encode()) == piece
        assert data.endswith(piece.payload)
        assert 0 <= piece.position <= 127
    try:
        theirs = fixture.decode(data)
    except fixture.Dropped:
        assert piece is None
        return
    if piece is not None:
        assert (theirs.frag, theirs.port, theirs.payload) == (
            piece.frag,
            piece.address.port,
            piece.payload,
        )


def reassembly(data: bytes) -> None:
    """Any sequence of fragments, in any time: datagrams within the rules, in bounded memory."""
    source = Source(data)
    limits = source.choice([(MAX_PAYLOAD, 1), (MAX_PAYLOAD, 3), (1 << 20, 64)])
    reassembler = Reassembler(max_bytes=limits[0], max_sources=limits[1])
    association = Association(reassembler=reassembler)
    now, taken, given = 0.0, 0, 0
    for piece in source.pieces():
        inner = Source(piece)
        frag, where, pause = inner.byte(), inner.byte(), inner.byte()
        now += pause / 16
        payload = inner.rest() * (1 + where // 4 * 10)  # up to 160 kB in all
        host = bytes((1, 10, 0, 0, where % 4, 0, 80))
        packet = bytes((0, 0, frag)) + host + payload
        expected = association.peek(packet, now)
        before = association.malformed
        result = association.receive(packet, now)
        assert expected == result, (expected, result)
        taken += association.malformed == before
        assert reassembler.pending_bytes <= limits[0]
        assert len(reassembler) <= limits[1]
        if result is not None:
            given += 1
            assert isinstance(result, Datagram)
            assert len(result.payload) <= MAX_PAYLOAD or frag == 0
    reassembler.expire(now + 6)
    assert len(reassembler) == reassembler.pending_bytes == 0
    assert given <= taken
    assert association.dropped >= association.malformed
