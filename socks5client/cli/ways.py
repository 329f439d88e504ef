"""Which proxy, which exceptions from it, and whom to trust: from options and environment."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from getpass import getpass
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httpx

from ..bypass import Bypass
from ..protocol import GSSAPI, UsernamePassword
from ..proxy import NO_AUTH, Proxy
from .exitcodes import Exit, TransferError
from .options import UsageError

if TYPE_CHECKING:
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
            return cls((Proxy.from_url(options.preproxy), proxy), bypass)
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
        if _wants_gssapi(options):
            method = GSSAPI(
                options.gssapi_service or "rcmd",
                protection=options.gssapi_protection or "confidentiality",
                nec=options.gssapi_nec,
            )
            others = [other for other in proxy.auth if isinstance(other, UsernamePassword)]
            proxy = proxy.replace(auth=(method, *others))
        return proxy.replace(ssl_context=context)
    except (ValueError, ImportError) as error:
        raise UsageError(f"proxy: {error}") from None


def _wants_gssapi(options: Options) -> bool:
    """--socks5-gssapi, or an option that would mean nothing without it."""
    return bool(
        options.gssapi or options.gssapi_service or options.gssapi_nec or options.gssapi_protection
    )


def find_bypass(options: Options) -> Bypass:
    """--noproxy, else NO_PROXY."""
    return Bypass.from_env() if options.noproxy is None else Bypass(options.noproxy)


def server_context(options: Options) -> ssl.SSLContext:
    """How certificates of servers are verified; SSL_CERT_FILE is read as httpx does."""
    if options.insecure:
        return httpx.create_ssl_context(verify=False)
    if options.cacert is not None:
        return _context_trusting(options.cacert)
    try:
        return httpx.create_ssl_context()
    except OSError:
        name = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
        raise _bad_ca_file(str(name)) from None


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
    if options.proxy_insecure:
        return httpx.create_ssl_context(verify=False)
    if options.proxy_cacert is not None:
        return _context_trusting(options.proxy_cacert)
    return None


def _context_trusting(file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=file)
    except OSError:  # ssl.SSLError is one
        raise _bad_ca_file(file) from None


def _bad_ca_file(file: str) -> TransferError:
    return TransferError(Exit.BAD_CA_FILE, f"cannot read certificates from {file}")
