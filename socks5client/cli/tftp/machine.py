"""TFTP without sockets and clocks: packets in, packets out (RFC 1350, RFC 2347 to 2349)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import packets
from .packets import ACK, DATA, ERROR, OACK, READ, WRITE, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..exitcodes import TransferError

OCTET, NETASCII = b"octet", b"netascii"
BLOCK_SIZE = 512
LEAST = 8  # RFC 2348
RETRY = 2  # seconds until a packet is sent once more; both sides, if the server agrees


class Refusal(Exception):
    """The server's packet cannot be; `answer` tells it so."""

    def __init__(self, fault: Fault, text: str) -> None:
        super().__init__(text)
        self.answer = packets.error(fault, text)


@dataclass(frozen=True)
class Job:
    """What is asked for: `block_size` None offers no options. `size` of an upload, if known."""

    name: bytes
    mode: bytes = OCTET
    block_size: int | None = BLOCK_SIZE
    size: int | None = None


class Machine:
    """One side of a transfer.

    `last` is what to send again while nothing new comes; `steps` grows with whatever is new;
    `over`: there is nothing more to wait for. `size` is what the server says of the file.
    """

    over = False
    size: int | None = None

    def __init__(self, job: Job, opcode: int) -> None:
        offered: dict[bytes, int] = {}
        if job.block_size is not None:
            # In curl's order; a reader asks for the size with 0 (RFC 2349). Of text it is unknown.
            if (opcode == READ or job.size is not None) and job.mode == OCTET:
                offered[b"tsize"] = job.size or 0
            offered |= {b"blksize": job.block_size, b"timeout": RETRY}
        self._offered = offered
        self.last = packets.request(opcode, job.name, job.mode, offered)
        self.block_size = BLOCK_SIZE
        self.steps = 0
        self._number = 0  # of the last block that has come, or that is on its way

    def receive(self, packet: bytes) -> bytes | None:
        """A packet of the server's; returns what to send now, if anything.

        Raises TransferError for what the server reports, Refusal for what cannot be.
        """
        if len(packet) < 4:
            raise Refusal(Fault.ILLEGAL, "a packet is too short")
        opcode, number = struct.unpack_from("!HH", packet)
        if opcode == ERROR:
            raise self._reported(packet)
        if opcode == OACK and self.steps == 0:
            self._agree(packet)
            answer = self._agreed()
        elif opcode == OACK:
            answer = self._again()
        else:
            answer = self._advance(opcode, number, packet[4:])
        return answer

    def _reported(self, packet: bytes) -> TransferError:
        return packets.read_error(packet)

    def _agree(self, packet: bytes) -> None:
        options = packets.read_options(packet)
        if options is None or not self._offered:
            raise Refusal(Fault.OPTIONS, "options that were not offered")
        block_size = options.get(b"blksize", BLOCK_SIZE)
        if not LEAST <= block_size <= self._offered.get(b"blksize", BLOCK_SIZE):
            raise Refusal(Fault.OPTIONS, "a block size that was not offered")
        self.block_size, self.size = block_size, options.get(b"tsize")

    def _agreed(self) -> bytes | None:
        """The answer to options."""
        raise NotImplementedError

    def _again(self) -> bytes | None:
        """The answer to options that come once more."""
        raise NotImplementedError

    def _advance(self, opcode: int, number: int, content: bytes) -> bytes | None:
        raise NotImplementedError

    def _step(self, packet: bytes) -> bytes:
        self.steps += 1
        self.last = packet
        return packet


class Reader(Machine):
    """RRQ. `sink` is called with what each block holds, in order and once."""

    def __init__(self, job: Job, sink: Callable[[bytes], None]) -> None:
        super().__init__(job, READ)
        self._sink = sink

    def _agreed(self) -> bytes:
        return self._step(packets.acknowledgement(0))

    def _again(self) -> bytes | None:
        return self.last if self._number == 0 else None

    def _advance(self, opcode: int, number: int, content: bytes) -> bytes | None:
        if opcode != DATA:
            raise Refusal(Fault.ILLEGAL, "data was expected")
        if number == self._number and self.steps:
            return self.last  # it has not heard of our acknowledgement
        if number != (self._number + 1) & 0xFFFF:
            return None  # late
        if len(content) > self.block_size:
            raise Refusal(Fault.ILLEGAL, "a block is too long")
        self._number = number
        self._sink(content)
        self.over = len(content) < self.block_size
        return self._step(packets.acknowledgement(number))


class Writer(Machine):
    """WRQ. `source` gives as many bytes as it is asked for, fewer at the end."""

    def __init__(self, job: Job, source: Callable[[int], bytes]) -> None:
        super().__init__(job, WRITE)
        self._source = source
        self._ended = False

    def _agreed(self) -> bytes:
        return self._next()

    def _again(self) -> None:
        return None

    def _advance(self, opcode: int, number: int, content: bytes) -> bytes | None:
        if opcode != ACK:
            raise Refusal(Fault.ILLEGAL, "an acknowledgement was expected")
        # An old one is not answered, or each packet would go twice from then on (RFC 1123).
        if number != self._number:
            return None
        if self._ended:
            self.over = True
            self.steps += 1
            return None
        return self._next()

    def _next(self) -> bytes:
        content = self._source(self.block_size)
        self._ended = len(content) < self.block_size
        self._number = (self._number + 1) & 0xFFFF
        return self._step(packets.data(self._number, content))
