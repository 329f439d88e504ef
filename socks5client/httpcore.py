"""SOCKS as a network backend of httpcore: pools, TLS, keep-alive and HTTP/2 stay its own."""

from __future__ import annotations

import select
import socket
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

try:
    import httpcore
except ImportError as error:
    raise ImportError(
        "socks5client.httpcore needs httpcore: pip install 'socks5client[httpx]'"
    ) from error

from .bypass import Bypass
from .errors import HandshakeTimeout, ReplyError, SocksError
from .protocol import Address
from .route import DIRECT, find_route
from .sync import open_tunnel
from .tunnel import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .handshake import Trace
    from .route import ProxyLike

__all__ = ["Socks5Backend"]

# As httpcore's own backend does.
_NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Socks5Backend(httpcore.NetworkBackend):
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
        self._route = find_route(proxy)
        self._bypass = Bypass.from_env() if bypass is None else bypass
        self._trace = trace
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
        if self._route is DIRECT or self._bypass.matches(host, port):
            return self._direct.connect_tcp(host, port, timeout, local_address, socket_options)
        with _connect_errors():
            tunnel = open_tunnel(
                self._route,
                Address(host, port),
                Deadline.after(timeout),
                source_address=None if local_address is None else (local_address, 0),
                socket_options=[_NO_DELAY, *(socket_options or ())],
                trace=self._trace,
            )
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
        try:
            self._sock.settimeout(timeout)
            return _Stream(ssl_context.wrap_socket(self._sock, server_hostname=server_hostname))
        except BaseException as error:
            self.close()
            if isinstance(error, TimeoutError):
                raise httpcore.ConnectTimeout(error) from error
            if isinstance(error, OSError):
                raise httpcore.ConnectError(error) from error
            raise

    def get_extra_info(self, info: str) -> Any:
        if info == "socket":
            return self._sock
        if info == "ssl_object" and isinstance(self._sock, ssl.SSLSocket):
            return self._sock
        if info == "client_addr":
            return self._sock.getsockname()
        if info == "server_addr":
            return self._sock.getpeername()
        if info == "is_readable":
            return _is_readable(self._sock)
        return None


@contextmanager
def _connect_errors() -> Iterator[None]:
    """A SocksError as httpcore's own, with the former as its cause."""
    try:
        yield
    except HandshakeTimeout as error:
        raise httpcore.ConnectTimeout(error) from error
    except ReplyError as error:
        raise httpcore.ConnectError(error) from error
    except SocksError as error:
        raise httpcore.ProxyError(error) from error
    except OSError as error:  # a name that is looked up here and is not known
        raise httpcore.ConnectError(error) from error


def _is_readable(sock: socket.socket) -> bool:
    """Whether an idle connection has something to say, which is that it has been closed."""
    if sock.fileno() < 0:
        return True
    if not hasattr(select, "poll"):
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
