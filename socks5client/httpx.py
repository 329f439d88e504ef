"""httpx transports over SOCKS5, for the sync and the async client."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

try:
    import httpcore
    import httpx
except ImportError as error:
    raise ImportError(
        "socks5client.httpx needs httpx: pip install 'socks5client[httpx]'"
    ) from error

from .bypass import Bypass
from .httpcore import AsyncSocks5Backend, Socks5Backend

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterable, Iterator

    from .handshake import Trace
    from .route import ProxyLike

__all__ = ["AsyncSocks5Transport", "Socks5Transport"]

_DEFAULT_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20)


class _Transport:
    """What the transports have in common: a pool whose connections go through a proxy."""

    # The classes of the pool and of its network backend.
    _kinds: tuple[Any, Any]
    _pool: Any

    def __init__(
        self,
        proxy: ProxyLike = None,
        *,
        verify: ssl.SSLContext | str | bool = True,
        cert: Any = None,
        trust_env: bool = True,
        http1: bool = True,
        http2: bool = False,
        limits: httpx.Limits = _DEFAULT_LIMITS,
        local_address: str | None = None,
        retries: int = 0,
        socket_options: Iterable[Any] | None = None,
        no_proxy: Bypass | str | None = None,
        trace: Trace | None = None,
    ) -> None:
        if no_proxy is None:
            no_proxy = Bypass.from_env() if trust_env else ""
        bypass = Bypass(no_proxy) if isinstance(no_proxy, str) else no_proxy
        pool, backend = self._kinds
        self._pool = pool(
            ssl_context=httpx.create_ssl_context(verify=verify, cert=cert, trust_env=trust_env),
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            http1=http1,
            http2=http2,
            local_address=local_address,
            retries=retries,
            socket_options=socket_options,
            network_backend=backend(proxy, bypass=bypass, trace=trace),
        )


class Socks5Transport(_Transport, httpx.BaseTransport):
    """A transport for `httpx.Client` whose connections go through a SOCKS5 proxy.

    ::

        with httpx.Client(transport=Socks5Transport("socks5h://127.0.0.1:1080")) as client:
            client.get("https://example.com/")

    Parameters:
        proxy: a `Proxy`, a URL, a sequence of either (a chain, first hop first), `DIRECT`, or
            None for the default proxy, else the environment; looked up once, here.
        verify, cert, trust_env, http1, http2, limits, local_address, retries, socket_options:
            as `httpx.HTTPTransport` takes them; the last one is for the connection to the
            first proxy, and so is `local_address`.
        no_proxy: the destinations to reach directly, a `Bypass` or its text; None: those
            of NO_PROXY in the environment (none of them with `trust_env=False`).
        trace: called with a `Proxy` and each message of the handshake.

    The pool belongs to the transport, so that connections are never shared between different
    credentials. httpx's connect timeout bounds TCP to the proxy and the whole handshake.

    Raises ValueError where `proxy` is malformed or none is to be found. Requests raise
    `httpx.ConnectTimeout` where the handshake took too long, `httpx.ConnectError` where the
    proxy says that the destination cannot be reached, `httpx.ProxyError` where the proxy itself
    fails or refuses; the `SocksError` is the `__cause__`.
    """

    _kinds = httpcore.ConnectionPool, Socks5Backend
    _pool: httpcore.ConnectionPool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request, as httpx calls it."""
        assert isinstance(request.stream, httpx.SyncByteStream)
        with _httpx_errors():
            response = self._pool.handle_request(_core_request(request))
        return _httpx_response(response, _ResponseStream(response.stream))

    def close(self) -> None:
        """Closes all connections of the pool."""
        with _httpx_errors():
            self._pool.close()


class AsyncSocks5Transport(_Transport, httpx.AsyncBaseTransport):
    """A transport for `httpx.AsyncClient` whose connections go through a SOCKS5 proxy.

    ::

        transport = AsyncSocks5Transport("socks5h://127.0.0.1:1080")
        async with httpx.AsyncClient(transport=transport) as client:
            await client.get("https://example.com/")

    On asyncio and on trio. Parameters (but as `httpx.AsyncHTTPTransport` takes them), timeouts
    and errors are those of `Socks5Transport`.
    """

    _kinds = httpcore.AsyncConnectionPool, AsyncSocks5Backend
    _pool: httpcore.AsyncConnectionPool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request, as httpx calls it."""
        assert isinstance(request.stream, httpx.AsyncByteStream)
        with _httpx_errors():
            response = await self._pool.handle_async_request(_core_request(request))
        return _httpx_response(response, _AsyncResponseStream(response.stream))

    async def aclose(self) -> None:
        """Closes all connections of the pool."""
        with _httpx_errors():
            await self._pool.aclose()


def _core_request(request: httpx.Request) -> httpcore.Request:
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        ),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


def _httpx_response(
    response: httpcore.Response, stream: httpx.SyncByteStream | httpx.AsyncByteStream
) -> httpx.Response:
    return httpx.Response(
        status_code=response.status,
        headers=response.headers,
        stream=stream,
        extensions=response.extensions,
    )


class _ResponseStream(httpx.SyncByteStream):
    """A body on its way, with httpx's errors."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_errors():
            yield from self._stream

    def close(self) -> None:
        self._stream.close()


class _AsyncResponseStream(httpx.AsyncByteStream):
    """The same for the async client."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors():
            async for part in self._stream:
                yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


@contextmanager
def _httpx_errors() -> Iterator[None]:
    """httpcore's errors as httpx's of the same name, caused by what those wrap."""
    try:
        yield
    except Exception as error:
        for cls in type(error).__mro__:
            mapped = getattr(httpx, cls.__name__, None)
            if cls.__module__.startswith("httpcore") and mapped is not None:
                # The pool wipes __cause__ ("raise exc from None"); what it wraps is its argument.
                causes = [cause for cause in error.args if isinstance(cause, OSError)]
                raise mapped(str(error)) from (*causes, error)[0]
        raise
