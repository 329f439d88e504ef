"""What the blocking and the awaited backend have in common."""

from __future__ import annotations

import select
import socket
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpcore

from ..bypass import Bypass
from ..errors import HandshakeTimeout, ReplyError, SocksError
from ..route import DIRECT, find_route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..handshake import Trace
    from ..route import Chain, ProxyLike

# As httpcore's own backends do.
_NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Ways:
    """Where connections go.

    Parameters: `proxy`, as everywhere (see `socks5client.connect`); `bypass`, the destinations to
    reach directly, None for those of NO_PROXY; `trace`, called with a `Proxy` and each message
    of the handshake.
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

    def _chain(self, host: str, port: int) -> Chain | None:
        """The proxies to go through; None: none."""
        if self._route is DIRECT or self._bypass.matches(host, port):
            return None
        return self._route

    def _options(
        self, local_address: str | None, socket_options: Iterable[Any] | None
    ) -> dict[str, Any]:
        """What `open_tunnel` takes besides."""
        return {
            "source_address": None if local_address is None else (local_address, 0),
            "socket_options": [_NO_DELAY, *(socket_options or ())],
            "trace": self._trace,
        }


@contextmanager
def connect_errors() -> Iterator[None]:
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


@contextmanager
def tls_errors(close: Callable[[], object]) -> Iterator[None]:
    """Of a TLS handshake: errors as httpcore's own; after any `close` is called first."""
    try:
        yield
    except BaseException as error:
        close()
        if isinstance(error, TimeoutError):
            raise httpcore.ConnectTimeout(error) from error
        if isinstance(error, OSError):
            raise httpcore.ConnectError(error) from error
        raise


def extra_info(sock: socket.socket, info: str) -> Any:
    """What a stream tells of `sock`, its socket; None where it does not know `info`."""
    if info == "socket":
        return sock
    if info == "ssl_object" and isinstance(sock, ssl.SSLSocket):
        return sock
    if info == "client_addr":
        return sock.getsockname()
    if info == "server_addr":
        return sock.getpeername()
    if info == "is_readable":
        return _is_readable(sock)
    return None


def _is_readable(sock: socket.socket) -> bool:
    """Whether an idle connection has something to say, which is that it has been closed."""
    if sock.fileno() < 0:
        return True
    if not hasattr(select, "poll"):
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
