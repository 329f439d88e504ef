"""What the server writes down about each connection, and how a test waits for it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from .destination import SocketAddress

T = TypeVar("T")

Reached = Literal["accept", "method", "auth", "request", "reply", "second-reply", "data"]


@dataclass(frozen=True)
class Relayed:
    """One UDP datagram that was relayed: the header as the client wrote or was to see it."""

    host: str
    atyp: int
    port: int
    payload: bytes
    fragments: int = 1
    """How many datagrams carried it between client and relay."""


@dataclass
class Exchange:
    """One accepted connection. Written by the server's thread only, readable at any time."""

    index: int
    """Its place in the order of accept, from 0."""
    peer: SocketAddress | None
    """The client's own address; None over a unix socket."""
    methods: tuple[int, ...] = ()
    """The methods offered, in the client's order."""
    method: int | None = None
    """The method selected, as sent: 0xFF is none; a fault may have changed it."""
    username: bytes | None = None
    password: bytes | None = field(default=None, repr=False)
    authenticated: bool | None = None
    """Whether a sub-negotiation ended well; None when there was none."""
    gss_rounds: int = 0
    """GSSAPI: the context tokens that were accepted."""
    gss_principal: str | None = None
    """GSSAPI: who the client is, once the context is complete; likewise the next one."""
    gss_flags: int = 0
    """The context's flags, a sum of `gssapi.RequirementFlag`."""
    gss_level_wanted: int | None = None
    gss_level: int | None = None
    """The protection level as the server answered it; a fault may have changed it."""
    gss_integrity: int = 0
    """Encapsulated messages from the client with integrity only, UDP included."""
    gss_confidential: int = 0
    """And with confidentiality."""
    command: int | None = None
    """None until a whole request has been read."""
    atyp: int | None = None
    host: str | None = None
    port: int | None = None
    target: SocketAddress | None = None
    """Where names and routes led: the address that was really connected to."""
    reply_code: int | None = None
    """REP as sent (a fault may have changed it); None when no reply left the server."""
    stage: Reached = "accept"
    """The last stage reached: offer read, credentials read, request read, reply sent, second
    reply sent, relaying."""
    received: bytearray = field(default_factory=bytearray, repr=False)
    """Every byte of the handshake that came from the client; never tunnelled data. What came
    encapsulated is here as it was inside, and in `sent` too."""
    sent: bytearray = field(default_factory=bytearray, repr=False)
    """Every byte sent in place of, or as, the handshake's messages (faults included)."""
    bytes_up: int = 0
    """Tunnelled bytes from the client to the destination."""
    bytes_down: int = 0
    rendezvous: SocketAddress | None = None
    """BIND: where the server really listens, known before the first reply is sent."""
    bound_peer: SocketAddress | None = None
    """BIND: who came."""
    second_reply_code: int | None = None
    """BIND: REP of the second reply, as sent."""
    relay: SocketAddress | None = None
    """UDP ASSOCIATE: the true address of the relay's socket on the client's side."""
    outside: SocketAddress | None = None
    """UDP ASSOCIATE: what the relay's socket towards IPv4 destinations is bound to, once used."""
    datagrams_up: list[Relayed] = field(default_factory=list, repr=False)
    datagrams_down: list[Relayed] = field(default_factory=list, repr=False)
    """As they came to the relay, before `relay_faults`."""
    dropped: list[str] = field(default_factory=list)
    """Why, for each datagram or fragment that was not relayed."""
    error: str | None = None
    """What the client, or the way to the destination, did wrong; None when all was well."""
    closed: bool = False


class Log:
    """The exchanges, and a condition that is notified at each change of any of them."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self._open = 0
        self._condition = threading.Condition()

    def open(self, peer: SocketAddress | None) -> Exchange:
        with self._condition:
            exchange = Exchange(len(self.exchanges), peer)
            self.exchanges.append(exchange)
            self._open += 1
            self._condition.notify_all()
        return exchange

    def close(self, exchange: Exchange) -> None:
        with self._condition:
            exchange.closed = True
            self._open -= 1
            self._condition.notify_all()

    def changed(self) -> None:
        with self._condition:
            self._condition.notify_all()

    def wait_for(self, predicate: Callable[[], T], timeout: float, what: str) -> T:
        with self._condition:
            value = self._condition.wait_for(predicate, timeout)
        if not value:
            pending = [exchange for exchange in self.exchanges if not exchange.closed]
            raise TimeoutError(
                f"{what} not within {timeout} s; {len(self.exchanges)} connections, "
                f"{len(pending)} open, the first: {pending[:3]}"
            )
        return value

    def wait_idle(self, timeout: float) -> None:
        self.wait_for(lambda: self._open == 0, timeout, "idle")
