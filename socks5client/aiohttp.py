"""An aiohttp connector over SOCKS5."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING, Any, NoReturn

try:
    import aiohttp
except ImportError as error:
    raise ImportError(
        "socks5client.aiohttp needs aiohttp: pip install 'socks5client[aiohttp]'"
    ) from error

from .asyncio import connect
from .errors import HandshakeTimeout, ReplyError, SocksError
from .route import DIRECT, find_route

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler

    from .route import ProxyLike

__all__ = ["Socks5Connector"]


class _Nobody(aiohttp.abc.AbstractResolver):
    """Looks nothing up: with a proxy aiohttp itself has no way to a name or an address.

    It never tries to; should a release of it come to do so, that is an error and not a leak.
    """

    async def resolve(self, host: str, *args: Any, **kwargs: Any) -> NoReturn:
        raise OSError(errno.EOPNOTSUPP, f"{host} is looked up by the proxy, and not here")

    async def close(self) -> None:
        pass

    @staticmethod
    def no_socket(place: Any) -> NoReturn:
        raise OSError(errno.EOPNOTSUPP, f"no direct connection is made to {place[-1]}")


class Socks5Connector(aiohttp.TCPConnector):
    """A connector for `aiohttp.ClientSession` whose connections go through a SOCKS5 proxy.

    ::

        async with aiohttp.ClientSession(
            connector=Socks5Connector("socks5h://127.0.0.1:1080")
        ) as session:
            await session.get("https://example.com/")

    Parameters:
        proxy: a `Proxy`, a URL, a sequence of either (a chain, first hop first), `DIRECT`, or
            None for the default proxy, else the environment; looked up once, here.
        local_addr: ("host", port), the local end of the connection to the proxy.
        kwargs: as `aiohttp.TCPConnector` takes them (`ssl`, `limit`, `keepalive_timeout`, ...),
            but for `resolver`, `socket_factory` and `family`.

    The pool belongs to the connector, so that connections are never shared between different
    credentials. aiohttp's timeouts `sock_connect`, `connect` and `total` bound the handshake; a
    request with `proxy=` reaches that HTTP proxy through this one.

    Raises ValueError where `proxy` is malformed or none is to be found. Requests raise
    `aiohttp.ConnectionTimeoutError` where the handshake took too long,
    `aiohttp.ClientConnectorError` where the proxy says that the destination cannot be reached,
    `aiohttp.ClientProxyConnectionError`, which is one too, where the proxy itself fails or
    refuses; the `SocksError` is the `__cause__`.
    """

    def __init__(
        self,
        proxy: ProxyLike = None,
        *,
        local_addr: tuple[str, int] | None = None,
        **kwargs: Any,
    ) -> None:
        self._route = find_route(proxy)
        self._local_addr = local_addr
        direct = self._route is DIRECT
        super().__init__(
            local_addr=local_addr,
            resolver=None if direct else _Nobody(),
            socket_factory=None if direct else _Nobody.no_socket,
            family=socket.AF_UNSPEC,
            **kwargs,
        )

    async def _create_direct_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: Any,
        timeout: aiohttp.ClientTimeout,
        *,
        client_error: type[Exception] = aiohttp.ClientConnectorError,
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        """A connection to the host of `req`, with TLS where it wants it, as aiohttp calls it."""
        if self._route is DIRECT:
            return await super()._create_direct_connection(
                req, traces, timeout, client_error=client_error
            )
        host = req.url.raw_host or ""
        end = None
        if timeout.sock_connect:
            end = asyncio.get_running_loop().time() + timeout.sock_connect
        try:
            sock = await connect(
                (host, req.port or 0),
                proxy=self._route,
                timeout=timeout.sock_connect or None,
                local_addr=self._local_addr,
            )
        except HandshakeTimeout:
            raise  # aiohttp makes its own of every TimeoutError
        except ReplyError as error:
            raise client_error(req.connection_key, error) from error
        except SocksError as error:
            raise aiohttp.ClientProxyConnectionError(req.connection_key, error) from error
        except socket.gaierror as error:  # a name that is looked up here
            raise aiohttp.ClientConnectorDNSError(req.connection_key, error) from error
        except ValueError as error:
            raise aiohttp.InvalidUrlClientError(req.url, str(error)) from error
        context = self._get_ssl_context(req)
        name = (req.server_hostname or host).rstrip(".") if context else None
        async with asyncio.timeout_at(end):
            transport, protocol = await self._wrap_existing_connection(
                self._factory,
                req=req,
                timeout=timeout,
                client_error=client_error,
                sock=sock,
                ssl=context,
                server_hostname=name,
            )
        fingerprint = self._get_fingerprint(req)
        if context and fingerprint:
            try:
                fingerprint.check(transport)
            except aiohttp.ServerFingerprintMismatch:
                transport.abort()  # without the good-bye of TLS, which the peer may never answer
                raise
        return transport, protocol
