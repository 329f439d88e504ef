"""Which proxy, which exceptions from it, and whom to trust: from options and environment."""

from __future__ import annotations

from dataclasses import dataclass
from getpass import getpass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ..bypass import Bypass
from ..protocol import GSSAPI, UsernamePassword
from ..proxy import NO_AUTH, Proxy
from ..route import find_route
from .options import UsageError
from .tls import Settings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from ..protocol import AuthMethod
    from .options import Options

NO_PROXY_CONFIGURED = (
    "no proxy is configured: say -x socks5h://HOST:PORT, or set SOCKS5CLIENT_PROXY or ALL_PROXY"
)


@dataclass(frozen=True)
class Way:
    """How the hosts of an operation are reached: `chain`, first hop first, but for `bypass`."""

    chain: tuple[Proxy, ...] | None
    bypass: Bypass

    @classmethod
    def of(cls, options: Options) -> Way:
        """By the options, else by the environment. Raises UsageError."""
        proxy, bypass = find_proxy(options), find_bypass(options)
        if proxy is None:
            return cls(None, bypass)
        if options.preproxy is None:
            return cls((proxy,), bypass)
        try:
            first = Proxy.from_url(options.preproxy)
            first = first.replace(ssl_context=_proxy_context(options)) if first.tls else first
            find_route((first, proxy))  # whether they make a chain
            return cls((first, proxy), bypass)
        except ValueError as error:
            raise UsageError(f"proxy: {error}") from None

    def to(self, host: str, port: int) -> tuple[Proxy, ...] | None:
        """The proxies to `host`; None: directly. Raises UsageError where there is no way."""
        if self.bypass.matches(host, port):
            return None
        if self.chain is None:
            raise UsageError(NO_PROXY_CONFIGURED)
        return self.chain


def find_proxy(options: Options) -> Proxy | None:
    """The proxy of the options, else of the environment. Raises UsageError."""
    context = _proxy_context(options)
    try:
        if options.proxy is None:
            proxy = Proxy.from_env()
        else:
            proxy = Proxy.from_url(options.proxy) if options.proxy else None
        if proxy is None:
            return None
        # As curl does: what the URL says wins, and what is written here is percent-decoded.
        if options.proxy_user is not None and proxy.auth == NO_AUTH:
            user, password = credentials(options.proxy_user, "proxy")
            proxy = proxy.replace(
                auth=(UsernamePassword(unquote(user), unquote(password)), *NO_AUTH)
            )
        if options.socks5_basic:
            proxy = proxy.replace(auth=_without_gssapi(proxy.auth))
        if options.dns is not None:
            proxy = proxy.replace(remote_dns=options.dns != "local")
        if _wants_gssapi(options):
            method = GSSAPI(
                options.gssapi_service or "rcmd",
                protection=options.gssapi_protection or "confidentiality",
                nec=options.gssapi_nec,
            )
            others = [other for other in proxy.auth if isinstance(other, UsernamePassword)]
            proxy = proxy.replace(auth=(method, *others))
        return proxy.replace(ssl_context=context) if proxy.tls else proxy
    except (ValueError, ImportError) as error:
        raise UsageError(f"proxy: {error}") from None


def _without_gssapi(auth: Sequence[AuthMethod]) -> tuple[AuthMethod, ...]:
    return tuple(method for method in auth if not isinstance(method, GSSAPI)) or NO_AUTH


def _wants_gssapi(options: Options) -> bool:
    """--socks5-gssapi, or an option that would mean nothing without it."""
    return bool(
        options.gssapi or options.gssapi_service or options.gssapi_nec or options.gssapi_protection
    )


def find_bypass(options: Options) -> Bypass:
    """--noproxy, else NO_PROXY."""
    return Bypass.from_env() if options.noproxy is None else Bypass(options.noproxy)


def server_context(options: Options) -> ssl.SSLContext:
    """For TLS with servers. Raises TransferError."""
    return Settings.for_server(options).context()


def credentials(text: str, whose: str) -> tuple[str, str]:
    """User and password; without a colon the password is asked for."""
    user, colon, password = text.partition(":")
    if not colon:
        try:
            password = getpass(f"Enter {whose} password for user '{user}':")
        except EOFError:
            raise UsageError(f"no {whose} password given: write user:password") from None
    return user, password


def _proxy_context(options: Options) -> ssl.SSLContext | None:
    """For TLS with proxies; None: the default. Raises TransferError."""
    settings = Settings.for_proxy(options)
    return None if settings == _USUAL else settings.context()


_USUAL = Settings(insecure=False, cacert=None, capath=None)
