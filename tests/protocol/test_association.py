from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socks5client import RemoteProtocolError
from socks5client.protocol import Address, Association, Datagram, Fragment, Reassembler, Reply
from socks5client.protocol.association import header_length, largest_payload, relay_address
from tests.protocol.strategies import addresses

V4 = Address("192.0.2.1", 53)
V6 = Address("2001:db8::1", 53)
NAME = Address("example.com", 53)
LONGEST = Address("n" * 255, 53)
V4_WIRE = b"\x01\xc0\x00\x02\x01\x00\x35"
NAME_WIRE = b"\x03\x0bexample.com\x00\x35"

# What is no packet of a relay's, each for a reason of its own.
MALFORMED = [
    b"",
    b"\0\0\0\x01",
    b"\0\x01\0" + V4_WIRE,
    b"\0\0\x80" + V4_WIRE,
    b"\0\0\0\x03\0\0\x35",
]


@pytest.mark.parametrize(
    ("fragment_size", "address", "payload", "packets"),
    [
        (None, V4, b"data", [b"\0\0\0" + V4_WIRE + b"data"]),
        (None, V4, b"", [b"\0\0\0" + V4_WIRE]),
        (None, NAME, b"x" * 2000, [b"\0\0\0" + NAME_WIRE + b"x" * 2000]),
        (4, V4, b"data", [b"\0\0\0" + V4_WIRE + b"data"]),
        (4, V4, b"", [b"\0\0\0" + V4_WIRE]),
        (3, V4, b"data", [b"\0\0\x01" + V4_WIRE + b"dat", b"\0\0\x82" + V4_WIRE + b"a"]),
        (
            1,
            NAME,
            b"abc",
            [
                b"\0\0\x01" + NAME_WIRE + b"a",
                b"\0\0\x02" + NAME_WIRE + b"b",
                b"\0\0\x83" + NAME_WIRE + b"c",
            ],
        ),
    ],
)
def test_send(
    fragment_size: int | None, address: Address, payload: bytes, packets: list[bytes]
) -> None:
    assert Association(fragment_size).send(address, payload) == packets


def test_the_fragment_size_may_be_changed() -> None:
    association = Association()
    assert len(association.send(V4, b"data")) == 1
    association.fragment_size = 1
    assert len(association.send(V4, b"data")) == 4


@pytest.mark.parametrize(
    ("fragment_size", "address", "most", "packets"),
    [
        (None, V4, 65507, 1),
        (None, V6, 65527, 1),
        (None, NAME, 65527, 1),
        (1, V4, 127, 127),
        (10, NAME, 1270, 127),
        (515, V4, 65405, 127),
        (516, V4, 65507, 127),
        (516, V6, 65527, 127),
        (1000, NAME, 65527, 66),
        (65527, V4, 65507, 1),
        (65527, V6, 65527, 1),
    ],
)
def test_the_largest_datagram(
    fragment_size: int | None, address: Address, most: int, packets: int
) -> None:
    association = Association(fragment_size)
    assert len(association.send(address, bytes(most))) == packets
    with pytest.raises(OSError, match=r"128; 127 is the most|too many for a UDP") as caught:
        association.send(address, bytes(most + 1))
    assert caught.value.errno == errno.EMSGSIZE
    assert caught.value.__suppress_context__


def test_why_a_datagram_is_too_large() -> None:
    with pytest.raises(OSError, match="65508 bytes are too many for a UDP datagram"):
        Association().send(V4, bytes(65508))
    with pytest.raises(OSError, match="128 bytes in fragments of 1 are 128; 127 is the most"):
        Association(1).send(V4, bytes(128))


@given(addresses, st.binary(max_size=500), st.none() | st.integers(4, 600))
def test_what_one_sends_the_other_receives(
    address: Address, payload: bytes, fragment_size: int | None
) -> None:
    receiver = Association()
    packets = Association(fragment_size).send(address, payload)
    received = [receiver.receive(packet, 0.0) for packet in packets]
    assert received == [None] * (len(packets) - 1) + [(address, payload)]
    assert (receiver.dropped, receiver.reassembler.pending_bytes) == (0, 0)


def test_what_is_malformed_is_counted_unless_peeked_at() -> None:
    association = Association()
    for number, packet in enumerate(MALFORMED):
        assert association.peek(packet, 0.0) is None
        assert association.malformed == association.dropped == number
        assert association.receive(packet, 0.0) is None
        assert association.malformed == association.dropped == number + 1


def test_what_is_malformed_ends_no_sequence() -> None:
    association = Association()
    first, last = Association(2).send(V4, b"data")
    assert association.receive(first, 0.0) is None
    for packet in MALFORMED:
        assert association.receive(packet, 0.0) is None
    assert association.receive(last, 0.0) == Datagram(V4, b"data")


def test_dropped_is_both_sums() -> None:
    association = Association()
    for packet in (b"", Fragment(2, V4, b"x").encode(), Fragment(3, V4, b"x").encode()):
        assert association.receive(packet, 0.0) is None
    assert (association.malformed, association.reassembler.dropped) == (1, 2)
    assert association.dropped == 3


def test_peek() -> None:
    association = Association()
    whole = Datagram(V6, b"whole").encode()
    first, last = Association(2).send(V4, b"data")
    for packet, now, expected in (
        (whole, 0.0, (V6, b"whole")),
        (last, 0.0, None),
        (first, 0.0, None),
        (last, 4.5, (V4, b"data")),
        (last, 5.0, None),
    ):
        assert association.peek(packet, now) == expected
        if packet is first:
            assert association.receive(packet, now) is None
    assert association.dropped == 0
    assert association.reassembler.pending_bytes == 2


@pytest.mark.parametrize("size", [0, -1, 65528])
def test_fragment_sizes_that_cannot_be(size: int) -> None:
    with pytest.raises(ValueError, match=f"fragment_size {size} is outside 1 to 65527"):
        Association(size)
    association = Association(5)
    with pytest.raises(ValueError, match="outside"):
        association.fragment_size = size
    assert association.fragment_size == 5


def test_a_reassembler_of_ones_own() -> None:
    """One that is empty, and so false, is taken too; the time goes to it as it came."""
    reassembler = Reassembler(10)
    association = Association(reassembler=reassembler)
    assert association.reassembler is reassembler
    first, last = Association(2).send(V4, b"data")
    assert association.receive(first, 100.0) is None
    assert association.receive(last, 109.5) == (V4, b"data")
    assert Association().reassembler is not Association().reassembler


@pytest.mark.parametrize(
    ("address", "header", "largest"),
    [
        (V4, 10, 65507),
        (V6, 22, 65527),
        (NAME, 262, 65527),
        (Address("a", 1), 262, 65527),
        (None, 262, 65507),
    ],
)
def test_sizes(address: Address | None, header: int, largest: int) -> None:
    assert header_length(address) == header
    assert largest_payload(address) == largest
    assert Association().max_datagram_size(address, 1472) == 1472 - header
    assert Association().max_datagram_size(address, 9000) == 9000 - header
    assert Association().max_datagram_size(address, header) == 0
    assert Association().max_datagram_size(address, header - 1) == 0
    assert Association(1).max_datagram_size(address, 1472) == 127
    assert Association(500).max_datagram_size(address, 1472) == 63500
    assert Association(516).max_datagram_size(address, 1472) == largest
    assert Association(1000).max_datagram_size(address, 1472) == largest


@pytest.mark.parametrize("address", [V4, V6, LONGEST], ids=["v4", "v6", "name"])
@pytest.mark.parametrize(
    ("fragment_size", "packet_size"),
    [
        (None, 512),
        (None, 65507),
        (None, 65527),  # as much as a relay at an IPv6 address is sent
        (1, 512),
        (250, 512),
        (1000, 1472),
        (1000, 512),  # a fragment of 1000 bytes is no packet that fits
    ],
)
def test_the_size_told_is_what_can_be_sent(
    fragment_size: int | None, packet_size: int, address: Address
) -> None:
    """`send` takes it, and its packets fit; a byte more is refused, or does not fit."""
    association = Association(fragment_size)
    most = association.max_datagram_size(address, packet_size)
    longest = max(map(len, association.send(address, bytes(most))))
    assert longest <= packet_size
    if most < largest_payload(address) and (fragment_size is None or most < 127 * fragment_size):
        longest = max(map(len, association.send(address, bytes(most + 1))))
        assert longest > packet_size
    else:
        with pytest.raises(OSError, match=r"127 is the most|too many for a UDP"):
            association.send(address, bytes(most + 1))


# BND as the reply has it, the proxy's address; where the relay is
RELAYS = [
    ("usable", Address("8.8.4.4", 9), "8.8.8.8", "8.8.4.4"),
    ("usable, IPv6", Address("2001:4860:4860::8844", 9), "8.8.8.8", "2001:4860:4860::8844"),
    ("the proxy's own", Address("8.8.8.8", 9), "8.8.8.8", "8.8.8.8"),
    ("global, proxy private", Address("8.8.4.4", 9), "10.0.0.1", "8.8.4.4"),
    ("global, proxy on loopback", Address("8.8.4.4", 9), "127.0.0.1", "8.8.4.4"),
    ("zeros", Address("0.0.0.0", 9), "8.8.8.8", "8.8.8.8"),
    ("zeros for IPv6", Address("0.0.0.0", 9), "2001:4860:4860::8888", "2001:4860:4860::8888"),
    ("IPv6's zeros", Address("::", 9), "2001:4860:4860::8888", "2001:4860:4860::8888"),
    ("IPv6's zeros for IPv4", Address("::", 9), "127.0.0.1", "127.0.0.1"),
    ("a name", Address("relay.example", 9), "8.8.8.8", "8.8.8.8"),
    ("loopback", Address("127.0.0.1", 9), "8.8.8.8", "8.8.8.8"),
    ("loopback, proxy private", Address("127.0.0.1", 9), "10.0.0.1", "10.0.0.1"),
    ("IPv6's loopback, proxy private", Address("::1", 9), "fd00::1", "fd00::1"),
    ("loopback like the proxy", Address("127.0.0.2", 9), "127.0.0.1", "127.0.0.2"),
    ("IPv6's loopback like the proxy", Address("::1", 9), "127.0.0.1", "::1"),
    ("private", Address("10.0.0.2", 9), "8.8.8.8", "8.8.8.8"),
    ("private, too", Address("192.168.0.2", 9), "2001:4860:4860::8888", "2001:4860:4860::8888"),
    ("private, of IPv6", Address("fd00::2", 9), "2001:4860:4860::8888", "2001:4860:4860::8888"),
    ("link-local", Address("169.254.0.2", 9), "8.8.8.8", "8.8.8.8"),
    ("private like the proxy", Address("10.0.0.2", 9), "10.0.0.1", "10.0.0.2"),
    ("of another private network", Address("192.168.0.2", 9), "10.0.0.1", "192.168.0.2"),
    ("a group", Address("224.0.0.251", 9), "8.8.8.8", "8.8.8.8"),
    ("a group, proxy private", Address("239.1.2.3", 9), "10.0.0.1", "10.0.0.1"),
    ("a group of IPv6", Address("ff02::1", 9), "fe80::1", "fe80::1"),
    ("everybody", Address("255.255.255.255", 9), "10.0.0.1", "10.0.0.1"),
    ("private, proxy on loopback", Address("10.0.0.2", 9), "127.0.0.1", "10.0.0.2"),
    ("IPv4's zeros, mapped", Address("::ffff:0.0.0.0", 9), "10.0.0.1", "10.0.0.1"),
    ("loopback, mapped", Address("::ffff:127.0.0.1", 9), "10.0.0.1", "10.0.0.1"),
    ("loopback, mapped like the proxy", Address("127.0.0.2", 9), "::ffff:127.0.0.1", "127.0.0.2"),
    ("private, proxy mapped", Address("10.0.0.2", 9), "::ffff:8.8.8.8", "::ffff:8.8.8.8"),
    ("a zone and zeros", Address("::", 9), "fe80::1%eth0", "fe80::1%eth0"),
    ("a zone and a loopback", Address("::1", 9), "fe80::1%eth0", "fe80::1%eth0"),
    ("a zone and a usable one", Address("fd00::2", 9), "fe80::1%eth0", "fd00::2"),
]


@pytest.mark.parametrize(
    ("bound", "proxy", "host"), [row[1:] for row in RELAYS], ids=[row[0] for row in RELAYS]
)
def test_relay(bound: Address, proxy: str, host: str) -> None:
    assert relay_address(Reply(0, bound.encode()), proxy) == (host, 9)


@pytest.mark.parametrize(
    "wire", [b"\x03\x00\x00\x09", b"\x03\x02\xff\n\x00\x09"], ids=["empty", "none"]
)
def test_relay_at_a_name_that_is_none(wire: bytes) -> None:
    assert relay_address(Reply(0, wire), "8.8.8.8") == ("8.8.8.8", 9)


@pytest.mark.parametrize(
    "wire",
    [
        Address("8.8.4.4", 0).encode(),
        Address("0.0.0.0", 0).encode(),
        Address("::", 0).encode(),
        Address("name", 0).encode(),
        b"\x03\x00\x00\x00",
        b"",
    ],
)
def test_relay_without_a_port(wire: bytes) -> None:
    with pytest.raises(
        RemoteProtocolError, match=r"\] the reply to UDP ASSOCIATE has no port for the relay$"
    ):
        relay_address(Reply(0, wire), "8.8.8.8")
