"""The control connection: commands and replies (RFC 959 section 4), never longer than allowed."""

from __future__ import annotations

import os
import re
import ssl
import time
from typing import TYPE_CHECKING, NamedTuple

from ..exitcodes import Exit, Stage, TransferError
from ..output import HeaderFile
from ..tls import chain_of

if TYPE_CHECKING:
    from ..connecting import Connection
    from ..transfer import Transfer

_PATIENCE = 120.0  # seconds for a reply, as curl's
_LONGEST = 1 << 18  # bytes of a reply
_END = re.compile(rb"(\d\d\d)(?: |\r?\n)")
_SECRET = ("PASS", "ACCT")
_UNAVAILABLE = 421


class Reply(NamedTuple):
    """`text` is that of the last line, without the code; without the line end."""

    code: int
    text: bytes

    @property
    def good(self) -> bool:
        """2yz."""
        return self.code // 100 == 2


class Control:
    """The conversation with a server, which serves one transfer after the other.

    `transfer` is the one that it serves now: it bounds the waits. `host` is the server as the
    URL names it. `entry` is where the login led, `type` the letter of the last TYPE, `folders`
    where the last transfer went from there (None: nobody knows). `pending`: the reply to a
    transfer command is still to come.
    """

    def __init__(self, transfer: Transfer, connection: Connection, host: str) -> None:
        self.serve(transfer)
        self.connection = connection
        self.sock = connection.sock
        self.host = host
        self.entry = b""
        self.type = ""
        self.folders: tuple[bytes, ...] | None = None
        self.context: ssl.SSLContext | None = None  # of the data connections, too, if `private`
        self.private = False
        self.epsv = self.eprt = True  # until the server says that it has no such command
        self.connecting = True  # --connect-timeout is for the login, too
        self.pending = False
        self._buffer = bytearray()
        self._early: list[Reply] = []

    def serve(self, transfer: Transfer) -> None:
        """`transfer` is served from now on. Raises TransferError where -D cannot be written."""
        self.transfer = transfer
        self.headers = HeaderFile.of(transfer.options, transfer.session)
        self.answered = False  # whether a reply has come since

    @property
    def alive(self) -> bool:
        """Whether the server, which has nothing to say now, has said nothing."""
        if self._buffer or self._early or self.pending:
            return False
        self.sock.settimeout(0)
        try:
            self.sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            pass
        return False

    def command(self, word: str, argument: bytes | None = None, *, secret: bool = False) -> Reply:
        """Sends a command and waits for the reply. Raises TransferError."""
        self.send(word, argument, secret=secret)
        return self.reply()

    def send(self, word: str, argument: bytes | None = None, *, secret: bool = False) -> None:
        """`secret`: -v does not show the argument.

        Raises TransferError; for an argument with a line end, too: no second command.
        """
        line = os.fsencode(word) + (b"" if argument is None else b" " + argument)
        if any(byte in b"\r\n\0" for byte in line):
            raise TransferError(Exit.URL_MALFORMED, "a line end or a NUL in an FTP command")
        hidden = secret or word.upper() in _SECRET
        self.transfer.narrator.told(f"{word} ***" if hidden else line.decode("utf-8", "replace"))
        try:
            self.sock.settimeout(self._left(time.monotonic() + _PATIENCE))
            self.sock.sendall(line + b"\r\n")
        except TimeoutError:
            raise self.too_late() from None
        except OSError as error:
            raise TransferError(
                Exit.SEND_FAILED, f"sending to the FTP server failed: {error.strerror or error}"
            ) from None

    def reply(self, patience: float = _PATIENCE) -> Reply:
        """The next one. Raises TransferError, after a 421, too: the server hangs up."""
        if self._early:
            return self._early.pop(0)
        end, size = time.monotonic() + patience, 0
        while True:
            line = self._line(end)
            size += len(line)
            if size > _LONGEST:
                raise TransferError(Exit.WEIRD_REPLY, "the FTP server's reply has no end")
            self.answered = True
            self._hear(line)
            if match := _END.match(line):
                reply = Reply(int(match[1]), line[4:].rstrip(b"\r\n"))
                self.transfer.outcome.status = reply.code
                if reply.code == _UNAVAILABLE:
                    raise TransferError(Exit.TIMEOUT, "the FTP server ends the session (421)")
                return reply

    def push_back(self, reply: Reply) -> None:
        """`reply` came early: it is the next one."""
        self._early.append(reply)

    @property
    def has_early(self) -> bool:
        """Whether something waits here that no selector tells of."""
        waiting = isinstance(self.sock, ssl.SSLSocket) and self.sock.pending() > 0
        return bool(self._buffer) or waiting

    def start_tls(self, context: ssl.SSLContext) -> None:
        """TLS on this connection from now on. Raises OSError, TransferError."""
        if self._buffer:  # sent in the clear, meant to be read as if it had been protected
            raise TransferError(Exit.WEIRD_REPLY, "the FTP server says something before TLS begins")
        outcome = self.transfer.outcome
        self.transfer.stage, outcome.verify_result = Stage.TLS, 1  # as long as nothing is known
        self.sock.settimeout(self._left(time.monotonic() + _PATIENCE))
        try:
            tls = context.wrap_socket(self.sock, server_hostname=self.host)
        except TimeoutError:
            raise self.too_late() from None
        except ssl.SSLCertVerificationError as error:
            outcome.verify_result = error.verify_code
            raise
        self.sock, self.context = tls, context
        outcome.verify_result, outcome.certificates = 0, chain_of(tls)
        self.transfer.mark("appconnect")
        self.transfer.narrator.tls(self.host, tls)
        self.transfer.stage = Stage.WAIT

    def too_late(self) -> TransferError:
        """What a wait raises that has taken all of the time."""
        deadline = self.transfer.deadline
        left = deadline.connect_left() if self.connecting else deadline.left()  # raises it
        assert left is None or left > 0
        return TransferError(
            Exit.TIMEOUT, f"no reply of the FTP server within {_PATIENCE:g} seconds"
        )

    def close(self, *, politely: bool = False) -> None:
        """`politely`: says QUIT; nobody waits for the reply."""
        if politely:
            try:
                self.sock.settimeout(1.0)
                self.sock.sendall(b"QUIT\r\n")
            except OSError:
                pass
        self.sock.close()

    def _line(self, end: float) -> bytes:
        while (length := self._buffer.find(b"\n") + 1) == 0:
            if len(self._buffer) > _LONGEST:
                raise TransferError(Exit.WEIRD_REPLY, "the FTP server's reply has no end")
            self._buffer += self._receive(end)
        line = bytes(self._buffer[:length])
        del self._buffer[:length]
        return line

    def _receive(self, end: float) -> bytes:
        try:
            self.sock.settimeout(self._left(end))
            data = self.sock.recv(4096)
        except TimeoutError:
            raise self.too_late() from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise TransferError(
                Exit.RECEIVE_FAILED, f"the connection to the FTP server broke: {reason}"
            ) from None
        if not data:
            self.transfer.outcome.status = 0
            raise TransferError(Exit.RECEIVE_FAILED, "the FTP server hung up")
        return data

    def _left(self, end: float) -> float:
        deadline = self.transfer.deadline
        left = deadline.connect_left() if self.connecting else deadline.left()
        here = end - time.monotonic()
        if here <= 0:
            raise self.too_late()
        return here if left is None else min(left, here)

    def _hear(self, line: bytes) -> None:
        self.transfer.outcome.size_header += len(line)
        self.transfer.narrator.heard(line.rstrip(b"\r\n").decode("utf-8", "replace"))
        if self.headers is not None:
            self.headers.write(line)
