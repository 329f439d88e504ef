"""udp://HOST:PORT: each read of stdin is a datagram, each answer is written to stdout."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

from ..associating import associate, broken
from ..exitcodes import Exit, Stage
from ..urls import MalformedUrl
from .ends import Input, Output

if TYPE_CHECKING:
    import socket

    from ..transfer import Transfer

# How long to wait for another answer after the end of stdin, in seconds.
SILENCE = 2.0
_LARGEST = 65507


def pipe_udp(transfer: Transfer) -> None:
    """The handler of udp://. Raises TransferError, or what associating raises."""
    url = transfer.url
    if not url.port:
        raise MalformedUrl("udp:// to port 0 leads nowhere")
    source = Input(transfer)
    try:
        sock, peer = associate(transfer, url.connect_host, url.port)
        with sock:
            sock.connect(peer)
            sock.setblocking(False)
            transfer.mark("tunnel")
            transfer.stage = Stage.BODY
            transfer.mark("pretransfer")
            with Output(transfer) as output:
                _Exchange(transfer, sock, source, output).run()
    finally:
        source.close()


class _Exchange:
    def __init__(
        self, transfer: Transfer, sock: socket.socket, source: Input, output: Output
    ) -> None:
        self._transfer = transfer
        self._sock = sock
        self._source = source
        self._output = output
        self._most = min(_LARGEST, getattr(sock, "max_datagram_size", _LARGEST))
        self._silence = transfer.options.speed_time or SILENCE

    def run(self) -> None:
        last = time.monotonic()  # when something was sent or came
        while True:
            left = self._transfer.deadline.left()
            if self._source.fd is None:
                silence = last + self._silence - time.monotonic()
                if silence <= 0:
                    return
                left = silence if left is None else min(left, silence)
            poll = select.poll()
            poll.register(self._sock.fileno(), select.POLLIN)
            if self._source.fd is not None:
                poll.register(self._source.fd, select.POLLIN)
            ready = dict(poll.poll(None if left is None else left * 1000))
            if ready:
                last = time.monotonic()
            if ready.get(self._sock.fileno()):
                self._receive()
            if self._source.fd is not None and ready.get(self._source.fd):
                self._send()

    def _receive(self) -> None:
        try:
            data = self._sock.recv(65535)
        except BlockingIOError:
            return  # a packet that was none for us
        except OSError as error:
            raise broken(error, Exit.RECEIVE_FAILED) from None
        outcome = self._transfer.outcome
        if not outcome.size_download:
            self._transfer.mark("starttransfer")
        outcome.size_download += len(data)
        rest = memoryview(data)
        while rest:
            rest = rest[self._output.write(rest) :]
            if rest and self._output.fd is not None:
                self._wait_for_output(self._output.fd)

    def _wait_for_output(self, fd: int) -> None:
        poll = select.poll()
        poll.register(fd, select.POLLOUT)
        left = self._transfer.deadline.left()
        poll.poll(None if left is None else left * 1000)

    def _send(self) -> None:
        data = self._source.read(self._most)
        if not data:
            return
        try:
            self._sock.settimeout(self._transfer.deadline.left())
            self._sock.send(data)
        except TimeoutError:
            raise self._transfer.deadline.too_late() from None
        except OSError as error:
            raise broken(error, Exit.SEND_FAILED) from None
        finally:
            self._sock.settimeout(0)
        self._transfer.outcome.size_upload += len(data)
        self._transfer.meter.sent(len(data))
