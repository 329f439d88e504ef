"""A requests adapter over SOCKS5, without PySocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    from requests.adapters import HTTPAdapter
except ImportError as error:
    raise ImportError(
        "socks5client.requests needs requests: pip install 'socks5client[requests]'"
    ) from error

from .route import find_route
from .urllib3 import Socks5PoolManager

if TYPE_CHECKING:
    import requests

    from .route import ProxyLike

__all__ = ["Socks5Adapter"]


class Socks5Adapter(HTTPAdapter):
    """An adapter for `requests.Session` whose connections go through a SOCKS5 proxy.

    ::

        with requests.Session() as session:
            adapter = Socks5Adapter("socks5h://127.0.0.1:1080")
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            session.get("https://example.com/")

    Mount it for both: a redirect from one to the other goes by what is mounted there.

    Parameters:
        proxy: a `Proxy`, a URL, a sequence of either (a chain, first hop first), `DIRECT`, or
            None for the default proxy, else the environment; looked up once, here.
        kwargs: `pool_connections`, `pool_maxsize`, `max_retries` and `pool_block`, as
            `requests.adapters.HTTPAdapter` takes them.

    `proxies`, of a session or a request or from the environment, has no effect, nor has
    NO_PROXY: what is to go another way is mounted under a longer prefix.

    Raises ValueError where `proxy` is malformed or none is to be found. Requests raise
    `requests.ConnectTimeout` where the handshake took too long, `requests.ConnectionError` for
    all else that fails; see `Socks5PoolManager` for the `MaxRetryError` that they hold.
    """

    def __init__(self, proxy: ProxyLike = None, **kwargs: Any) -> None:
        self._route = find_route(proxy)
        super().__init__(**kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_route": self._route}

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any
    ) -> None:
        """Makes the pool manager, as requests calls it."""
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        self.poolmanager = Socks5PoolManager(
            self._route, num_pools=connections, maxsize=maxsize, block=block, **pool_kwargs
        )

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Sends a request, as requests calls it."""
        # After a redirect requests puts the credentials of ALL_PROXY here: for the origin to read.
        request.headers.pop("Proxy-Authorization", None)
        return super().send(request, stream, timeout, verify, cert, proxies=None)
