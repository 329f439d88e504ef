"""The options: one table, from which parsing, help and later the manual are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Values = dict[str, Any]
    Store = Callable[[Values, str], None]

DEFAULT_MAX_REDIRECTS = 50
DEFAULT_CONNECT_TIMEOUT = 300.0


class UsageError(Exception):
    """The command line cannot be what its writer meant; one sentence, without secrets."""


@dataclass(frozen=True)
class DataPart:
    """One -d, --data-raw or --data-binary: its text, and what that means."""

    text: str = field(repr=False)
    reads_files: bool  # @name is a file
    keeps_newlines: bool


@dataclass(frozen=True)
class Options:
    """A command line, understood; a field for each thing that can be said."""

    urls: tuple[str, ...] = field(default=(), repr=False)
    proxy: str | None = field(default=None, repr=False)
    proxy_user: str | None = field(default=None, repr=False)
    proxy_cacert: str | None = None
    proxy_insecure: bool = False
    gssapi: bool = False
    gssapi_service: str | None = None
    gssapi_nec: bool = False
    gssapi_protection: str | None = None
    noproxy: str | None = None
    output: str | None = None
    remote_name: bool = False
    head: bool = False
    include: bool = False
    location: bool = False
    max_redirs: int = DEFAULT_MAX_REDIRECTS
    data: tuple[DataPart, ...] = field(default=(), repr=False)
    get: bool = False
    headers: tuple[str, ...] = field(default=(), repr=False)
    method: str | None = None
    user: str | None = field(default=None, repr=False)
    user_agent: str | None = None
    referer: str | None = None
    verbose: bool = False
    silent: bool = False
    show_error: bool = False
    fail: bool = False
    insecure: bool = False
    cacert: str | None = None
    write_out: str | None = None
    max_time: float | None = None
    connect_timeout: float | None = None
    upload: str | None = None
    resume: str | None = None
    globoff: bool = False
    http2: bool = True
    help: bool = False
    version: bool = False


@dataclass(frozen=True)
class Option:
    """A row of the table: how it is written, what it says, what it does to the values.

    `argument` is the name of its argument, "" for a switch; a switch's `store` is given "1", or
    "" for its --no- form.
    """

    long: str
    short: str
    argument: str
    group: str
    help: str
    store: Store


def _switch(name: str) -> Store:
    def store(values: Values, text: str) -> None:
        values[name] = bool(text)

    return store


def _text(name: str, prefix: str = "") -> Store:
    def store(values: Values, text: str) -> None:
        values[name] = prefix + text

    return store


def _append(name: str) -> Store:
    def store(values: Values, text: str) -> None:
        values[name] = (*values.get(name, ()), text)

    return store


def _data(*, reads_files: bool = True, keeps_newlines: bool = False) -> Store:
    def store(values: Values, text: str) -> None:
        part = DataPart(text, reads_files, keeps_newlines)
        values["data"] = (*values.get("data", ()), part)

    return store


def _seconds(name: str) -> Store:
    def store(values: Values, text: str) -> None:
        # Not float() alone: it takes "inf", "nan" and "1_0".
        if not text.replace(".", "", 1).isdigit() or not text.isascii():
            raise UsageError(f"expected a number of seconds, not {text!r}")
        values[name] = float(text) or None  # 0: no limit

    return store


def _redirects(values: Values, text: str) -> None:
    if not text.removeprefix("-").isdigit() or int(text) < -1:
        raise UsageError(f"expected a number of redirects (-1: no limit), not {text!r}")
    values["max_redirs"] = int(text)


def _resume(values: Values, text: str) -> None:
    if text != "-" and not (text.isascii() and text.isdigit()):
        raise UsageError(f"expected an offset in bytes or -, not {text!r}")
    values["resume"] = text


def _protocol(http2: bool) -> Store:
    def store(values: Values, text: str) -> None:
        if not text:
            raise UsageError("is unknown in this form")
        values["http2"] = http2

    return store


_PROXY, _HTTP, _OUT, _TLS, _TIME, _TALK = (
    "Proxy",
    "Request",
    "Output",
    "TLS and HTTP versions",
    "Limits",
    "What it says",
)

TABLE: tuple[Option, ...] = (
    Option("proxy", "x", "URL", _PROXY, "SOCKS5 proxy; host:port means socks5h://", _text("proxy")),
    Option("proxy-user", "U", "USER:PASSWORD", _PROXY, "For the proxy", _text("proxy_user")),
    Option(
        "socks5",
        "",
        "HOST[:PORT]",
        _PROXY,
        "SOCKS5 proxy; names are resolved here",
        _text("proxy", "socks5://"),
    ),
    Option(
        "socks5-hostname",
        "",
        "HOST[:PORT]",
        _PROXY,
        "SOCKS5 proxy; it resolves names",
        _text("proxy", "socks5h://"),
    ),
    Option("socks5-gssapi", "", "", _PROXY, "Authenticate by GSSAPI (Kerberos)", _switch("gssapi")),
    Option(
        "socks5-gssapi-service",
        "",
        "NAME",
        _PROXY,
        "Service of the proxy for GSSAPI, instead of rcmd",
        _text("gssapi_service"),
    ),
    Option(
        "socks5-gssapi-nec",
        "",
        "",
        _PROXY,
        "The protection level of GSSAPI goes unprotected",
        _switch("gssapi_nec"),
    ),
    Option(
        "socks5-gssapi-protection",
        "",
        "LEVEL",
        _PROXY,
        "confidentiality (the default), integrity, selective or clear",
        _text("gssapi_protection"),
    ),
    Option("noproxy", "", "LIST", _PROXY, "Hosts to reach directly", _text("noproxy")),
    Option(
        "proxy-cacert",
        "",
        "FILE",
        _PROXY,
        "Trust these for a proxy with TLS",
        _text("proxy_cacert"),
    ),
    Option(
        "proxy-insecure",
        "",
        "",
        _PROXY,
        "Any certificate will do for a proxy with TLS",
        _switch("proxy_insecure"),
    ),
    Option("request", "X", "METHOD", _HTTP, "The method to use", _text("method")),
    Option("header", "H", "LINE|@FILE", _HTTP, "Add, replace, remove a header", _append("headers")),
    Option("data", "d", "DATA|@FILE", _HTTP, "POST this, newlines of files removed", _data()),
    Option(
        "data-ascii",
        "",
        "DATA|@FILE",
        _HTTP,
        "The same as --data",
        _data(),
    ),
    Option("data-raw", "", "DATA", _HTTP, "POST this, @ is no file", _data(reads_files=False)),
    Option(
        "data-binary",
        "",
        "DATA|@FILE",
        _HTTP,
        "POST this, byte by byte",
        _data(keeps_newlines=True),
    ),
    Option("get", "G", "", _HTTP, "Put the data in the URL and use GET", _switch("get")),
    Option("head", "I", "", _HTTP, "Headers only", _switch("head")),
    Option("upload-file", "T", "FILE", _HTTP, "PUT this file; - is stdin", _text("upload")),
    Option("user", "u", "USER:PASSWORD", _HTTP, "For the server (Basic)", _text("user")),
    Option("user-agent", "A", "NAME", _HTTP, "The User-Agent to send", _text("user_agent")),
    Option("referer", "e", "URL", _HTTP, "The Referer to send", _text("referer")),
    Option("location", "L", "", _HTTP, "Follow redirects", _switch("location")),
    Option("max-redirs", "", "N", _HTTP, "How many at most (50)", _redirects),
    Option("globoff", "g", "", _HTTP, "Take {} and [] in URLs as they are", _switch("globoff")),
    Option("output", "o", "FILE", _OUT, "Write here instead of stdout", _text("output")),
    Option(
        "remote-name", "O", "", _OUT, "Write to a file named as in the URL", _switch("remote_name")
    ),
    Option("continue-at", "C", "OFFSET", _OUT, "Resume a download; -: find out where", _resume),
    Option("include", "i", "", _OUT, "Headers in the output too", _switch("include")),
    Option("fail", "f", "", _OUT, "No output for HTTP errors, exit 22", _switch("fail")),
    Option(
        "write-out", "w", "FORMAT|@FILE", _OUT, "What to say after the transfer", _text("write_out")
    ),
    Option("insecure", "k", "", _TLS, "Any certificate will do", _switch("insecure")),
    Option("cacert", "", "FILE", _TLS, "Trust these", _text("cacert")),
    Option("http1.1", "", "", _TLS, "HTTP/1.1 only", _protocol(False)),
    Option("http2", "", "", _TLS, "HTTP/2 where https servers have it", _protocol(True)),
    Option("max-time", "m", "SECONDS", _TIME, "For the whole transfer", _seconds("max_time")),
    Option(
        "connect-timeout",
        "",
        "SECONDS",
        _TIME,
        "For TCP, SOCKS and TLS",
        _seconds("connect_timeout"),
    ),
    Option("verbose", "v", "", _TALK, "Show the negotiation and the headers", _switch("verbose")),
    Option("silent", "s", "", _TALK, "No progress, no errors", _switch("silent")),
    Option("show-error", "S", "", _TALK, "Errors even with -s", _switch("show_error")),
    Option("help", "h", "", _TALK, "This text", _switch("help")),
    Option("version", "V", "", _TALK, "Versions and protocols", _switch("version")),
    Option("url", "", "URL", _HTTP, "What to fetch", _append("urls")),
)


def help_text() -> str:
    """The table for people, by group."""
    lines = ["Usage: socks5-curl [options...] URL"]
    for group in dict.fromkeys(option.group for option in TABLE):
        lines += ["", f"{group}:"]
        for option in TABLE:
            if option.group == group:
                short = f"-{option.short}, " if option.short else "    "
                name = f"{short}--{option.long} {option.argument}".rstrip()
                lines.append(f"  {name:<36} {option.help}")
    return "\n".join(lines)
