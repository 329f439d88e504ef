"""A urllib3 pool manager over SOCKS5, without PySocks."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING, Any

try:
    import urllib3
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.exceptions import (
        ConnectTimeoutError,
        LocationParseError,
        NameResolutionError,
        NewConnectionError,
    )
except ImportError as error:
    raise ImportError(
        "socks5client.urllib3 needs urllib3 2: pip install 'socks5client[urllib3]'"
    ) from error

from .errors import HandshakeTimeout
from .protocol import Address
from .route import DIRECT, find_route
from .sync import open_tunnel
from .tunnel import Deadline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .route import Chain, Direct, ProxyLike

__all__ = ["Socks5PoolManager"]


class _Connection(HTTPConnection):
    """One whose TCP connection goes by `route`."""

    def __init__(self, *args: Any, route: Chain | Direct, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._route = route

    def _new_conn(self) -> socket.socket:
        if self._route is DIRECT:
            return super()._new_conn()
        try:
            # The name as it was given: a dot at its end means something to who looks it up.
            target = Address(self._dns_host.strip("[]"), self.port)
        except ValueError as error:
            raise LocationParseError(f"{self._dns_host!r}, {error}") from error
        try:
            sock = open_tunnel(
                self._route,
                target,
                Deadline.after(self.timeout),
                source_address=self.source_address,
                socket_options=self.socket_options or (),
            ).plain()
        except HandshakeTimeout as error:
            raise ConnectTimeoutError(
                self, f"Connection to {self.host} timed out. (connect timeout={self.timeout})"
            ) from error
        except socket.gaierror as error:  # a name that is looked up here
            raise NameResolutionError(self.host, self, error) from error
        except OSError as error:
            raise NewConnectionError(
                self, f"Failed to establish a new connection: {error}"
            ) from error
        sock.settimeout(self.timeout)
        sys.audit("http.client.connect", self, self.host, self.port)
        return sock


class _TLSConnection(_Connection, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class Socks5PoolManager(urllib3.PoolManager):
    """A `urllib3.PoolManager` whose connections go through a SOCKS5 proxy.

    ::

        with Socks5PoolManager("socks5h://127.0.0.1:1080") as http:
            http.request("GET", "https://example.com/")

    Parameters:
        proxy: a `Proxy`, a URL, a sequence of either (a chain, first hop first), `DIRECT`, or
            None for the default proxy, else the environment; looked up once, here.
        num_pools, headers, connection_pool_kw: as `urllib3.PoolManager` takes them;
            `source_address` and `socket_options` are for the connection to the first proxy.

    The pools belong to the manager, so that connections are never shared between different
    credentials. urllib3's connect timeout bounds TCP to the proxy and the whole handshake.

    Raises ValueError where `proxy` is malformed or none is to be found. Connections raise
    `ConnectTimeoutError` where the handshake took too long, `NewConnectionError` for all else
    that fails; the `SocksError` is the `__cause__`. Requests raise a `MaxRetryError` whose
    `reason` that is.
    """

    def __init__(
        self,
        proxy: ProxyLike = None,
        num_pools: int = 10,
        headers: Mapping[str, str] | None = None,
        **connection_pool_kw: Any,
    ) -> None:
        self._route = find_route(proxy)
        super().__init__(num_pools, headers, **connection_pool_kw)
        self.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}

    def _new_pool(
        self, scheme: str, host: str, port: int, request_context: dict[str, Any] | None = None
    ) -> urllib3.HTTPConnectionPool:
        # What a pool does not know it hands to each of its connections.
        context = self.connection_pool_kw if request_context is None else request_context
        return super()._new_pool(scheme, host, port, {**context, "route": self._route})
