"""tcp://HOST:PORT: stdin to the connection, the connection to stdout.

Both ways at once, in one loop over poll(): nothing is read from one side before the other has
taken what was read last. The end of stdin half-closes the connection, and what the peer sends is
still read; the peer's end closes stdout, and what stdin has is still sent.
"""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING

from ..exitcodes import Exit, Stage, TransferError
from ..urls import MalformedUrl
from .ends import Input, Output

if TYPE_CHECKING:
    from ..transfer import Transfer

_GONE = select.POLLHUP | select.POLLERR
_IN, _OUT = select.POLLIN | _GONE, select.POLLOUT | _GONE
_NOTHING = memoryview(b"")


def pipe_tcp(transfer: Transfer) -> None:
    """The handler of tcp://. Raises TransferError, or what connecting raises."""
    url = transfer.url
    if not url.port:
        raise MalformedUrl("tcp:// to port 0 leads nowhere")
    source = Input(transfer)  # before anybody is connected to for its sake
    try:
        carry(transfer, transfer.connect(url.connect_host, url.port), source)
    finally:
        source.close()


def carry(transfer: Transfer, sock: socket.socket, source: Input) -> None:
    """Moves the bytes between `sock`, which is closed in the end, and this side's two ends."""
    transfer.stage = Stage.BODY
    transfer.mark("pretransfer")
    transfer.meter.begin()
    with sock, Output(transfer) as output:
        _Pipe(transfer, sock, source, output).run()


class _Pipe:
    def __init__(
        self, transfer: Transfer, sock: socket.socket, source: Input, output: Output
    ) -> None:
        self._transfer = transfer
        self._sock = sock
        self._source = source
        self._output = output
        self._up = self._down = _NOTHING  # read, but not yet written
        self._meter = transfer.meter
        self._sending = True  # our half of the connection is open
        self._receiving = True  # the peer's half
        self._failure: TransferError | None = None  # of sending
        # stdout is closed early only where nothing else will be written there.
        options = transfer.options
        self._closes = len(options.urls) <= 1 and options.write_out is None
        sock.setblocking(False)

    def run(self) -> None:
        interactive = self._source.is_terminal
        while True:
            if self._sending and self._source.fd is None and not self._up:
                self._half_close()
            if not self._receiving and not self._down:
                # At a terminal nobody wants to press Ctrl-D for a peer that has gone.
                if interactive or not self._sending:
                    break
                if self._closes:
                    self._output.end()
            self._step()
        if self._failure is not None:
            raise self._failure

    def _half_close(self) -> None:
        self._sending = False
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has been reset, as reading will tell
        self._transfer.narrator.note("All is sent")

    def _step(self) -> None:
        """Waits for what can be done, and does it."""
        wanted = self._wanted()
        left = self._transfer.deadline.left()
        poll = select.poll()
        for fd, mask in wanted.items():
            poll.register(fd, mask)
        ready = dict(poll.poll(None if left is None else left * 1000))
        wire = ready.get(self._sock.fileno(), 0)
        if not self._receiving and wire & _GONE:
            self._send_failed("the peer closed the connection before all was sent")
        if wire & _IN and self._receiving and wanted[self._sock.fileno()] & select.POLLIN:
            self._receive()
        if self._down and (self._output.fd is None or ready.get(self._output.fd, 0)):
            self._write()
        elif not self._sending and ready.get(self._output_fd(), 0) & _GONE:
            raise TransferError(Exit.WRITE_FAILED, "")  # nobody is left to read what may come
        if self._source.fd is not None and ready.get(self._source.fd, 0):
            self._read()
        if self._up and wire & _OUT:
            self._send()

    def _wanted(self) -> dict[int, int]:
        """What poll() is to wait for."""
        wanted: dict[int, int] = {}
        wire = 0
        if self._receiving and not self._down:
            wire |= select.POLLIN
        if self._up:
            wire |= select.POLLOUT
        elif self._sending and self._source.fd is not None:
            wanted[self._source.fd] = select.POLLIN
        # With nothing wanted a reset is still told; while the peer's half is open it can wait.
        if wire or not self._receiving:
            wanted[self._sock.fileno()] = wire
        fd = self._output_fd()
        if fd >= 0 and (self._down or not self._sending):
            wanted[fd] = select.POLLOUT if self._down else 0
        return wanted

    def _output_fd(self) -> int:
        return -1 if self._output.fd is None else self._output.fd

    def _receive(self) -> None:
        try:
            data = self._sock.recv(self._meter.portion)
        except BlockingIOError:
            return
        except OSError as error:
            raise TransferError(
                Exit.RECEIVE_FAILED, f"the connection broke: {error.strerror or error}"
            ) from None
        outcome = self._transfer.outcome
        if not data:
            self._receiving = False
            self._transfer.narrator.note("The peer has sent all")
            return
        if not outcome.size_download:
            self._transfer.mark("starttransfer")
        outcome.size_download += len(data)
        self._meter.received(len(data))
        self._down = memoryview(data)
        if self._output.fd is None:
            self._write()

    def _write(self) -> None:
        self._down = self._down[self._output.write(self._down) :]

    def _read(self) -> None:
        data = self._source.read(self._meter.portion)
        if data:
            self._meter.sent(len(data))
            self._up = memoryview(data)
            self._send()

    def _send(self) -> None:
        try:
            sent = self._sock.send(self._up)
        except BlockingIOError:
            return
        except OSError as error:
            self._send_failed(f"sending failed: {error.strerror or error}")
            return
        self._transfer.outcome.size_upload += sent
        self._up = self._up[sent:]

    def _send_failed(self, reason: str) -> None:
        """What the peer has sent is read all the same, then that is said."""
        self._failure = TransferError(Exit.SEND_FAILED, reason)
        self._sending, self._up = False, _NOTHING
        self._source.close()
