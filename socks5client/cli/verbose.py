"""-v: what happens, line by line on stderr, with curl's prefixes; credentials never."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack, contextmanager, redirect_stderr
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import REPLY_ERRORS
from ..handshake import Connected, TlsEstablished
from ..protocol import (
    Authenticated,
    Command,
    Method,
    MethodOffer,
    MethodSelection,
    Reply,
    Request,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..proxy import Proxy
    from .options import Options
    from .session import Session

_METHODS: dict[int, str] = {
    Method.NO_AUTHENTICATION: "none",
    Method.GSSAPI: "GSSAPI",
    Method.USERNAME_PASSWORD: "username/password",
    Method.NO_ACCEPTABLE: "none of them is acceptable",
}
_COMMANDS: dict[int, str] = {
    Command.CONNECT: "CONNECT",
    Command.BIND: "BIND",
    Command.UDP_ASSOCIATE: "UDP ASSOCIATE",
}
_SECRET_HEADERS = frozenset({b"authorization", b"proxy-authorization"})
_COOKIES = frozenset({b"cookie", b"set-cookie"})
_USER_INFO = re.compile(r"//[^/?#\s]*@")

Headers: TypeAlias = "Iterable[tuple[bytes, bytes]]"


def to_stderr(line: str, end: str = "\n") -> None:
    """A line on stderr, if anybody reads it: no reason for a transfer to fail.

    Whatever the command says of itself goes this way; `stderr_of` says where that is.
    """
    if sys.stderr is not None:
        try:
            sys.stderr.write(line + end)  # in one piece, for there may be several threads
            sys.stderr.flush()
        except OSError:
            pass


@contextmanager
def stderr_of(options: Options) -> Iterator[None]:
    """For the time of a command: --stderr. A file that cannot be made is said, and not used."""
    name = options.stderr
    if name is None:
        yield
    elif name == "-":
        with redirect_stderr(sys.stdout):
            yield
    else:
        with ExitStack() as stack:
            try:
                file = stack.enter_context(
                    open(name, "w", encoding="utf-8", errors="surrogateescape")
                )
            except OSError as error:
                to_stderr(f"socks5-curl: --stderr: cannot write {name}: {error.strerror or error}")
            else:
                stack.enter_context(redirect_stderr(file))
            yield


class Narrator:
    """Writes what it is told in curl's way, credentials never; the silent one does not.

    `timed`: with the time of day.
    """

    def __init__(self, enabled: bool, *, timed: bool = False) -> None:
        self.enabled = enabled
        self._timed = timed

    @classmethod
    def of(cls, options: Options, session: Session) -> Narrator:
        """For -v, --trace or --trace-ascii. Raises TransferError where a file cannot be made."""
        if options.trace is not None or options.trace_ascii is not None:
            from .trace import Tracer

            return Tracer.of(options, session)
        return cls(options.verbose, timed=options.trace_time)

    def note(self, text: str) -> None:
        """Anything that happens."""
        self._say("*", text)

    def handshake(self, proxy: Proxy, event: object) -> None:
        """A step of the negotiation with `proxy`, as the library's `trace` tells it."""
        if not self.enabled:
            return
        if isinstance(event, Connected):
            self.note(f"Connected to the proxy {proxy} ({_socket_address(event.address)})")
        elif isinstance(event, TlsEstablished):
            self.note(f"{proxy}: TLS established, {event.description}")
        else:
            self.note(f"{proxy}: SOCKS5 {_describe(event)}")

    def tls(self, host: str, tls: Any) -> None:
        """TLS with the destination; `tls` is an SSLSocket or SSLObject."""
        if not self.enabled:
            return
        cipher = tls.cipher()
        alpn = tls.selected_alpn_protocol()
        self.note(
            f"TLS with {host}: {tls.version()} / {cipher[0] if cipher else 'no cipher'},"
            f" ALPN: {alpn or 'none'}"
        )

    def request(self, line: str, headers: Headers) -> None:
        """The head of a request, sent."""
        for text in masked(line, headers) if self.enabled else ():
            self.told(text)

    def response(self, line: str, headers: Headers) -> None:
        """The head of a response, received."""
        for text in masked(line, headers) if self.enabled else ():
            self.heard(text)

    def told(self, line: str) -> None:
        """A line of a protocol, sent; without the line end, and without secrets."""
        self._say(">", line)

    def heard(self, line: str) -> None:
        """A line of a protocol, received."""
        self._say("<", line)

    def sent(self, data: bytes) -> None:
        """Part of a body; a trace shows it."""

    def received(self, data: bytes) -> None:
        """Part of a body; a trace shows it."""

    def _say(self, prefix: str, text: str) -> None:
        if self.enabled:
            to_stderr(f"{self._time()}{prefix} {printable(text)}")

    def _time(self) -> str:
        return f"{datetime.now():%H:%M:%S.%f} " if self._timed else ""


def masked(line: str, headers: Headers) -> Iterator[str]:
    """The lines of a head, with the empty one; what authenticates is ***."""
    yield line
    for name, value in headers:
        lower, text = name.lower(), value.decode("utf-8", "replace")
        if lower in _SECRET_HEADERS:
            text = "***"
        elif lower in _COOKIES:  # of Set-Cookie, what follows the first ; is no secret
            text = re.sub("=[^;]*", "=***", text, count=lower != b"cookie")
        else:
            text = _USER_INFO.sub("//***@", text)
        yield f"{name.decode('latin-1')}: {text}"
    yield ""


def _describe(event: object) -> str:
    if isinstance(event, MethodOffer):
        return f"offers the methods: {', '.join(map(_method, event.methods))}"
    if isinstance(event, MethodSelection):
        return f"the proxy chose: {_method(event.method)}"
    if isinstance(event, Authenticated):
        if event.method == Method.NO_AUTHENTICATION:
            return "no authentication is needed"
        return f"authenticated by: {_method(event.method)}"
    if isinstance(event, Request):
        command = _COMMANDS.get(event.command, f"command {event.command:#04x}")
        return f"request: {command} {event.address}"
    if isinstance(event, Reply):
        return f"reply: {_reply(event)}"
    return str(event)


def _method(code: int) -> str:
    name = _METHODS.get(code)
    if name is None:
        name = "private" if code >= 0x80 else "assigned by IANA"
    return f"{name} ({code:#04x})"


def _reply(reply: Reply) -> str:
    if reply.code == 0:
        bound = "no usable address" if reply.bound is None else str(reply.bound)
        return f"succeeded (0x00), bound to {bound}"
    known = REPLY_ERRORS.get(reply.code)
    return f"{known[2] if known else 'unknown code'} ({reply.code:#04x})"


def _socket_address(address: object) -> str:
    if isinstance(address, tuple):
        host, port = address[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return str(address)


def printable(text: str) -> str:
    """What a server sends must not drive the terminal."""
    return "".join(
        char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in text
    )
