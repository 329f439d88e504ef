"""One POST of DNS over HTTPS, by httpcore through a proxy (RFC 8484)."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

try:
    import httpcore
except ImportError as error:
    raise ImportError(
        "https:// name servers need httpcore: pip install 'socks5client[dns,httpx]'"
    ) from error

from ..bypass import Bypass
from ..httpcore import AsyncSocks5Backend, Socks5Backend
from .exchange import LARGEST

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from ..protocol import Address
    from ..route import Chain, Direct
    from ..tunnel import Deadline

# Many servers speak HTTP/2 only, which httpcore does where h2 is installed.
_HTTP2 = find_spec("h2") is not None


class Post:
    """What is asked of whom.

    Parameters: `server`, where the name server is; `target`, the path of its URL; `wire`, the
    query; `route`, the proxies; `context`, for TLS with the name server. NO_PROXY does not count.
    """

    def __init__(
        self,
        server: Address,
        target: bytes,
        wire: bytes,
        route: Chain | Direct,
        context: ssl.SSLContext,
    ) -> None:
        host = server.host.encode()
        url = httpcore.URL(scheme=b"https", host=host, port=server.port, target=target)
        kind = "application/dns-message"
        headers = {"Host": _authority(server), "Accept": kind, "Content-Type": kind}
        self._request: dict[str, Any] = {
            "method": "POST",
            "url": url,
            "headers": {**headers, "Content-Length": str(len(wire))},
            "content": wire,
        }
        self._pool: dict[str, Any] = {"ssl_context": context, "http2": _HTTP2}
        self._way: dict[str, Any] = {"proxy": route, "bypass": Bypass("")}

    def send(self, deadline: Deadline) -> bytes:
        """The answer's body, before `deadline`. Raises an OSError."""
        backend = _BoundedBackend(deadline, **self._way)
        with (
            _system_errors(),
            httpcore.ConnectionPool(network_backend=backend, **self._pool) as pool,
            pool.stream(**self._request) as response,
        ):
            body = b""
            for part in response.iter_stream():
                body += _rest(part, body)
            return _checked(response, body)

    async def async_send(self) -> bytes:
        """The answer's body, on asyncio and trio, where cancelling bounds it. Raises an OSError."""
        backend = AsyncSocks5Backend(**self._way)
        with _system_errors():
            async with (
                httpcore.AsyncConnectionPool(network_backend=backend, **self._pool) as pool,
                pool.stream(**self._request) as response,
            ):
                body = b""
                async for part in response.aiter_stream():
                    body += _rest(part, body)
                return _checked(response, body)


def _authority(server: Address) -> str:
    host = f"[{server.host}]" if ":" in server.host else server.host
    return host if server.port == 443 else f"{host}:{server.port}"


def _rest(part: bytes, body: bytes) -> bytes:
    """As much of `part` as shows that it is too long: an iterator that is left would complain."""
    return part[: LARGEST + 1 - len(body)]


def _checked(response: httpcore.Response, body: bytes) -> bytes:
    if response.status != 200:
        raise OSError(errno.EPROTO, f"the name server answered with HTTP status {response.status}")
    if len(body) > LARGEST:
        raise OSError(errno.EMSGSIZE, f"the name server's answer is longer than {LARGEST} bytes")
    return body


@contextmanager
def _system_errors() -> Iterator[None]:
    """httpcore's errors as those of the system's that they wrap, the SocksErrors among them."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.ProxyError,
    ) as error:
        for wrapped in error.args:  # the pool wipes __cause__
            if isinstance(wrapped, OSError):
                raise wrapped  # noqa: B904 - it has a cause of its own
        raise OSError(errno.EPROTO, f"HTTP with the name server failed: {error}") from error


class _BoundedBackend(Socks5Backend):
    """One whose connections have one end for all that is done: httpcore's timeouts are each call's.

    A server that drips bytes would put the latter off for ever.
    """

    def __init__(self, deadline: Deadline, **options: Any) -> None:
        super().__init__(**options)
        self._deadline = deadline

    def connect_tcp(
        self, host: str, port: int, *args: Any, **kwargs: Any
    ) -> httpcore.NetworkStream:
        stream = super().connect_tcp(host, port, self._deadline.left())
        return _BoundedStream(stream, self._deadline)


class _BoundedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def _left(self) -> float:
        left = self._deadline.left()
        if not left:  # to a socket, 0 means not to wait
            raise httpcore.ReadTimeout(TimeoutError("the deadline passed"))
        return left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._left())
        return _BoundedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
