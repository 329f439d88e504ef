"""TFTP's packets (RFC 1350 section 5, RFC 2347)."""

from __future__ import annotations

import struct
from enum import IntEnum

from ..exitcodes import Exit, TransferError

READ, WRITE, DATA, ACK, ERROR, OACK = range(1, 7)


class Fault(IntEnum):
    """The numbers of ERROR (RFC 1350 appendix I, RFC 2347)."""

    UNDEFINED = 0
    NOT_FOUND = 1
    ACCESS = 2
    DISK_FULL = 3
    ILLEGAL = 4
    UNKNOWN_ID = 5
    EXISTS = 6
    NO_USER = 7
    OPTIONS = 8


# As curl; any other is Exit.ABORTED.
_EXITS = {
    Fault.UNDEFINED: Exit.TFTP_ILLEGAL,
    Fault.NOT_FOUND: Exit.TFTP_NOT_FOUND,
    Fault.ACCESS: Exit.TFTP_PERMISSION,
    Fault.DISK_FULL: Exit.DISK_FULL,
    Fault.ILLEGAL: Exit.TFTP_ILLEGAL,
    Fault.UNKNOWN_ID: Exit.TFTP_UNKNOWN_ID,
    Fault.EXISTS: Exit.FILE_EXISTS,
    Fault.NO_USER: Exit.TFTP_NO_USER,
}


def request(opcode: int, name: bytes, mode: bytes, options: dict[bytes, int]) -> bytes:
    """READ or WRITE; `name` has no NUL."""
    packet = struct.pack("!H", opcode) + name + b"\0" + mode + b"\0"
    return packet + b"".join(key + b"\0%d\0" % value for key, value in options.items())


def data(number: int, content: bytes) -> bytes:
    return struct.pack("!HH", DATA, number) + content


def acknowledgement(number: int) -> bytes:
    return struct.pack("!HH", ACK, number)


def error(fault: Fault, text: str) -> bytes:
    return struct.pack("!HH", ERROR, fault) + text.encode("ascii") + b"\0"


def is_error(packet: bytes) -> bool:
    return packet.startswith(struct.pack("!H", ERROR))


def read_options(packet: bytes) -> dict[bytes, int] | None:
    """Of an OACK: names in lower case; None where it is malformed."""
    words = packet[2:].split(b"\0")
    if words.pop() or len(words) % 2:
        return None
    pairs = zip(words[::2], words[1::2], strict=True)
    options = {name.lower(): value for name, value in pairs}
    if not all(value.isdigit() and len(value) < 20 for value in options.values()):
        return None
    return {name: int(value) for name, value in options.items()}


def read_error(packet: bytes) -> TransferError:
    """What an ERROR says, with curl's exit code."""
    (number,) = struct.unpack_from("!H", packet, 2)
    text = packet[4:].partition(b"\0")[0].decode("utf-8", "replace")
    code = _EXITS.get(number, Exit.ABORTED)
    return TransferError(code, f"the TFTP server says: {text or 'no reason'} ({number})")
