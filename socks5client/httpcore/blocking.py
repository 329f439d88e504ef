"""The network backend for httpcore's blocking pools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpcore

from ..protocol import Address
from ..sync import open_tunnel
from ..tunnel import Deadline
from .shared import Ways, connect_errors, extra_info, tls_errors

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Iterable

    from ..bypass import Bypass
    from ..handshake import Trace
    from ..route import ProxyLike


class Socks5Backend(Ways, httpcore.NetworkBackend):
    """A network backend whose TCP connections go through a SOCKS5 proxy.

    Parameters: `proxy`, as everywhere (see `socks5client.connect`), looked up once, here, so
    that a pool's connections all carry the same credentials; `bypass`, the destinations to
    reach directly, default: those of NO_PROXY in the environment; `trace`, called with a
    `Proxy` and each message of the handshake (see `socks5client.handshake.Handshake`).

    Raises ValueError where `proxy` is malformed or none is to be found.
    """

    def __init__(
        self,
        proxy: ProxyLike = None,
        *,
        bypass: Bypass | None = None,
        trace: Trace | None = None,
    ) -> None:
        super().__init__(proxy, bypass=bypass, trace=trace)
        self._direct = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to `host` and `port`; `timeout`, in seconds, bounds all of it.

        `local_address` and `socket_options` are for the connection to the first proxy.
        Raises httpcore's ConnectTimeout, ConnectError where the proxy reports that the
        destination cannot be reached, ProxyError for all else; the `SocksError` is its cause.
        """
        chain = self._chain(host, port)
        if chain is None:
            return self._direct.connect_tcp(host, port, timeout, local_address, socket_options)
        options = self._options(local_address, socket_options)
        with connect_errors():
            tunnel = open_tunnel(chain, Address(host, port), Deadline.after(timeout), **options)
            return _Stream(tunnel.plain())

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        """A unix socket is local: no proxy has a part in it."""
        return self._direct.connect_unix_socket(*args, **kwargs)

    def sleep(self, seconds: float) -> None:
        """The pause before a retry."""
        self._direct.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    """A connected socket as httpcore wants it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            self._sock.settimeout(timeout)
            return self._sock.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(error) from error
        except OSError as error:
            raise httpcore.ReadError(error) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        rest = memoryview(buffer)
        try:
            while rest:  # the timeout is for each piece, as in httpcore's own stream
                self._sock.settimeout(timeout)
                rest = rest[self._sock.send(rest) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout(error) from error
        except OSError as error:
            raise httpcore.WriteError(error) from error

    def close(self) -> None:
        self._sock.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        with tls_errors(self.close):
            self._sock.settimeout(timeout)
            return _Stream(ssl_context.wrap_socket(self._sock, server_hostname=server_hostname))

    def get_extra_info(self, info: str) -> Any:
        return extra_info(self._sock, info)
