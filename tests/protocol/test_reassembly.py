from __future__ import annotations

from math import inf, nan, nextafter

import pytest

from socks5client.protocol import Address, Fragment, Reassembler

A = Address("192.0.2.1", 53)
B = Address("192.0.2.2", 53)
C = Address("name.example", 53)

LAST = 0x80

# What one source sends, as (FRAG, payload, what comes out); fragments dropped, bytes waiting
RULES = [
    ("in order", [(1, b"a", None), (2, b"b", None), (LAST | 3, b"c", b"abc")], 0, 0),
    ("two of them", [(1, b"a", None), (LAST | 2, b"b", b"ab")] * 2, 0, 0),
    ("empty pieces", [(1, b"", None), (2, b"b", None), (LAST | 3, b"", b"b")], 0, 0),
    ("it waits", [(1, b"abc", None), (2, b"de", None)], 0, 5),
    ("one fragment", [(LAST | 1, b"a", b"a")], 0, 0),
    ("one fragment, twice", [(LAST | 1, b"a", b"a"), (LAST | 1, b"a", b"a")], 0, 0),
    (
        "one fragment abandons",
        [(1, b"a", None), (2, b"b", None), (LAST | 1, b"c", b"c"), (LAST | 3, b"d", None)],
        3,
        0,
    ),
    ("standalone", [(0, b"a", b"a"), (0, b"", b"")], 0, 0),
    (
        "standalone abandons",
        [(1, b"a", None), (2, b"b", None), (0, b"c", b"c"), (LAST | 3, b"d", None)],
        3,
        0,
    ),
    ("no beginning", [(2, b"b", None), (3, b"c", None), (LAST | 4, b"d", None)], 3, 0),
    ("an end alone", [(LAST | 2, b"b", None)], 1, 0),
    ("a gap", [(1, b"a", None), (3, b"c", None), (LAST | 4, b"d", None)], 3, 0),
    ("a gap before the end", [(1, b"a", None), (LAST | 3, b"c", None)], 2, 0),
    ("a gap is not filled", [(1, b"a", None), (3, b"c", None), (2, b"b", None)], 3, 0),
    (
        "a lower one",
        [
            (1, b"a", None),
            (2, b"b", None),
            (3, b"c", None),
            (2, b"b", None),
            (LAST | 4, b"d", None),
        ],
        5,
        0,
    ),
    (
        "a lower end",
        [(1, b"a", None), (2, b"b", None), (3, b"c", None), (LAST | 2, b"", None)],
        4,
        0,
    ),
    (
        "1 restarts",
        [(1, b"a", None), (2, b"b", None), (1, b"x", None), (LAST | 2, b"y", b"xy")],
        2,
        0,
    ),
    ("1 restarts and waits", [(1, b"abc", None), (2, b"de", None), (1, b"x", None)], 2, 1),
    ("1 twice", [(1, b"a", None), (1, b"a", None), (LAST | 2, b"b", b"ab")], 1, 0),
    (
        "the latest, again",
        [(1, b"a", None), (2, b"b", None), (2, b"b", None), (LAST | 3, b"c", b"abc")],
        1,
        0,
    ),
    (
        "the latest, twice again",
        [(1, b"a", None), *[(2, b"b", None)] * 3, *[(3, b"c", None)] * 2, (LAST | 4, b"", b"abc")],
        3,
        0,
    ),
    ("it waits though repeated", [(1, b"a", None), (2, b"bcd", None), (2, b"bcd", None)], 1, 4),
    (
        "the latest with other bytes",
        [(1, b"a", None), (2, b"b", None), (2, b"x", None), (LAST | 3, b"c", None)],
        4,
        0,
    ),
    (
        "the latest, now the end",
        [(1, b"a", None), (2, b"b", None), (LAST | 2, b"b", None), (LAST | 3, b"c", None)],
        4,
        0,
    ),
    ("the end, again", [(1, b"a", None), (LAST | 2, b"b", b"ab"), (LAST | 2, b"b", None)], 1, 0),
    (
        "127 of them",
        [*((position, b"x", None) for position in range(1, 127)), (0xFF, b"y", b"x" * 126 + b"y")],
        0,
        0,
    ),
    ("no end", [(position, b"x", None) for position in range(1, 128)], 0, 127),
    ("behind 127", [*((n, b"x", None) for n in range(1, 128)), (0xFF, b"y", None)], 128, 0),
    (
        "as large as UDP has it",
        [(1, bytes(65000), None), (LAST | 2, bytes(527), bytes(65527))],
        0,
        0,
    ),
    ("larger than UDP has it", [(1, bytes(65000), None), (LAST | 2, bytes(528), None)], 2, 0),
    (
        "too large before its end",
        [(1, bytes(65000), None), (2, bytes(528), None), (LAST | 3, b"", None)],
        3,
        0,
    ),
    ("too large a beginning", [(1, b"a", None), (1, bytes(65528), None), (2, b"b", None)], 3, 0),
    ("too large alone", [(1, b"a", None), (LAST | 1, bytes(65528), None)], 2, 0),
    ("just not too large alone", [(LAST | 1, bytes(65527), bytes(65527))], 0, 0),
]


@pytest.mark.parametrize(
    ("pieces", "dropped", "waiting"), [row[1:] for row in RULES], ids=[row[0] for row in RULES]
)
def test_rules(pieces: list[tuple[int, bytes, bytes | None]], dropped: int, waiting: int) -> None:
    reassembler = Reassembler()
    for frag, payload, expected in pieces:
        piece = Fragment(frag, A, payload)
        before = (reassembler.dropped, reassembler.pending_bytes, len(reassembler))
        peeked = [reassembler.peek(piece, 0.0), reassembler.peek(piece, 0.0)]
        assert (reassembler.dropped, reassembler.pending_bytes, len(reassembler)) == before
        datagram = reassembler.receive(piece, 0.0)
        assert datagram == (None if expected is None else (A, expected))
        assert peeked == [datagram, datagram]
    assert reassembler.dropped == dropped
    assert reassembler.pending_bytes == waiting
    assert len(reassembler) == (waiting > 0)


def test_sources_do_not_meet() -> None:
    """Neither the host alone nor the port alone is a source."""
    reassembler = Reassembler()
    sources = [A, B, C, Address(A.host, 54)]
    for number, source in enumerate(sources, 1):
        assert reassembler.receive(Fragment(1, source, source.host.encode()), 0.0) is None
        assert len(reassembler) == number
    for source in reversed(sources):
        datagram = reassembler.receive(Fragment(LAST | 2, source, b"!"), 0.0)
        assert datagram == (source, source.host.encode() + b"!")
    assert (reassembler.dropped, reassembler.pending_bytes, len(reassembler)) == (0, 0, 0)


def test_a_sequence_with_no_bytes_is_one_too() -> None:
    reassembler = Reassembler()
    assert reassembler.receive(Fragment(1, A, b""), 0.0) is None
    assert (reassembler.pending_bytes, len(reassembler)) == (0, 1)
    assert reassembler.receive(Fragment(LAST | 2, A, b""), 0.0) == (A, b"")


# The timeout; fragments as (when, FRAG, what comes out), each of one byte; dropped
TIMES = [
    ("just in time", 5, [(0, 1, None), (nextafter(5, 0), LAST | 2, b"..")], 0),
    ("just too late", 5, [(0, 1, None), (5, LAST | 2, None)], 2),
    ("much too late", 5, [(0, 1, None), (1e9, LAST | 2, None)], 2),
    ("from the first on", 5, [(0, 1, None), (4, 2, None), (5, LAST | 3, None)], 3),
    ("not from a duplicate", 5, [(0, 1, None), (1, 2, None), (4, 2, None), (5, 0x83, None)], 4),
    ("anew with a new one", 5, [(0, 1, None), (4, 1, None), (8.5, LAST | 2, b"..")], 1),
    ("not what is complete", 5, [(0, 1, None), (9, LAST | 1, b"."), (20, 0, b".")], 1),
    ("too late, and anew", 5, [(0, 1, None), (5, 1, None), (9.5, LAST | 2, b"..")], 1),
    ("a longer one", 7.5, [(0, 1, None), (7.25, 2, None), (7.25, LAST | 3, b"...")], 0),
    ("a longer one, too late", 7.5, [(0, 1, None), (7.5, LAST | 2, None)], 2),
    ("for ever", inf, [(0, 1, None), (1e300, LAST | 2, b"..")], 0),
    ("a clock below zero", 5, [(-100, 1, None), (-96, 2, None), (-95, LAST | 3, None)], 3),
]


@pytest.mark.parametrize(
    ("timeout", "pieces", "dropped"), [row[1:] for row in TIMES], ids=[row[0] for row in TIMES]
)
def test_time(timeout: float, pieces: list[tuple[float, int, bytes | None]], dropped: int) -> None:
    reassembler = Reassembler(timeout)
    for now, frag, expected in pieces:
        piece = Fragment(frag, A, b".")
        before = (reassembler.dropped, reassembler.pending_bytes, len(reassembler))
        peeked = reassembler.peek(piece, now)
        assert (reassembler.dropped, reassembler.pending_bytes, len(reassembler)) == before
        datagram = reassembler.receive(piece, now)
        assert peeked == datagram == (None if expected is None else (A, expected))
    assert reassembler.dropped == dropped
    assert (reassembler.pending_bytes, len(reassembler)) == (0, 0)


@pytest.mark.parametrize("frag", [0, 1, LAST | 1, 2, LAST | 2])
def test_any_fragment_ends_what_has_expired(frag: int) -> None:
    """Also that of another source, and of several at once."""
    reassembler = Reassembler()
    for now, source in ((0.0, A), (1.0, B)):
        reassembler.receive(Fragment(1, source, b"abc"), now)
        reassembler.receive(Fragment(2, source, b"de"), now)
    reassembler.receive(Fragment(frag, C, b""), 6.0)
    beginning = frag == 1
    assert (reassembler.pending_bytes, len(reassembler)) == (0, beginning)
    assert reassembler.dropped == 4 + (frag in (2, LAST | 2))


def test_expire() -> None:
    reassembler = Reassembler()
    reassembler.expire(0.0)
    for now, source, payload in ((0.0, A, b"a"), (1.0, B, b"bb"), (2.0, A, b"aaaa")):
        reassembler.receive(Fragment(1, source, payload), now)
    assert reassembler.dropped == 1
    for now, waiting in ((5.5, [b"bb", b"aaaa"]), (6.0, [b"aaaa"]), (6.9, [b"aaaa"]), (7.0, [])):
        reassembler.expire(now)
        assert reassembler.pending_bytes == sum(map(len, waiting))
        assert len(reassembler) == len(waiting)
    assert reassembler.dropped == 3


@pytest.mark.parametrize("timeout", [nextafter(5, 0), 0, -1, nan, -inf])
def test_too_short_a_timeout(timeout: float) -> None:
    with pytest.raises(ValueError, match=r"^reassembly timeout .* is below 5 s"):
        Reassembler(timeout)


@pytest.mark.parametrize(
    ("max_bytes", "max_sources"), [(65526, 1), (0, 64), (-1, 64), (1 << 20, 0), (1 << 20, -1)]
)
def test_too_narrow_limits(max_bytes: int, max_sources: int) -> None:
    with pytest.raises(ValueError, match="needs 65527 bytes and one source at least"):
        Reassembler(max_bytes=max_bytes, max_sources=max_sources)


def test_the_narrowest_limits_suffice_for_the_largest_datagram() -> None:
    reassembler = Reassembler(5, max_bytes=65527, max_sources=1)
    for position in range(1, 127):
        assert reassembler.receive(Fragment(position, A, bytes(516)), 0.0) is None
    assert reassembler.pending_bytes == 65016
    assert reassembler.receive(Fragment(0xFF, A, bytes(511)), 0.0) == (A, bytes(65527))
    assert reassembler.receive(Fragment(1, A, bytes(65527)), 0.0) is None
    assert (reassembler.dropped, reassembler.pending_bytes) == (0, 65527)


# Beginnings and continuations as (source, FRAG, length), with at most 65527 bytes and 3 sources;
# the sequences that are left, as (source, fragments, bytes); dropped
EVICTIONS = [
    ("not at the limit", [(A, 1, 65000), (B, 1, 527)], [(A, 1, 65000), (B, 1, 527)], 0),
    ("the oldest", [(A, 1, 65000), (B, 1, 528)], [(B, 1, 528)], 1),
    ("whole", [(A, 1, 1), (A, 2, 65000), (B, 1, 527)], [(B, 1, 527)], 2),
    ("as few as suffice", [(A, 1, 9), (B, 1, 65500), (C, 1, 20)], [(B, 1, 65500), (C, 1, 20)], 1),
    ("as many as it takes", [(A, 1, 9), (B, 1, 9), (C, 1, 65527)], [(C, 1, 65527)], 2),
    ("by a continuation", [(A, 1, 9), (B, 1, 9), (B, 2, 65510)], [(B, 2, 65519)], 1),
    ("the one that grew", [(A, 1, 40000), (B, 1, 9), (A, 2, 25520)], [(B, 1, 9)], 2),
    ("not the one begun anew", [(A, 1, 9), (B, 1, 9), (A, 1, 65520)], [(A, 1, 65520)], 2),
    (
        "age is not the latest fragment's",
        [(A, 1, 9), (B, 1, 9), (A, 2, 9), (C, 1, 65510)],
        [(B, 1, 9), (C, 1, 65510)],
        2,
    ),
    (
        "not at the limit of sources",
        [(A, 1, 0), (B, 1, 0), (C, 1, 0)],
        [(A, 1, 0), (B, 1, 0), (C, 1, 0)],
        0,
    ),
    (
        "one source too many",
        [(A, 1, 0), (B, 1, 1), (C, 1, 2), (Address("d", 1), 1, 3)],
        [(B, 1, 1), (C, 1, 2), (Address("d", 1), 1, 3)],
        1,
    ),
    (
        "a source again is no other one",
        [(A, 1, 1), (B, 1, 1), (C, 1, 1), (A, 1, 5)],
        [(A, 1, 5), (B, 1, 1), (C, 1, 1)],
        1,
    ),
    (
        "what is complete takes no place",
        [(A, 1, 9), (B, 1, 9), (C, 1, 9), (Address("d", 1), 0, 65527)],
        [(A, 1, 9), (B, 1, 9), (C, 1, 9)],
        0,
    ),
    (
        "what completes takes no place",
        [(A, 1, 40000), (B, 1, 20000), (A, LAST | 2, 25527)],
        [(B, 1, 20000)],
        0,
    ),
]


@pytest.mark.parametrize(
    ("pieces", "left", "dropped"), [row[1:] for row in EVICTIONS], ids=[row[0] for row in EVICTIONS]
)
def test_eviction(
    pieces: list[tuple[Address, int, int]], left: list[tuple[Address, int, int]], dropped: int
) -> None:
    reassembler = Reassembler(max_bytes=65527, max_sources=3)
    for source, frag, length in pieces:
        piece = Fragment(frag, source, bytes(length))
        peeked = reassembler.peek(piece, 0.0)
        assert reassembler.receive(piece, 0.0) == peeked
    assert reassembler.dropped == dropped
    assert len(reassembler) == len(left)
    assert reassembler.pending_bytes == sum(length for _, _, length in left)
    for source, count, length in left:
        last = Fragment(LAST | count + 1, source, b"")
        assert reassembler.receive(last, 0.0) == (source, bytes(length))
    assert (reassembler.dropped, reassembler.pending_bytes, len(reassembler)) == (dropped, 0, 0)


def test_the_limits_by_default() -> None:
    """A megabyte from 64 sources; the sixty-fifth, or a byte more, ends the oldest."""
    reassembler = Reassembler()
    for port in range(64):
        reassembler.receive(Fragment(1, Address("192.0.2.1", port), bytes(16384)), 0.0)
    assert (len(reassembler), reassembler.pending_bytes, reassembler.dropped) == (64, 1 << 20, 0)
    reassembler.receive(Fragment(2, Address("192.0.2.1", 63), b"x"), 0.0)
    assert (len(reassembler), reassembler.dropped) == (63, 1)
    for port in (64, 65):
        reassembler.receive(Fragment(1, Address("192.0.2.1", port), b""), 0.0)
    assert (len(reassembler), reassembler.dropped) == (64, 2)
