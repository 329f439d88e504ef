"""-v: what happens, line by line on stderr, with curl's prefixes; credentials never."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

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
    from collections.abc import Iterable

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
_USER_INFO = re.compile(r"//[^/?#\s]*@")


def to_stderr(line: str) -> None:
    """A line on stderr, if anybody reads it: no reason for a transfer to fail."""
    if sys.stderr is not None:
        try:
            print(line, file=sys.stderr, flush=True)
        except OSError:
            pass


class Narrator:
    """Writes what it is told; the silent one, `Narrator(False)`, does not."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled

    @classmethod
    def of(cls, options: Options, session: Session) -> Narrator:
        return cls(options.verbose)

    def note(self, text: str) -> None:
        self._line("*", text)

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

    def request(self, line: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._message(">", line, headers)

    def response(self, line: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._message("<", line, headers)

    def _message(self, prefix: str, line: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        if not self.enabled:
            return
        self._line(prefix, line)
        for name, value in headers:
            text = "***" if name.lower() in _SECRET_HEADERS else _without_user_info(value)
            self._line(prefix, f"{name.decode('latin-1')}: {text}")
        self._line(prefix, "")

    def _line(self, prefix: str, text: str) -> None:
        if self.enabled:
            to_stderr(f"{prefix} {_printable(text)}")


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


def _without_user_info(value: bytes) -> str:
    return _USER_INFO.sub("//***@", value.decode("utf-8", "replace"))


def _printable(text: str) -> str:
    """What a server sends must not drive the terminal."""
    return "".join(
        char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in text
    )
