"""Rows: the data behind a reply, and the datagrams and the control connection of an association."""

from __future__ import annotations

from functools import partial

from socks5client import ProxyConnectionError
from tests.fault_matrix.handshake import BYTE_BY_BYTE
from tests.fault_matrix.rows import TCP_COMMANDS, Fails, FaultName, Instead, Relays, Row, Works
from tests.server_fixture import (
    drip,
    duplicate,
    lose,
    malformed,
    replace,
    spoof,
    stall,
    truncate_packet,
)

_PART = b"the first half"
_A_REPLY = b"\x05\x01\x00\x01\xff\x00"

_data = partial(Row, "data", commands=TCP_COMMANDS)
DATA = [
    _data("reset", Works(end="reset")),
    _data("close", Works(end="close")),
    _data("stall", Works(end="stall"), action=stall()),
    _data("drip", Works(_PART), action=Instead(_PART, drip(0.002))),
    _data("truncate", Works(_PART, "close"), action=replace(_PART, "close")),
    # What looks like more of the handshake is none.
    _data("garbage", Works(_A_REPLY), action=replace(_A_REPLY)),
    _data("oversize", Works(bytes(300_000)), action=replace(bytes(300_000))),
    _data("split", Works(_PART), action=Instead(_PART, BYTE_BY_BYTE)),
]

_association = partial(Row, "association", commands=("UDP ASSOCIATE",))
_ENDED = Fails((ProxyConnectionError,), "ended the UDP association")
_NOTHING_CAME = Fails((TimeoutError,), "^(timed out)?$")


def _malformed(fault: FaultName, *kinds: str) -> list[Row]:
    """Before a good packet one that is none."""
    return [
        _association(fault, Relays(1, 1), name=kind, relay_faults=(malformed(kind, times=1),))
        for kind in kinds
    ]


ASSOCIATION = [
    # A relay that nobody listens at loses datagrams, as any way may.
    _association("refuse", _NOTHING_CAME, place="unused"),
    _association("reset", _ENDED),
    _association("close", _ENDED),
    _association("stall", _NOTHING_CAME, relay_faults=(lose(),)),
    # Of three fragments the last: what there is of the datagram waits, and is given up for the
    # next one.
    _association(
        "drip",
        Relays(2, 2),
        name="the last fragment never comes",
        relay_faults=(lose(3, times=1),),
        server={"udp_fragment_size": 4},
    ),
    _association("truncate", Relays(1, 1), relay_faults=(truncate_packet(9, times=1),)),
    *_malformed("garbage", "unknown-atyp", "bad-name", "last-without-position"),
    *_malformed("wrong version", "reserved"),
    *_malformed("wrong length", "empty", "short", "cut-address", "empty-name"),
    # From another port than the relay's, whom nobody asked; in a chain the one before delivers it.
    _association("unasked method", Relays(0, 2), name="spoofed", relay_faults=(spoof(),)),
    _association("coalesced", Relays(), name="twice", relay_faults=(duplicate(),)),
    _association("split", Relays(), name="fragments", server={"udp_fragment_size": 1}),
]

ROWS = [*DATA, *ASSOCIATION]
