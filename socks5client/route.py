"""Which way a connection goes: what `proxy=` may be, and the default for when it is None."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

from .proxy import Proxy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal, TypeAlias


class _Direct(Enum):
    DIRECT = "DIRECT"

    def __repr__(self) -> str:
        return "socks5client.DIRECT"


DIRECT = _Direct.DIRECT
"""Says "no proxy" where a proxy is expected."""

if TYPE_CHECKING:
    Direct: TypeAlias = Literal[_Direct.DIRECT]
    # One proxy or several, first hop first.
    Chain: TypeAlias = tuple[Proxy, ...]
    ProxyLike: TypeAlias = Proxy | str | Sequence[Proxy | str] | Direct | None

_default: Chain | Direct | None = None


def set_default_proxy(proxy: ProxyLike) -> None:
    """Sets what `proxy=None` means from now on, in all threads; None: the environment again.

    `proxy` is a `Proxy`, a URL, a sequence of either (a chain, first hop first) or `DIRECT`.
    Raises ValueError for a malformed one.
    """
    global _default
    _default = None if proxy is None else find_route(proxy)


def get_default_proxy() -> Chain | Direct | None:
    """What `set_default_proxy` set: a tuple of `Proxy`, first hop first, `DIRECT`, or None."""
    return _default


def find_route(proxy: ProxyLike) -> Chain | Direct:
    """The proxies to go through, first hop first, or `DIRECT`; never the latter by itself.

    None means the default proxy, else the environment. Raises ValueError where `proxy` is
    malformed or none is to be found.
    """
    if isinstance(proxy, Proxy):
        return (proxy,)
    if isinstance(proxy, str):
        return _of_url(proxy)
    if proxy is not None:
        return _route(proxy)
    if _default is not None:
        return _default
    found = Proxy.from_env()
    if found is None:
        raise ValueError(
            "no proxy is configured: pass proxy=, call set_default_proxy(), or set"
            " SOCKS5CLIENT_PROXY or ALL_PROXY to a SOCKS5 URL such as socks5h://127.0.0.1:1080"
            " (socks5client never connects directly by itself; DIRECT says so)"
        )
    return (found,)


@lru_cache(maxsize=64)
def _of_url(url: str) -> Chain:
    """Kept, since most programs have one and pass it again and again: reading it takes a while."""
    return (Proxy.from_url(url),)


def _route(proxy: Sequence[Proxy | str] | Direct) -> Chain | Direct:
    if proxy is DIRECT:
        return DIRECT
    chain = tuple(hop if isinstance(hop, Proxy) else Proxy.from_url(hop) for hop in proxy)
    if not chain:
        raise ValueError("the chain of proxies is empty; DIRECT says that none is wanted")
    if any(hop.unix_path is not None for hop in chain[1:]):
        raise ValueError("only the first proxy of a chain can be reached by a unix socket")
    return chain
