from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from socks5client.protocol import Address, Datagram, Fragment, fragment
from socks5client.protocol.datagram import HEADER_LENGTH, header
from tests.protocol.strategies import addresses, frags

V4 = Address("192.0.2.1", 53)
V6 = Address("2001:db8::1", 53)
NAME = Address("example.com", 53)
V4_WIRE = b"\x01\xc0\x00\x02\x01\x00\x35"
V6_WIRE = b"\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01\x00\x35"
NAME_WIRE = b"\x03\x0bexample.com\x00\x35"

# FRAG, address, payload; the wire; position, whether it is the last
ON_THE_WIRE = [
    (0, V4, b"data", b"\0\0\x00" + V4_WIRE + b"data", 0, False),
    (0, V6, b"data", b"\0\0\x00" + V6_WIRE + b"data", 0, False),
    (0, NAME, b"data", b"\0\0\x00" + NAME_WIRE + b"data", 0, False),
    (0, V4, b"", b"\0\0\x00" + V4_WIRE, 0, False),
    (0, Address("a", 0), b"\0", b"\0\0\x00\x03\x01a\x00\x00\0", 0, False),
    (0, Address("n" * 255, 1), b"x", b"\0\0\x00\x03\xff" + b"n" * 255 + b"\x00\x01x", 0, False),
    (1, V4, b"first", b"\0\0\x01" + V4_WIRE + b"first", 1, False),
    (2, V6, b"", b"\0\0\x02" + V6_WIRE, 2, False),
    (127, NAME, b"long", b"\0\0\x7f" + NAME_WIRE + b"long", 127, False),
    (0x81, V4, b"only", b"\0\0\x81" + V4_WIRE + b"only", 1, True),
    (0x83, V6, b"end", b"\0\0\x83" + V6_WIRE + b"end", 3, True),
    (0xFF, NAME, b"end", b"\0\0\xff" + NAME_WIRE + b"end", 127, True),
]


@pytest.mark.parametrize(("frag", "address", "payload", "wire", "position", "last"), ON_THE_WIRE)
def test_wire(
    frag: int, address: Address, payload: bytes, wire: bytes, position: int, last: bool
) -> None:
    piece = Fragment(frag, address, payload)
    assert piece.encode() == wire
    assert Fragment.decode(wire) == piece
    assert (piece.position, piece.is_last) == (position, last)


@pytest.mark.parametrize(
    ("address", "wire"), [(V4, V4_WIRE), (V6, V6_WIRE), (NAME, NAME_WIRE)], ids=["v4", "v6", "name"]
)
def test_a_whole_datagram_is_standalone(address: Address, wire: bytes) -> None:
    assert header(address) == b"\0\0\0" + wire
    assert Datagram(address, b"data").encode() == b"\0\0\0" + wire + b"data"


@pytest.mark.parametrize("address", [V4, V6, Address("n" * 255, 53)])
def test_what_a_header_takes_at_most(address: Address) -> None:
    assert len(header(address)) == HEADER_LENGTH[address.type]


MALFORMED = [
    ("empty", b"", "shorter than any header"),
    ("one byte", b"\0", "shorter than any header"),
    ("RSV and FRAG", b"\0\0\0", "shorter than any header"),
    ("RSV, FRAG and ATYP", b"\0\0\0\x01", r"^the packet is shorter than any header$"),
    ("an octet of ADDR", b"\0\0\0\x01\xc0", r"^the packet ends within its header$"),
    ("first octet of RSV", b"\x01\0\0" + V4_WIRE, "RSV is 0100, not zero"),
    ("second octet of RSV", b"\0\xff\0" + V4_WIRE, "RSV is 00ff, not zero"),
    (
        "last without position",
        b"\0\0\x80" + V4_WIRE + b"data",
        r"^FRAG says the last fragment, but not its position$",
    ),
    ("ATYP 0", b"\0\0\0\x00" + bytes(20), "unknown address type 0x00"),
    ("ATYP 2", b"\0\0\0\x02" + bytes(20), "unknown address type 0x02"),
    ("ATYP 5", b"\0\0\0\x05" + bytes(20), "unknown address type 0x05"),
    ("ATYP 255", b"\0\0\0\xff" + bytes(20), "unknown address type 0xff"),
    ("name of no length", b"\0\0\0\x03\x00\x00\x35data", "host is empty"),
    ("name outside ASCII", b"\0\0\0\x03\x02\xc3\xbc\x00\x35data", "ascii"),
    ("name with a line end", b"\0\0\0\x03\x02a\n\x00\x35data", "has the character"),
    ("name with a NUL", b"\0\0\0\x03\x03a\0b\x00\x35data", "has the character"),
    ("name with a space", b"\0\0\0\x03\x03a b\x00\x35data", "has the character ' '"),
    ("name with DEL", b"\0\0\0\x03\x02a\x7f\x00\x35data", "has the character"),
    ("name with a colon", b"\0\0\0\x03\x04a:80\x00\x35data", "is not an IPv6 address"),
    ("name with a zone", b"\0\0\0\x03\x09fe80::1%1\x00\x35data", "has a zone"),
]


@pytest.mark.parametrize(
    ("packet", "match"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED]
)
def test_malformed(packet: bytes, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Fragment.decode(packet)


@pytest.mark.parametrize("frag", [0, 1, 0x82])
@pytest.mark.parametrize("address", [V4, V6, *(Address("n" * n, 53) for n in (1, 2, 63, 255))])
def test_cut_anywhere_in_its_header(address: Address, frag: int) -> None:
    wire = Fragment(frag, address, b"").encode()
    assert Fragment.decode(wire).payload == b""
    for end in range(len(wire)):
        with pytest.raises(ValueError, match=r"shorter than any header|ends within its header"):
            Fragment.decode(wire[:end])


@given(frags, addresses, st.binary(max_size=100))
def test_round_trip(frag: int, address: Address, payload: bytes) -> None:
    piece = Fragment(frag, address, payload)
    assert Fragment.decode(piece.encode()) == piece
    assert Fragment.decode(Datagram(address, payload).encode()) == (0, address, payload)


nearly_packets = st.builds(
    lambda frag, kind, rest: bytes((0, 0, frag, kind)) + rest,
    st.integers(0, 255),
    st.sampled_from([1, 3, 4, 4, 5]),
    st.binary(max_size=40) | st.binary(max_size=9).map(lambda name: bytes((len(name),)) + name),
)


@given(st.binary(max_size=300) | nearly_packets)
@example(b"\0\0\0\x03\x07::1%eth\0\x35")
@example(b"\0\0\0\x03\x09192.0.2.1\0\x35")
def test_any_bytes_are_a_fragment_or_refused(packet: bytes) -> None:
    """A fragment or ValueError, and the fragment says the same when it is sent again."""
    try:
        piece = Fragment.decode(packet)
    except ValueError:
        return
    assert piece.frag == packet[2] != 0x80
    assert packet.endswith(piece.payload)
    assert Fragment.decode(piece.encode()) == piece


@given(addresses, st.binary(max_size=600), st.integers(1, 700))
def test_fragments_are_the_payload_in_pieces(address: Address, payload: bytes, size: int) -> None:
    count = max(1, -(-len(payload) // size))
    if count > 127:
        with pytest.raises(ValueError, match=f"are {count}; 127 is the most"):
            fragment(Datagram(address, payload), size)
        return
    pieces = fragment(Datagram(address, payload), size)
    assert b"".join(piece.payload for piece in pieces) == payload
    assert {piece.address for piece in pieces} == {address}
    if count == 1:
        assert [piece.frag for piece in pieces] == [0]
        return
    assert [piece.position for piece in pieces] == list(range(1, count + 1))
    assert [piece.is_last for piece in pieces] == [False] * (count - 1) + [True]
    assert {len(piece.payload) for piece in pieces[:-1]} == {size}
    assert 1 <= len(pieces[-1].payload) <= size


@pytest.mark.parametrize("size", [1, 3, 500])
def test_as_many_fragments_as_there_may_be(size: int) -> None:
    most = 127 * size
    pieces = fragment(Datagram(NAME, bytes(most)), size)
    assert [piece.frag for piece in pieces] == [*range(1, 127), 0xFF]
    with pytest.raises(ValueError, match=rf"^{most + 1} bytes in fragments of {size} are 128; 127"):
        fragment(Datagram(NAME, bytes(most + 1)), size)


@pytest.mark.parametrize(
    ("length", "size", "frags"),
    [
        (0, 1, [0]),
        (1, 1, [0]),
        (2, 1, [1, 0x82]),
        (10, 10, [0]),
        (11, 10, [1, 0x82]),
        (20, 10, [1, 0x82]),
        (21, 10, [1, 2, 0x83]),
        (65527, 1 << 20, [0]),
    ],
)
def test_how_many_fragments(length: int, size: int, frags: list[int]) -> None:
    assert [piece.frag for piece in fragment(Datagram(V4, bytes(length)), size)] == frags


@pytest.mark.parametrize("payload", [b"", b"data"])
@pytest.mark.parametrize("size", [0, -1])
def test_fragments_of_nothing(size: int, payload: bytes) -> None:
    with pytest.raises(ValueError, match=f"a fragment of {size} bytes carries nothing"):
        fragment(Datagram(V4, payload), size)
