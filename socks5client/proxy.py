"""`Proxy`: one SOCKS5 proxy, as a value; its URL forms and where the environment names it."""

from __future__ import annotations

import os

from .protocol import Address, AuthMethod, NoAuth, UsernamePassword

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from typing import Any, Self, TypeAlias

    AuthMethods: TypeAlias = AuthMethod | tuple[AuthMethod, ...] | list[AuthMethod]

DEFAULT_PORT = 1080
NO_AUTH = (NoAuth(),)

_GSSAPI = ("socks5h+gssapi", "socks5+gssapi")

# scheme -> (names are resolved by the proxy, TLS to the proxy, by a unix socket)
_SCHEMES = {
    "socks5h": (True, False, False),
    "socks5": (False, False, False),
    "socks": (True, False, False),
    "socks5h+tls": (True, True, False),
    "socks5+tls": (False, True, False),
    "socks5h+unix": (True, False, True),
    "socks5+unix": (False, False, True),
    "socks5h+gssapi": (True, False, False),
    "socks5+gssapi": (False, False, False),
}

_VARIABLES = ("SOCKS5CLIENT_PROXY", "ALL_PROXY", "all_proxy")


class Proxy:
    """A SOCKS5 proxy: where it is, how to authenticate, who resolves names.

    Parameters:
        host: its name or IP literal (an IPv6 zone is allowed); "" with `unix_path`.
        port: 1 to 65535, default 1080.
        auth: an `AuthMethod`, or a tuple or list of them, preferred first; default:
            `NoAuth()`.
        remote_dns: True, the default: names are resolved by the proxy; False: here.
        tls: speak TLS to the proxy.
        ssl_context: the context for that, default `ssl.create_default_context()`.
        unix_path: reach it by this unix socket instead of TCP.
        pipelined: say the offer, the credentials and the request at once, so that a handshake
            takes one round trip. Only with one method that allows it (`NoAuth`,
            `UsernamePassword`), and with a proxy that copes: one that does not lets the
            handshake time out or fail, and the error says so. RFC 1928 knows nothing of it.

    Frozen, comparable and hashable; str and repr mask whatever authenticates. Raises
    ValueError for anything that cannot be.
    """

    __slots__ = (
        "auth",
        "host",
        "is_usual",
        "pipelined",
        "port",
        "remote_dns",
        "ssl_context",
        "tls",
        "unix_path",
    )
    host: str
    port: int
    auth: tuple[AuthMethod, ...]
    remote_dns: bool
    tls: bool
    ssl_context: ssl.SSLContext | None
    unix_path: str | None
    pipelined: bool
    #: Whether a negotiation with it is the usual exchange: no authentication, nothing wraps it.
    is_usual: bool

    def __init__(
        self,
        host: str,
        port: int = DEFAULT_PORT,
        *,
        auth: AuthMethods | None = None,
        remote_dns: bool = True,
        tls: bool = False,
        ssl_context: ssl.SSLContext | None = None,
        unix_path: str | None = None,
        pipelined: bool = False,
    ) -> None:
        methods = _auth_methods(auth)
        if pipelined and (len(methods) > 1 or not getattr(methods[0], "one_message", False)):
            raise ValueError(
                "pipelined takes exactly one method, NoAuth or UsernamePassword: pass it as auth"
            )
        if unix_path is None:
            host, port = _location(host, port)
        elif not unix_path or any(char < " " or char == "\x7f" for char in unix_path):
            raise ValueError(
                "the path of the proxy's unix socket is empty or has a control character"
            )
        elif tls:
            raise ValueError("TLS to a proxy on a unix socket is not supported")
        for name, value in (
            ("host", host),
            ("port", port),
            ("auth", methods),
            ("remote_dns", bool(remote_dns)),
            ("tls", bool(tls)),
            ("ssl_context", ssl_context),
            ("unix_path", unix_path),
            ("pipelined", bool(pipelined)),
            ("is_usual", methods == NO_AUTH and not tls and not pipelined),
        ):
            object.__setattr__(self, name, value)

    @classmethod
    def from_url(
        cls,
        url: str,
        auth: AuthMethods | None = None,
        *,
        ssl_context: ssl.SSLContext | None = None,
    ) -> Self:
        """A proxy from `url`.

        `socks5h://[user:password@]host[:port]`: names are resolved by the proxy.
        `socks5://`: names are resolved here. `socks://` and a bare `host:port` mean socks5h.
        `socks5h+tls://` speaks TLS to the proxy. `socks5h+unix:///path` and
        `socks5h://localhost/path` reach it by a unix socket. User info is percent-decoded
        UTF-8; where it is there, user name and password are offered, and no authentication
        besides, since a proxy that wants none refuses an offer of the former alone.
        `socks5h+gssapi://[principal@]host` offers `GSSAPI()` alone, which encrypts.

        `auth` replaces that choice, `ssl_context` is for `+tls`. Raises ValueError that names
        the part which does not parse, and never its text: it may be a secret; TypeError where
        `url` is no str.
        """
        if not isinstance(url, str):
            raise TypeError(f"a proxy URL is a str, not {type(url).__name__}")
        if any(char <= " " or char == "\x7f" for char in url):
            raise ValueError("the proxy URL has a space or a control character")
        scheme, separator, rest = url.partition("://")
        if not separator:
            scheme, rest = "socks5h", url
        try:
            remote_dns, tls, unix = _SCHEMES[scheme.lower()]
        except KeyError:
            raise ValueError(f"the proxy URL's scheme is none of {', '.join(_SCHEMES)}") from None
        authority, path = _split_path(rest)
        user_info, at, location = authority.rpartition("@")
        if at and auth is not None:
            raise ValueError("the proxy URL has user info, and auth is given too")
        if auth is None:
            auth = _auth_of(scheme.lower(), user_info if at else None)
        if unix or (path and location.lower() == "localhost"):
            if location.lower() not in ("", "localhost"):
                raise ValueError("the proxy URL has a host and a unix socket's path")
            unix_path = _unquote("path", path)
            return cls("", auth=auth, remote_dns=remote_dns, tls=tls, unix_path=unix_path)
        if path:
            raise ValueError("the proxy URL has a path")
        host, port = _split_port(location)
        return cls(host, port, auth=auth, remote_dns=remote_dns, tls=tls, ssl_context=ssl_context)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self | None:
        """The proxy that `environ`, by default the process's own, names, or None.

        `SOCKS5CLIENT_PROXY`, `ALL_PROXY`, `all_proxy`: the first that is set and not empty
        wins; in the latter two the URL of another kind of proxy is passed over. Raises
        ValueError that names the variable where a value is malformed.
        """
        environ = os.environ if environ is None else environ
        for variable in _VARIABLES:
            value = environ.get(variable)
            if not value or (variable != _VARIABLES[0] and _is_foreign(value)):
                continue
            try:
                return cls.from_url(value)
            except ValueError as error:
                raise ValueError(f"{variable}: {error}") from None
        return None

    def replace(self, **changes: Any) -> Self:
        """A proxy like this one but for `changes`, parameters of the constructor."""
        return type(self)(**{**self._as_dict(), **changes})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Proxy is frozen: {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Proxy is frozen: {name} cannot be deleted")

    def __reduce__(self) -> tuple[Callable[..., Proxy], tuple[type, dict[str, object]]]:
        return _rebuild, (type(self), self._as_dict())

    def _as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__ if name != "is_usual"}

    def _fields(self) -> tuple[object, ...]:
        return tuple(self._as_dict().values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Proxy) and other._fields() == self._fields()

    def __hash__(self) -> int:
        return hash(self._fields())

    def __str__(self) -> str:
        scheme = "socks5h" if self.remote_dns else "socks5"
        secret = "" if self.auth == NO_AUTH else "***@"
        if self.unix_path is not None:
            return f"{scheme}+unix://{secret}{self.unix_path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}{'+tls' if self.tls else ''}://{secret}{host}:{self.port}"

    def __repr__(self) -> str:
        return f"Proxy({str(self)!r})"


def _rebuild(cls: type[Proxy], fields: dict[str, Any]) -> Proxy:
    return cls(**fields)


def _location(host: str, port: int) -> tuple[str, int]:
    """Where the proxy listens: an address, whose IPv6 zone means something here."""
    literal, percent, zone = host.partition("%") if isinstance(host, str) else (host, "", "")
    address = Address(literal, port)
    if percent and (":" not in literal or not zone.isalnum()):
        raise ValueError(f"host {host!r} has a percent sign and is no IPv6 literal with a zone")
    if port == 0:
        raise ValueError("port 0 is outside 1 to 65535")
    return address.host + percent + zone, port


def _auth_methods(auth: AuthMethods | None) -> tuple[AuthMethod, ...]:
    if auth is None:
        return NO_AUTH
    methods = tuple(auth) if isinstance(auth, (tuple, list)) else (auth,)
    codes = [method.code for method in methods]
    if not methods:
        raise ValueError("auth is empty: pass NoAuth() to offer no authentication")
    if any(not 0 <= code <= 0xFE for code in codes):
        raise ValueError("the code of an authentication method is outside 0 to 254")
    if len(set(codes)) != len(codes):
        raise ValueError(f"two authentication methods have the same code, of {codes}")
    return methods


def _is_foreign(url: str) -> bool:
    """Whether this is the URL of another kind of proxy, such as http://."""
    scheme, separator, _ = url.partition("://")
    return bool(separator) and scheme.lower() not in _SCHEMES


def _auth_of(scheme: str, user_info: str | None) -> AuthMethods | None:
    """What the scheme and the user info say of authentication."""
    username, colon, password = (user_info or "").partition(":")
    if scheme in _GSSAPI:
        if colon:
            raise ValueError("the proxy URL has a password, which GSSAPI has no use for")
        from .protocol import GSSAPI  # most programs never need it

        return GSSAPI(principal=_unquote("principal", username) or None)
    if user_info is None:
        return None
    name, secret = _unquote("user name", username), _unquote("password", password)
    return UsernamePassword(name, secret), *NO_AUTH


def _split_path(rest: str) -> tuple[str, str]:
    if "?" in rest or "#" in rest:
        raise ValueError(
            "the proxy URL has a query or a fragment; in a password write %3F for ? and %23 for #"
        )
    authority, slash, path = rest.partition("/")
    return authority, slash + path if path else ""


def _split_port(location: str) -> tuple[str, int]:
    if location.startswith("["):
        host, bracket, port = location[1:].partition("]")
        if not bracket or ":" not in host or (port and not port.startswith(":")):
            raise ValueError("the proxy URL's host is not an IPv6 literal in brackets")
        host, port = host.replace("%25", "%"), port[1:]
        had_colon = location.endswith(":")
    else:
        host, colon, port = location.partition(":")
        had_colon = bool(colon)
        if ":" in port:
            raise ValueError("the proxy URL's host has colons; write an IPv6 literal in brackets")
        if "%" in host:
            raise ValueError("the proxy URL's host has a percent sign")
        if "[" in host or "]" in host:
            raise ValueError("the proxy URL's host has a bracket in it")
    if not host:
        raise ValueError("the proxy URL has no host")
    if not port:
        if had_colon:
            raise ValueError("the proxy URL's port is empty")
        return host, DEFAULT_PORT
    digits = port.lstrip("0")  # and no more of them than matter: it may be a password
    if not (port.isascii() and port.isdigit()) or not 1 <= int(digits[:6] or 0) <= 0xFFFF:
        raise ValueError("the proxy URL's port is not a number from 1 to 65535")
    return host, int(digits)


def _unquote(part: str, text: str) -> str:
    if "%" not in text:
        return text
    from urllib.parse import unquote_to_bytes  # 2 ms that most programs never need

    digits = "0123456789abcdefABCDEF"
    for escape in text.split("%")[1:]:
        if len(escape) < 2 or escape[0] not in digits or escape[1] not in digits:
            raise ValueError(f"the proxy URL's {part} has a percent sign without two hex digits")
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"the proxy URL's {part} is not UTF-8 once percent-decoded") from None
