"""The network under httpcore's pool: through the proxy, and never longer than the transfer may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpcore

from ...httpcore import Socks5Backend

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from .pool import Pool


_PIECE = 65536


class Backend(Socks5Backend):
    """Connections for the transfer that `pool` serves."""

    def __init__(self, pool: Pool, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pool = pool

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        deadline = self._pool.transfer.deadline
        stream = super().connect_tcp(
            host, port, deadline.connecting(), local_address, socket_options
        )
        return _Stream(stream, self._pool)


class _Stream(httpcore.NetworkStream):
    """A connection whose waits end with the transfer that it serves."""

    def __init__(self, stream: httpcore.NetworkStream, pool: Pool) -> None:
        self._stream = stream
        self._pool = pool

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        deadline = self._pool.transfer.deadline
        try:
            return self._stream.read(max_bytes, deadline.left())
        except httpcore.ReadTimeout:
            raise deadline.too_late() from None

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        deadline = self._pool.transfer.deadline
        rest = memoryview(buffer)
        try:
            while rest:  # each piece asks anew how long it may take
                piece, rest = rest[:_PIECE], rest[_PIECE:]
                self._stream.write(bytes(piece), deadline.left())
        except httpcore.WriteTimeout:
            raise deadline.too_late() from None

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._pool.transfer.deadline.connect_left()
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._pool)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
