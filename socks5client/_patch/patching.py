"""`patch()` and `unpatch()`: the stack of what holds, put in place and taken away."""

from __future__ import annotations

import os
import threading
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING

from .._fakeip import MOST_NAMES, NETWORKS, Placeholders
from ..bypass import Bypass
from ..route import DIRECT, find_route
from . import installing, libraries, strict
from .children import announce
from .shim import MODES, Shim

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Self

    from ..dns import Resolver
    from ..route import Chain, Direct, ProxyLike

# Means: this machine, and what NO_PROXY says.
_DEFAULT: Any = ...


class Patch:
    """A context manager that ends what `patch()` began; `patch()` makes one.

    `proxy` is the chain of proxies, first hop first, or `DIRECT`; `dns`, `strict` and `bind` are
    as they were given.
    """

    def __init__(self, shim: Shim | None, settings: dict[str, Any] | None) -> None:
        self._shim = shim
        self._settings = settings  # for children
        self.proxy = DIRECT if shim is None else shim.chain
        self.dns = "local" if shim is None else shim.dns
        self.strict = shim is not None and shim.strict
        self.bind = shim is not None and shim.bind

    def unpatch(self) -> None:
        """Ends this one, whether or not others have come after it; nothing where it has ended."""
        with _lock:
            if self in _stack:
                _stack.remove(self)
                _install()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.unpatch()

    def __repr__(self) -> str:
        state = "" if self in _stack else ", ended"
        return f"<socks5client.Patch through {self.proxy}, dns={self.dns!r}{state}>"


# The last one holds.
_stack: list[Patch] = []
_lock = threading.RLock()
# A program that has looked a name up keeps its address, whatever is patched meanwhile.
_tables: dict[tuple[tuple[str, ...], int], Placeholders] = {}


def patch(
    proxy: ProxyLike = None,
    *,
    dns: str | Resolver | None = None,
    bypass: Bypass | str | None = _DEFAULT,
    strict: bool = False,
    bind: bool = False,
    nameservers: Any = None,
    placeholders: Sequence[str] = NETWORKS,
    most_names: int = MOST_NAMES,
    children: bool = True,
) -> Patch:
    """From now on what this program does by its sockets goes through `proxy`.

    TCP and UDP of the module `socket`, blocking or not, in whatever thread or event loop, by
    names bound or sockets made before; the look-up of names; Python programs that it starts.
    README and docs say what it cannot catch.

    Parameters:
        proxy: a `Proxy`, a URL, a sequence of either (a chain, first hop first), `DIRECT`, or
            None for the default proxy, else the environment.
        dns: "remote": names are the proxy's affair, and the program gets placeholder addresses
            for them; "tunnel": `nameservers` are asked for them through the proxy, or what the
            `socks5client.dns.Resolver` given here asks; "local": here, a leak that you
            chose. None: "remote" for socks5h, "local" for socks5.
        bypass: what is reached directly besides this machine itself: a `Bypass` or its text,
            by default NO_PROXY's. None: nothing at all, not even loopback.
        strict: what would pass the proxy by nevertheless is a `LeakError`; see `_patch.strict`.
        bind: a listener for any port, but for loopback alone, is a rendezvous at the proxy.
        nameservers: for "tunnel", as `socks5client.dns.Resolver` takes them.
        placeholders: an IPv4 and an IPv6 network for them; `most_names`, how many names have
            placeholders at the same time.
        children: Python programs that this one starts are patched, too.

    Returns a `Patch`, which ends it as a context manager, as `unpatch` does for the last one;
    then what it came upon holds again. Raises ValueError for what cannot be or where no proxy
    is found, ImportError where "tunnel" lacks dnspython; then nothing is patched.
    """
    rules = Bypass.from_env() if bypass is _DEFAULT else bypass
    settings: dict[str, Any] = {
        "proxy": find_route(proxy),
        "dns": dns,
        "bypass": rules,
        "strict": strict,
        "bind": bind,
        "nameservers": nameservers,
        "placeholders": tuple(placeholders),
        "most_names": most_names,
    }
    shim = shim_of(**settings)
    return _push(Patch(shim, None if shim is None or not children else settings))


def shim_of(
    proxy: Chain | Direct,
    dns: str | Resolver | None,
    bypass: Bypass | str | None,
    strict: bool,
    bind: bool,
    nameservers: Any,
    placeholders: Sequence[str],
    most_names: int,
) -> Shim | None:
    """What `patch()` makes of its parameters; None for `DIRECT`."""
    if proxy is DIRECT:
        return None
    mode, resolver = _names(dns, proxy, nameservers)
    return Shim(
        proxy,
        mode,
        bypass if isinstance(bypass, Bypass) else Bypass(bypass or ""),
        this_machine=bypass is not None,
        placeholders=_table(placeholders, most_names),
        resolver=resolver,
        strict=strict,
        bind=bind,
    )


def unpatch() -> None:
    """Ends what `patch()` did last, so that holds what it came upon; nothing where none is left.

    With the last one every object is again what it was. Connections that stand go on.
    """
    with _lock:
        if _stack:
            _stack[-1].unpatch()


def _push(new: Patch) -> Patch:
    with _lock:
        _stack.append(new)
        try:
            _install()
        except BaseException:
            _stack.remove(new)
            _install()
            raise
    return new


def _install() -> None:
    """Puts the last one in place."""
    shim = _stack[-1]._shim if _stack else None
    announce(_stack[-1]._settings if _stack else None)
    installing.install(shim)
    libraries.install(shim)
    strict.enforce(shim)


def _names(
    dns: str | Resolver | None, route: Chain, nameservers: Any
) -> tuple[str, Resolver | None]:
    """How names are looked up, and by whom."""
    if dns is None:
        dns = "remote" if route[-1].remote_dns else "local"
    if not isinstance(dns, str):
        addresses = getattr(dns, "addresses", None)
        if addresses is None or iscoroutinefunction(addresses):
            raise ValueError(f"dns {dns!r} is neither a text nor a socks5client.dns.Resolver")
        if nameservers is not None:
            raise ValueError("nameservers are those of the resolver that dns= is")
        return "tunnel", dns
    if dns not in MODES:
        raise ValueError(f"dns {dns!r} is none of {', '.join(MODES)}")
    if dns != "tunnel":
        if nameservers is not None:
            raise ValueError(f"nameservers are for dns='tunnel', not for {dns!r}")
        return dns, None
    if nameservers is not None and not nameservers:
        raise ValueError("nameservers is empty: name at least one")
    from ..dns import Resolver

    return dns, Resolver(nameservers, proxy=route)


def _table(networks: Sequence[str], most: int) -> Placeholders:
    key = tuple(networks), most
    with _lock:
        if key not in _tables:
            _tables[key] = Placeholders(networks, most)
        return _tables[key]


# A child that is forked in the middle of it would be patched by half.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )
