"""What hypothesis draws for the datagrams: addresses, whole datagrams, fragments, arrivals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from socks5client.protocol import Address, Datagram, Fragment, fragment

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

NAME_CHARACTERS = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != ":")

hosts = (
    st.ip_addresses(v=4).map(str)
    | st.ip_addresses(v=6).map(str)
    | st.text(NAME_CHARACTERS, min_size=1, max_size=255)
)
addresses = st.builds(Address, hosts, st.integers(0, 0xFFFF))

# Every FRAG but the one that means nothing.
frags = st.integers(0, 0xFF).filter(lambda frag: frag != 0x80)

SOURCES = [
    Address("192.0.2.1", 53),
    Address("192.0.2.1", 54),
    Address("2001:db8::1", 53),
    Address("name.example", 53),
    Address("other.example", 53),
]


@st.composite
def fragmented(draw: DrawFn, payloads: SearchStrategy[bytes], source: Address) -> list[Fragment]:
    """The fragments of any datagram from `source`, of any size that 127 of them suffice for."""
    payload = draw(payloads)
    size = draw(st.integers(max(1, -(-len(payload) // 127)), len(payload) + 1))
    return fragment(Datagram(source, payload), size)


# 0 and 5 more often than chance has them, which are no time at all and just the timeout.
time_steps = st.sampled_from([0.0, 0.0, 0.5, 2.5, 5.0]) | st.floats(0, 10)


@st.composite
def arrivals(draw: DrawFn, lengths: list[int]) -> list[tuple[Fragment, float]]:
    """Anything that may arrive, and when; often the fragment that its source waits for."""
    now = draw(st.floats(-1e6, 1e6))
    latest: dict[Address, Fragment] = {}
    drawn = []
    for _ in range(draw(st.integers(0, 30))):
        now += draw(time_steps)
        source = draw(st.sampled_from(SOURCES))
        previous = latest.get(source)
        payload = bytes(draw(st.sampled_from(lengths)))
        kind = draw(st.sampled_from(["next", "next", "next", "last", "again", "any"]))
        if kind == "again" and previous is not None:
            piece = previous
        elif kind == "any" or previous is None or previous.position == 127:
            piece = Fragment(draw(frags | st.integers(0, 3)), source, payload)
        else:
            frag = previous.position + 1 | (0x80 if kind == "last" else 0)
            piece = Fragment(frag, source, payload)
        latest[source] = piece
        drawn.append((piece, now))
    return drawn
