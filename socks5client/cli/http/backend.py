"""The network under httpcore's pool: through the proxy, and never longer than the transfer may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpcore

from ...httpcore.shared import connect_errors, extra_info, tls_errors
from ..connecting import Connection, connect
from ..exitcodes import Exit, Stage, TransferError
from .framing import without_length

if TYPE_CHECKING:
    import ssl

    from .pool import Pool


# What may come before an answer is there, its head and those of 1xx; curl has this limit, too.
_MOST_HEADS = 300 * 1024


class Backend(httpcore.NetworkBackend):
    """Connections for the transfer that `pool` serves, which knows where they go."""

    def __init__(self, pool: Pool, *_: Any, **__: Any) -> None:
        self._pool = pool

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        with connect_errors():
            return Stream(connect(self._pool.transfer, host, port), self._pool)


class Stream(httpcore.NetworkStream):
    """A connection whose waits end with the transfer that it serves, and which that one meters."""

    def __init__(self, connection: Connection, pool: Pool) -> None:
        self.connection = connection
        self._sock = connection.sock
        self._pool = pool
        self._answer_due = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._receive(max_bytes)
        if self._answer_due and self._pool.transfer.options.ignore_content_length:
            data = without_length(data, lambda: self._receive(max_bytes))
        self._answer_due = False
        return data

    def _receive(self, max_bytes: int) -> bytes:
        transfer = self._pool.transfer
        try:
            self._sock.settimeout(transfer.deadline.left())
            data = self._sock.recv(min(max_bytes, transfer.meter.portion))
        except TimeoutError as error:
            if error.errno is not None:  # the system's own
                raise httpcore.ReadError(error) from error
            raise transfer.deadline.too_late() from None
        except OSError as error:
            raise httpcore.ReadError(error) from error
        if self._pool.received is not None:
            self._pool.received += data
            if transfer.stage is Stage.WAIT and len(self._pool.received) > _MOST_HEADS:
                raise TransferError(Exit.RECEIVE_FAILED, "the answer's headers have no end")
        transfer.meter.received(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        transfer = self._pool.transfer
        self._answer_due = self._answer_due or transfer.head is not None  # HTTP/1's
        rest = memoryview(transfer.on_wire(buffer))
        while rest:
            try:
                self._sock.settimeout(transfer.deadline.left())
                sent = self._sock.send(rest[: transfer.meter.portion])
            except TimeoutError as error:
                if error.errno is not None:
                    raise httpcore.WriteError(error) from error
                raise transfer.deadline.too_late() from None
            except OSError as error:
                raise httpcore.WriteError(error) from error
            rest = rest[sent:]
            transfer.meter.sent(sent)

    def close(self) -> None:
        self._sock.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        with tls_errors(self.close):
            if not self._pool.transfer.options.alpn:
                ssl_context.set_alpn_protocols([])  # the pool has set some
            self._sock.settimeout(self._pool.transfer.deadline.connect_left())
            self._sock = ssl_context.wrap_socket(self._sock, server_hostname=server_hostname)
        return self

    def get_extra_info(self, info: str) -> Any:
        return extra_info(self._sock, info)
