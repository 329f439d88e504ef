"""Fetch, list, send and look at: the commands of one transfer, in curl's order."""

from __future__ import annotations

import os
import re
import ssl
from calendar import timegm
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING

from ..exitcodes import Exit, Stage, TransferError
from .data import prepare
from .text import FromNetwork, to_network

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from ..body import Body
    from ..http.conditions import TimeCondition
    from ..output import Destination
    from ..transfer import Transfer
    from .control import Control, Reply
    from .data import Data
    from .place import Place

_DIGITS = re.compile(rb"(\d+)\s*$")
_MOMENT = re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)")
_IN_150 = re.compile(rb"\((\d+) bytes")
_LAST_WORDS = 2.0  # seconds for a reply that makes no difference
_GOODBYE = 1.0  # seconds for the server's end of TLS, which some never send


@dataclass(frozen=True)
class Wanted:
    """Which bytes: from `start` on (below 0: so many from the end), `count` of them or all."""

    start: int = 0
    count: int | None = None


class Moving:
    """One transfer over a session that stands in the right folder."""

    def __init__(self, control: Control, place: Place, destination: Destination) -> None:
        self.control = control
        self.transfer: Transfer = control.transfer
        self.options = control.transfer.options
        self.outcome = control.transfer.outcome
        self.place = place
        self.destination = destination
        self.time: int | None = None  # seconds since 1970

    # What is known of the file

    def ask_time(self) -> None:
        """MDTM (RFC 3659 section 3)."""
        reply = self.control.command("MDTM", self.place.file)
        match = _MOMENT.match(reply.text) if reply.code == 213 else None
        if match is not None:
            self.time = self.outcome.file_time = timegm(tuple(int(part) for part in match.groups()))

    def unmet(self, condition: TimeCondition) -> bool:
        """Whether -z says that it is not wanted."""
        if self.time is None:
            return False
        when = condition.when
        return self.time > when if condition.kind == "-" else self.time <= when

    def _size(self, *, must_exist: bool = True) -> int | None:
        """SIZE (RFC 3659 section 4)."""
        reply = self.control.command("SIZE", self.place.file)
        if reply.code == 550 and must_exist:
            raise TransferError(Exit.NO_REMOTE_FILE, "the file does not exist")
        match = _DIGITS.search(reply.text) if reply.code == 213 else None
        return None if match is None else int(match[1])

    def _set_type(self, letter: str) -> None:
        if self.control.type == letter:
            return
        if not self.control.command("TYPE", letter.encode()).good:
            raise TransferError(Exit.FTP_TYPE_FAILED, f"the FTP server refuses TYPE {letter}")
        self.control.type = letter

    @property
    def _letter(self) -> str:
        return "A" if self.place.ascii else "I"

    # -I

    def look(self) -> None:
        """What -I shows, in the words of HTTP."""
        text = b""
        if self.place.file:
            text = self._as_header(self._time_line())
            self._set_type(self._letter)
            size = self._size()
            if size is not None:
                text += self._as_header(f"Content-Length: {size}\r\n")
            if self.control.command("REST", b"0").code == 350:
                text += self._as_header("Accept-ranges: bytes\r\n")
        self.quote("+")
        self.show(text)

    def look_at_time(self) -> None:
        """What is left of -I where -z is not met."""
        self.show(self._as_header(self._time_line()))

    def _time_line(self) -> str:
        if self.time is None:
            return ""
        return f"Last-Modified: {formatdate(self.time, usegmt=True)}\r\n"

    def _as_header(self, line: str) -> bytes:
        """`line`, that -D gets, too."""
        data = line.encode("ascii")
        if self.control.headers is not None and data:
            self.control.headers.write(data)
        return data

    def show(self, text: bytes, *, offset: int = 0) -> None:
        """`text` where the file would go, behind the `offset` bytes that are there."""
        sink = self.transfer.sink(self.destination, offset=offset)
        try:
            if text:
                sink.write(text)
            sink.finish()
        finally:
            sink.close()

    # Fetch and list

    def list(self) -> None:
        """LIST or NLST, or what -X says."""
        data = prepare(self.control)
        try:
            self._set_type("A")
            self.quote("+")
            word = self.options.method or ("NLST" if self.place.names_only else "LIST")
            reply = self.control.command(word, self.place.listed or None)
            if reply.code == 450:  # no such files, say some servers
                self.show(b"")
            else:
                self._receive(data, reply, None, 0)
        finally:
            data.close()

    def fetch(self, wanted: Wanted) -> None:
        """RETR."""
        data = prepare(self.control)
        try:
            self._set_type(self._letter)
            self.quote("+")
            size = None
            if not self.place.ascii and not self.options.ignore_content_length:
                size = self._size()
            most = self.options.max_filesize
            if most is not None and size is not None and size > most:
                raise TransferError(Exit.TOO_LARGE, f"the file has {size} bytes")
            start, left = _within(wanted, size)
            if left == 0 and start:
                self.show(b"", offset=start if self.options.resume else 0)  # it is there already
                return
            if start and self.control.command("REST", b"%d" % start).code != 350:
                raise TransferError(Exit.FTP_REST_FAILED, "the FTP server does not resume")
            reply = self.control.command("RETR", self.place.file)
            self._receive(data, reply, left or None, start, cut=wanted.count is not None)
        finally:
            data.close()

    def _receive(
        self, data: Data, reply: Reply, size: int | None, start: int, *, cut: bool = False
    ) -> None:
        """`size` bytes, None: until the connection ends; `cut`: the server would send more."""
        if reply.code not in (125, 150):
            missing = reply.code == 550 and bool(self.place.file)
            raise TransferError(
                Exit.NO_REMOTE_FILE if missing else Exit.FTP_NOT_RETRIEVED,
                f"the FTP server does not send it: {reply.code}",
            )
        self.control.pending = True
        if size is None and self.place.file and not self.place.ascii:
            match = _IN_150.search(reply.text)
            size = None if match is None else int(match[1])
        text = FromNetwork() if self.control.type == "A" else None
        sink = self.transfer.sink(self.destination, offset=start if self.options.resume else 0)
        try:
            sock = data.open(self.control)
            try:
                sink.expect(size, start if self.options.resume else 0)
                for piece in self._pieces(sock, size):
                    sink.write(piece if text is None else text.convert(piece))
                if not cut:
                    _end(sock, self.transfer.deadline.left())
            finally:
                sock.close()
            if size is not None and self.outcome.size_download < size:
                missing_bytes = size - self.outcome.size_download
                raise TransferError(
                    Exit.PARTIAL_FILE, f"the FTP server closed with {missing_bytes} bytes to come"
                )
            sink.finish()
        finally:
            sink.close()
        self._conclude(cut=cut)

    def _pieces(self, sock: socket.socket, size: int | None) -> Iterator[bytes]:
        transfer, meter = self.transfer, self.transfer.meter
        transfer.stage = Stage.BODY
        meter.begin()
        first = True
        while size is None or self.outcome.size_download < size:
            most = meter.portion
            if size is not None:
                most = min(most, size - self.outcome.size_download)
            try:
                sock.settimeout(transfer.deadline.left())
                piece = sock.recv(most)
            except TimeoutError:
                raise transfer.deadline.too_late() from None
            except OSError as error:
                raise TransferError(
                    Exit.RECEIVE_FAILED, f"receiving failed: {error.strerror or error}"
                ) from None
            if not piece:
                return
            if first:
                transfer.mark("starttransfer")
                first = False
            self.outcome.size_download += len(piece)
            transfer.narrator.received(piece)
            meter.received(len(piece))
            yield piece

    # Send

    def store(self, body: Body, resume: str | None) -> None:
        """STOR, or APPE for -a and -C."""
        data = prepare(self.control)
        try:
            self._set_type(self._letter)
            self.quote("+")
            start = int(resume) if resume not in (None, "-") else 0
            if resume == "-":
                start = self._size(must_exist=False) or 0
            if start and body.length is not None and start >= body.length:
                return  # all of it is there already
            word = "APPE" if self.options.append or start else "STOR"
            reply = self.control.command(word, self.place.file)
            if reply.code >= 400:
                raise TransferError(
                    Exit.UPLOAD_FAILED, f"the FTP server refuses the upload: {reply.code}"
                )
            self.control.pending = True
            sock = data.open(self.control)
            try:
                self._send(sock, body, start)
            finally:
                sock.close()
            self._conclude()
        finally:
            data.close()

    def _send(self, sock: socket.socket, body: Body, start: int) -> None:
        transfer, meter = self.transfer, self.transfer.meter
        transfer.stage = Stage.BODY
        converts = self.options.crlf or self.place.ascii
        meter.begin()
        try:
            for piece in _from(transfer.pieces(body), start):
                rest = memoryview(to_network(piece) if converts else piece)
                while rest:
                    sock.settimeout(transfer.deadline.left())
                    count = sock.send(rest[: meter.portion])
                    transfer.narrator.sent(bytes(rest[:count]))
                    self.outcome.size_upload += count
                    meter.sent(count)
                    rest = rest[count:]
            _end(sock, transfer.deadline.left())
        except TimeoutError:
            raise transfer.deadline.too_late() from None
        except OSError as error:
            raise TransferError(
                Exit.SEND_FAILED, f"sending failed: {error.strerror or error}"
            ) from None

    # Before and after

    def quote(self, prefix: str) -> None:
        """The commands of -Q with that prefix: "-" after, "+" before the transfer, "" first."""
        for text in self.options.quotes:
            mine = text[:1] if text[:1] in ("-", "+") else ""
            if mine != prefix:
                continue
            text = text.removeprefix(mine)
            may_fail, text = text.startswith("*"), text.removeprefix("*")
            word, _, argument = text.partition(" ")
            code = self.control.command(word, os.fsencode(argument) if argument else None).code
            if code >= 400 and not may_fail:
                raise TransferError(
                    Exit.FTP_QUOTE_FAILED, f"the FTP server refuses a command of -Q: {code}"
                )

    def _conclude(self, *, cut: bool = False) -> None:
        """The server's last word on the transfer."""
        if cut:
            self._abort()
            return
        reply = self.control.reply()
        self.control.pending = False
        if reply.code == 552:
            raise TransferError(Exit.DISK_FULL, "the FTP server has no more room")
        if reply.code not in (226, 250):
            raise TransferError(
                Exit.PARTIAL_FILE, f"the FTP server does not say that all is well: {reply.code}"
            )

    def _abort(self) -> None:
        """The session stays `pending`: who knows where it stands."""
        self.control.send("ABOR")
        try:
            for _ in range(2):  # to RETR and to ABOR, as a rule
                self.control.reply(_LAST_WORDS)
        except TransferError:
            self.transfer.deadline.left()  # nothing else matters any more


def _within(wanted: Wanted, size: int | None) -> tuple[int, int | None]:
    """Where to start, and how many bytes come then; None: nobody knows."""
    start, count = wanted.start, wanted.count
    if start < 0 and size is None:
        raise TransferError(Exit.RESUME_FAILED, "the FTP server does not say where the end is")
    if size is not None:
        if abs(start) > size:
            raise TransferError(
                Exit.RESUME_FAILED, f"offset {start} is beyond the file's {size} bytes"
            )
        start = start if start >= 0 else size + start
        left = size - start
        return start, left if count is None else min(left, count)
    return start, count


def _from(pieces: Iterator[bytes], start: int) -> Iterator[bytes]:
    """`pieces` without their first `start` bytes."""
    for piece in pieces:
        if start >= len(piece):
            start -= len(piece)
        else:
            yield piece[start:]
            start = 0


def _end(sock: socket.socket, left: float | None) -> None:
    """The end of TLS, so that both know that nothing was cut off."""
    if isinstance(sock, ssl.SSLSocket):
        sock.settimeout(_GOODBYE if left is None else min(left, _GOODBYE))
        try:
            sock.unwrap()
        except OSError:
            pass  # it need not answer
