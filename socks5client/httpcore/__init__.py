"""SOCKS as a network backend of httpcore: pools, TLS, keep-alive and HTTP/2 stay its own."""

try:
    import httpcore as _httpcore  # noqa: F401
except ImportError as error:
    raise ImportError(
        "socks5client.httpcore needs httpcore: pip install 'socks5client[httpx]'"
    ) from error

from .awaited import AsyncSocks5Backend
from .blocking import Socks5Backend

__all__ = ["AsyncSocks5Backend", "Socks5Backend"]
