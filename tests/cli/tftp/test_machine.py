"""TFTP without a network: what is lost, doubled, late and wrong."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

import pytest

from socks5client.cli.exitcodes import Exit, TransferError
from socks5client.cli.tftp import packets
from socks5client.cli.tftp.machine import BLOCK_SIZE, Job, Reader, Refusal, Writer
from socks5client.cli.tftp.packets import Fault
from socks5client.cli.tftp.text import FromNetwork, to_network

if TYPE_CHECKING:
    from socks5client.cli.tftp.machine import Machine


def reader(block_size: int | None = BLOCK_SIZE) -> tuple[Reader, bytearray]:
    got = bytearray()
    return Reader(Job(b"name", block_size=block_size), got.extend), got


def writer(content: bytes, block_size: int | None = BLOCK_SIZE, size: int | None = None) -> Writer:
    left = bytearray(content)

    def source(size: int) -> bytes:
        block = bytes(left[:size])
        del left[:size]
        return block

    return Writer(Job(b"name", block_size=block_size, size=size), source)


def oack(**options: int) -> bytes:
    pairs = (b"%s\0%d\0" % (name.encode(), value) for name, value in options.items())
    return b"\0\6" + b"".join(pairs)


def test_requests() -> None:
    machine, _ = reader()
    options = b"tsize\x000\0blksize\x00512\0timeout\x002\0"
    assert machine.last == b"\0\1name\0octet\0" + options
    machine, _ = reader(block_size=None)
    assert machine.last == b"\0\1name\0octet\0"
    sender = writer(b"", size=7, block_size=1400)
    assert sender.last == b"\0\2name\0octet\0tsize\x007\0blksize\x001400\0timeout\x002\0"
    assert b"tsize" not in writer(b"").last  # nobody knows
    assert b"tsize" not in Reader(Job(b"n", b"netascii"), print).last
    assert Reader(Job(b"n", b"netascii", None), print).last == b"\0\1n\0netascii\0"


def test_text() -> None:
    text = FromNetwork()
    pieces = [b"a\r", b"\nb\r", b"\0c\r\n\r\0\r", b""]
    assert b"".join(map(text.convert, pieces)) == b"a\nb\rc\n\r\r"
    everything = b"\r\n\n\r\r\0\r"
    for size in range(1, 12):
        text, sent = FromNetwork(), to_network(everything)
        pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
        assert b"".join(map(text.convert, [*pieces, b""])) == everything


def test_reading_without_options() -> None:
    machine, got = reader(block_size=None)
    assert machine.receive(packets.data(1, b"x" * 512)) == packets.acknowledgement(1)
    assert not machine.over
    assert machine.receive(packets.data(2, b"y")) == packets.acknowledgement(2)
    assert machine.over
    assert got == b"x" * 512 + b"y"


def test_reading_from_a_server_that_knows_no_options() -> None:
    machine, got = reader(block_size=1400)
    assert machine.receive(packets.data(1, b"x" * 512)) == packets.acknowledgement(1)
    assert machine.receive(packets.data(2, b"")) == packets.acknowledgement(2)
    assert machine.over
    assert got == b"x" * 512


def test_reading_with_options() -> None:
    machine, got = reader(block_size=1400)
    assert machine.receive(oack(BLKSIZE=1000, tsize=1005)) == packets.acknowledgement(0)
    assert machine.size == 1005
    assert machine.receive(oack(blksize=1000)) == packets.acknowledgement(0)  # ours was lost
    assert machine.receive(packets.data(1, b"x" * 1000)) == packets.acknowledgement(1)
    assert machine.receive(oack(blksize=1000)) is None
    assert machine.receive(packets.data(2, b"y" * 5)) == packets.acknowledgement(2)
    assert machine.over
    assert got == b"x" * 1000 + b"y" * 5


def test_blocks_that_are_doubled_or_late() -> None:
    machine, got = reader()
    blocks = [packets.data(number, b"%d" % number * 512) for number in range(1, 5)]
    assert machine.receive(blocks[1]) is None
    machine.receive(blocks[0])
    steps = machine.steps
    assert machine.receive(blocks[0]) == packets.acknowledgement(1)  # it has not heard of it
    assert machine.receive(blocks[2]) is None
    assert machine.steps == steps
    machine.receive(blocks[1])
    assert machine.receive(blocks[0]) is None
    machine.receive(blocks[2])
    assert got == b"1" * 512 + b"2" * 512 + b"3" * 512


def test_writing() -> None:
    machine = writer(b"x" * 700)
    assert machine.receive(packets.acknowledgement(0)) == packets.data(1, b"x" * 512)
    assert machine.receive(packets.acknowledgement(0)) is None  # no apprentice of a sorcerer
    assert machine.receive(packets.acknowledgement(1)) == packets.data(2, b"x" * 188)
    assert machine.last == packets.data(2, b"x" * 188)
    assert machine.receive(packets.acknowledgement(1)) is None
    assert not machine.over
    assert machine.receive(packets.acknowledgement(2)) is None
    assert machine.over


@pytest.mark.parametrize("size", [0, 1, 8, 9, 16])
def test_writing_with_options(size: int) -> None:
    machine = writer(b"x" * size, block_size=8)
    packet, sent = machine.receive(oack(blksize=8)), b""
    while not machine.over:
        assert packet is not None
        (number,) = struct.unpack_from("!H", packet, 2)
        sent += packet[4:]
        packet = machine.receive(packets.acknowledgement(number))
    assert sent == b"x" * size
    assert machine.steps == size // 8 + 2


def test_block_numbers_begin_again() -> None:
    machine, got = reader(block_size=8)
    machine.receive(oack(blksize=8))
    for number in range(1, 70_000):
        assert machine.receive(packets.data(number & 0xFFFF, b"12345678")) is not None
    machine.receive(packets.data(70_000 & 0xFFFF, b""))
    assert machine.over
    assert len(got) == 8 * 69_999


@pytest.mark.parametrize(
    ("number", "code"),
    [(0, 71), (1, 68), (2, 69), (3, 70), (4, 71), (5, 72), (6, 73), (7, 74), (8, 42), (99, 42)],
)
def test_errors(number: int, code: int) -> None:
    for machine in (reader()[0], writer(b"")):
        with pytest.raises(TransferError, match="no way") as caught:
            machine.receive(struct.pack("!HH", 5, number) + b"no way\0")
        assert caught.value.code == code
    with pytest.raises(TransferError) as caught:
        reader()[0].receive(b"\0\5\0\1")
    assert caught.value.code == Exit.TFTP_NOT_FOUND


@pytest.mark.parametrize(
    ("packet", "fault"),
    [
        (b"", Fault.ILLEGAL),
        (b"\0\3\0", Fault.ILLEGAL),
        (packets.acknowledgement(0), Fault.ILLEGAL),
        (b"\0\1abc\0octet\0", Fault.ILLEGAL),
        (b"\0\7\0\1", Fault.ILLEGAL),
        (packets.data(1, b"x" * 513), Fault.ILLEGAL),
        (oack(blksize=1401), Fault.OPTIONS),
        (oack(blksize=7), Fault.OPTIONS),
        (b"\0\6blksize\x00512", Fault.OPTIONS),
        (b"\0\6blksize\0", Fault.OPTIONS),
        (b"\0\6blksize\0-5\0", Fault.OPTIONS),
        (b"\0\6blksize\0" + b"9" * 5000 + b"\0", Fault.OPTIONS),
    ],
)
def test_nonsense_for_a_reader(packet: bytes, fault: Fault) -> None:
    machine, got = reader(block_size=1400)
    with pytest.raises(Refusal) as caught:
        machine.receive(packet)
    assert caught.value.answer[:4] == struct.pack("!HH", 5, fault)
    assert caught.value.answer.endswith(b"\0")
    assert not got


def test_nonsense_for_a_writer() -> None:
    with pytest.raises(Refusal):
        writer(b"x").receive(packets.data(1, b"x"))
    with pytest.raises(Refusal):
        writer(b"x", block_size=None).receive(oack(blksize=512))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("options", [True, False])
def test_a_network_that_loses_doubles_and_reorders(seed: int, options: bool) -> None:
    chance = random.Random(seed)
    size = chance.choice([0, 1, 511, 512, 513, 5000, 512 * 20])
    content = chance.randbytes(size)
    got, stored = bytearray(), bytearray()
    block_size = BLOCK_SIZE if options else None
    receiving = Reader(Job(b"n", block_size=block_size), got.extend)
    _run(chance, receiving, _Server(content, stored, options=options))
    assert got == content
    _run(chance, writer(content, block_size=block_size), _Server(content, stored, options=options))
    assert stored == content


class _Server:
    """The other side, as simple as can be: it remembers what it said last."""

    def __init__(self, content: bytes, stored: bytearray, *, options: bool) -> None:
        self.content = content
        self.stored = stored
        self.options = options
        self.number = 0
        self.last = b""
        self.begun = False

    def receive(self, packet: bytes) -> bytes | None:
        opcode, number = struct.unpack_from("!HH", packet)
        if opcode in (packets.READ, packets.WRITE):
            if not self.begun:
                self.begun = True
                self.last = self._welcome(opcode)
            return self.last
        if opcode == packets.ACK and self._expects(number):
            self.number += 1
            start = (self.number - 1) * BLOCK_SIZE
            if start > len(self.content):
                self.last = b""
            else:
                self.last = packets.data(self.number, self.content[start : start + BLOCK_SIZE])
        elif opcode == packets.DATA and number == self.number + 1:
            self.number += 1
            self.stored += packet[4:]
            self.last = packets.acknowledgement(number)
        elif opcode == packets.DATA and number == self.number:
            return self.last
        else:
            return None
        return self.last or None

    def _expects(self, number: int) -> bool:
        return number == self.number

    def _welcome(self, opcode: int) -> bytes:
        if self.options:
            return oack(blksize=BLOCK_SIZE)
        if opcode == packets.READ:
            self.number = 1
            return packets.data(1, self.content[:BLOCK_SIZE])
        return packets.acknowledgement(0)


def _run(chance: random.Random, machine: Machine, server: _Server) -> None:
    there, here = [machine.last], list[bytes]()
    for _ in range(20_000):
        if machine.over:
            return
        line, receive, back = chance.choice(
            [(there, server.receive, here), (here, machine.receive, there)]
        )
        if not line:
            if not there and not here:  # silence: both say it again
                there.append(machine.last)
                if server.last:
                    here.append(server.last)
            continue
        packet = line.pop(chance.randrange(len(line)))
        luck = chance.random()
        if luck < 0.2:
            continue
        if luck > 0.8:
            line.append(packet)
        answer = receive(packet)
        if answer is not None:
            back.append(answer)
    pytest.fail("it does not end")
