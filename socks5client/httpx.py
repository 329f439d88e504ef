"""An httpx transport over SOCKS5, for the sync client."""

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
from .httpcore import Socks5Backend

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator

    from .handshake import Trace
    from .route import ProxyLike

__all__ = ["Socks5Transport"]

_DEFAULT_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20)


class Socks5Transport(httpx.BaseTransport):
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
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(verify=verify, cert=cert, trust_env=trust_env),
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            http1=http1,
            http2=http2,
            local_address=local_address,
            retries=retries,
            socket_options=socket_options,
            network_backend=Socks5Backend(proxy, bypass=bypass, trace=trace),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request, as httpx calls it."""
        assert isinstance(request.stream, httpx.SyncByteStream)
        with _httpx_errors():
            response = self._pool.handle_request(
                httpcore.Request(
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
            )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_ResponseStream(response.stream),
            extensions=response.extensions,
        )

    def close(self) -> None:
        """Closes all connections of the pool."""
        with _httpx_errors():
            self._pool.close()


class _ResponseStream(httpx.SyncByteStream):
    """A body on its way, with httpx's errors."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_errors():
            yield from self._stream

    def close(self) -> None:
        self._stream.close()


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
