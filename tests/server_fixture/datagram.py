"""The UDP request header of RFC 1928 section 7, and how a large datagram becomes fragments."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

from . import wire

LAST_FRAGMENT = 0x80
LAST_POSITION = 0x7F
NAME_BYTES = frozenset(range(0x21, 0x7F))


class Dropped(Exception):
    """A datagram that is not relayed; the text says why. The sender is told nothing."""


@dataclass(frozen=True)
class Datagram:
    """RSV FRAG ATYP DST.ADDR DST.PORT DATA."""

    frag: int
    atyp: int
    host: str
    port: int
    payload: bytes

    @property
    def position(self) -> int:
        """Within the fragment sequence, from 1; 0 is no fragment."""
        return self.frag & LAST_POSITION

    @property
    def is_last(self) -> bool:
        return self.frag & LAST_FRAGMENT != 0


def decode(message: bytes) -> Datagram:
    """Raises Dropped. A datagram is there as a whole: what is missing will never come."""
    if not message:
        raise Dropped("header: empty datagram")
    if len(message) < 5:
        raise Dropped("header: cut short")
    if message[:2] != b"\0\0":
        raise Dropped(f"header: RSV {message[:2].hex()}")
    frag, atyp, length = message[2:5]  # `length` only if it is a name
    start = 4
    if atyp == wire.IPV4:
        end = start + 4
    elif atyp == wire.IPV6:
        end = start + 16
    elif atyp == wire.NAME:
        start, end = 5, 5 + length
    else:
        raise Dropped(f"header: address type {atyp:#04x}")
    if len(message) < end + 2:
        raise Dropped("header: cut short")
    address = message[start:end]
    if atyp == wire.NAME:
        if not NAME_BYTES.issuperset(address) or not address:
            raise Dropped(f"header: name {address!r}")
        host = wire.decode_name(address)
    else:
        host = str(ipaddress.ip_address(address))
    (port,) = struct.unpack_from("!H", message, end)
    return Datagram(frag, atyp, host, port, message[end + 2 :])


def encode(host: str, port: int, payload: bytes, frag: int = 0) -> bytes:
    return bytes([0, 0, frag]) + wire.encode_address(host, port) + payload


def fragments(host: str, port: int, payload: bytes, size: int) -> list[bytes]:
    """Datagrams with at most `size` bytes of the payload each; raises Dropped."""
    pieces = [payload[start : start + size] for start in range(0, len(payload), size)]
    if len(pieces) > LAST_POSITION:
        raise Dropped(f"{len(pieces)} fragments, more than FRAG can count")
    messages = [
        encode(host, port, piece, position) for position, piece in enumerate(pieces[:-1], 1)
    ]
    return [*messages, encode(host, port, pieces[-1], len(pieces) | LAST_FRAGMENT)]
