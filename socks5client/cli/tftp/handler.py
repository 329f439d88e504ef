"""A job of tftp://: one association, one transfer."""

from __future__ import annotations

import os
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from ..associating import associate, broken
from ..body import Body
from ..exitcodes import Exit, Stage, TransferError
from ..options import UsageError
from ..targets import is_literal
from ..urls import MalformedUrl
from . import packets
from .machine import BLOCK_SIZE, NETASCII, OCTET, RETRY, Job, Reader, Refusal, Writer
from .packets import Fault
from .text import FromNetwork, to_network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..transfer import Transfer
    from .machine import Machine

_LONGEST_PAUSE = 8.0  # seconds
_TRIES = 6


def tftp(transfer: Transfer) -> None:
    """One job. Raises what went wrong."""
    options, upload, url = transfer.options, transfer.job.upload, transfer.url
    transfer.outcome.method = "PUT" if upload else "GET"
    if options.resume not in (None, "0") or options.range is not None:
        raise UsageError("TFTP cannot send a part of a file: no -C, no -r")
    if options.head:
        raise UsageError("TFTP cannot say what -I asks for")
    if upload is not None and upload != "-":
        transfer.url = url = url.with_file_name(os.path.basename(upload))
        transfer.note_url(url)
    name, mode = _name_and_mode(transfer)
    block_size = (options.tftp_blksize or BLOCK_SIZE) if options.tftp_options else None
    if upload is not None:
        body = Body.from_upload(upload)
        try:
            source = _Source(transfer, body, mode)
            _Exchange(transfer, Writer(Job(name, mode, block_size, body.length), source.read)).run()
        finally:
            body.close()
        return
    destination = transfer.destination()
    sink = transfer.sink(destination)
    text = FromNetwork() if mode == NETASCII else None
    expected = False

    def take(content: bytes) -> None:
        nonlocal expected
        if not expected:
            expected = True
            sink.expect(machine.size, 0)
        _count(transfer, content)
        if text is not None:
            content = text.convert(content)
        if content:
            sink.write(content)

    machine = Reader(Job(name, mode, block_size), take)
    try:
        _Exchange(transfer, machine).run()
        if text is not None and (rest := text.convert(b"")):
            sink.write(rest)
        sink.finish()
    finally:
        sink.close()


def _name_and_mode(transfer: Transfer) -> tuple[bytes, bytes]:
    """Of the URL (RFC 3617). Raises MalformedUrl."""
    text = transfer.url.target.partition("?")[0].removeprefix("/")
    text, semicolon, mode = text.partition(";mode=")
    ascii_ = mode[:1].lower() in ("n", "a") if semicolon else transfer.options.ascii
    name = unquote_to_bytes(text)
    if b"\0" in name or not name:
        raise MalformedUrl("the URL has no name that TFTP can ask for")
    if len(name) + 40 > BLOCK_SIZE:  # as long as a request may be
        raise TransferError(Exit.TFTP_ILLEGAL, "the name is too long for TFTP")
    return name, NETASCII if ascii_ else OCTET


def _count(transfer: Transfer, content: bytes) -> None:
    if not transfer.outcome.size_download:
        transfer.mark("starttransfer")
    transfer.outcome.size_download += len(content)
    transfer.narrator.received(content)
    transfer.meter.received(len(content))


class _Source:
    """A body in blocks, whatever pieces it comes in."""

    def __init__(self, transfer: Transfer, body: Body, mode: bytes) -> None:
        self._transfer = transfer
        self._pieces: Iterator[bytes] = transfer.pieces(body)
        if mode == NETASCII:
            self._pieces = map(to_network, self._pieces)
        self._left = bytearray()

    def read(self, size: int) -> bytes:
        while len(self._left) < size and (piece := next(self._pieces, b"")):
            self._left += piece
        block = bytes(self._left[:size])
        del self._left[:size]
        transfer = self._transfer
        transfer.outcome.size_upload += len(block)
        transfer.narrator.sent(block)
        transfer.meter.sent(len(block))
        return block


class _Exchange:
    """Sends what a machine says, and again while no answer comes."""

    def __init__(self, transfer: Transfer, machine: Machine) -> None:
        self._transfer = transfer
        self._machine = machine
        self._peer: Any = None  # the server's port for this transfer, once it is known

    def run(self) -> None:
        transfer, url = self._transfer, self._transfer.url
        self._sock, self._server = associate(transfer, url.connect_host, url.effective_port)
        with self._sock:
            transfer.mark("connect")
            transfer.mark("pretransfer")
            transfer.stage = Stage.BODY
            transfer.meter.begin()
            self._send(self._machine.last)
            while not self._machine.over:
                self._turn()

    def _turn(self) -> None:
        """Until something new has come, and has been answered."""
        steps, pause = self._machine.steps, float(RETRY)
        for attempt in range(_TRIES):
            if attempt:
                self._send(self._machine.last)
            end = time.monotonic() + pause
            while (left := end - time.monotonic()) > 0:
                packet, source = self._receive(left)
                if packet is not None and self._is_the_server(packet, source):
                    self._heed(packet)
                if self._machine.steps > steps:
                    return
            pause = min(pause * 2, _LONGEST_PAUSE)
        raise TransferError(Exit.TIMEOUT, self._silence())

    def _silence(self) -> str:
        text = "the TFTP server does not answer"
        if self._peer is None and self._transfer.proxied:
            text += ", or the proxy lets no answer through that comes from another port"
        return text

    def _receive(self, most: float) -> tuple[bytes | None, Any]:
        """A packet and its source; None where `most` seconds bring none."""
        left = self._transfer.deadline.left()
        self._sock.settimeout(most if left is None else min(left, most))
        try:
            return self._sock.recvfrom(65535)
        except TimeoutError:
            self._transfer.deadline.left()  # raises it, if it was that
            return None, None
        except OSError as error:
            raise broken(error, Exit.RECEIVE_FAILED) from None

    def _is_the_server(self, packet: bytes, source: Any) -> bool:
        """Each transfer has a port of its own there, that of the first answer (section 4)."""
        place = source[:2]
        if self._peer is None:
            host = self._server[0]
            if is_literal(host) and ip_address(source[0]) != ip_address(host):
                return False
            self._peer = place
        if place == self._peer:
            return True
        if not packets.is_error(packet):  # that is never answered
            self._send(packets.error(Fault.UNKNOWN_ID, "not your transfer"), place)
        return False

    def _heed(self, packet: bytes) -> None:
        try:
            answer = self._machine.receive(packet)
        except Refusal as refusal:
            self._send(refusal.answer)
            raise TransferError(
                Exit.TFTP_ILLEGAL, f"the TFTP server answers nonsense: {refusal}"
            ) from None
        if answer is not None:
            self._send(answer)

    def _send(self, packet: bytes, to: Any = None) -> None:
        try:
            self._sock.settimeout(self._transfer.deadline.left())
            self._sock.sendto(packet, to or self._peer or self._server)
        except TimeoutError:
            raise self._transfer.deadline.too_late() from None
        except OSError as error:
            raise broken(error, Exit.SEND_FAILED) from None
