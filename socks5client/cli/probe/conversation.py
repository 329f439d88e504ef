"""One conversation with the proxy, by the library's own handshake, and when each step was made."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from ...errors import ReplyError
from ...handshake import Connected, TlsEstablished
from ...protocol import Address, Authenticated, MethodOffer, MethodSelection, Reply, Request
from ...sync import open_tunnel
from ...tunnel import Deadline

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from ...handshake import Trace
    from ...protocol import Command
    from ...protocol.auth import SubNegotiation
    from ...proxy import Proxy
    from ...route import Chain

    E = TypeVar("E")


class Selected(Exception):
    """The proxy selected the method that was offered alone."""


class OfferedAlone:
    """A method that is offered to see whether it is selected, and goes no further."""

    def __init__(self, code: int) -> None:
        self.code = code

    def negotiate(self, request: Request, server: str) -> SubNegotiation:
        """Raises Selected."""
        raise Selected
        yield  # it is a generator


class Conversation:
    """What the last proxy of `chain` said to a request; it is over, and the connection closed.

    `timeout`, in seconds, bounds it; `make` and `trace` are as for `open_tunnel`.
    `error` is what it failed of: a SocksError, another OSError, or `Selected`. `local` and `peer`
    are the addresses of the connection to the first proxy, where it got as far as a reply.
    """

    def __init__(
        self,
        chain: Chain,
        command: Command,
        target: Address,
        timeout: float,
        make: Callable[[int], socket.socket],
        trace: Trace,
    ) -> None:
        self._trace = trace
        self._last = chain[-1]
        self._events: list[tuple[float, Proxy, object]] = []
        self._start = time.monotonic()
        self.error: Exception | None = None
        self.local: tuple[str, int] | None = None
        self.peer: tuple[str, int] | None = None
        try:
            tunnel = open_tunnel(
                chain, target, Deadline(timeout), command=command, make=make, trace=self._note
            )
        except (OSError, ValueError, Selected) as error:
            self.error = error.with_traceback(None)
        else:
            self.local, self.peer = _ends(tunnel.wire)
            tunnel.close()

    def _note(self, proxy: Proxy, event: object) -> None:
        self._events.append((time.monotonic(), proxy, event))
        self._trace(proxy, event)

    def last(self, kind: type[E]) -> E | None:
        """The last message of that kind from or to the last proxy."""
        found = [event for _, proxy, event in self._events if proxy is self._last]
        return next((event for event in reversed(found) if isinstance(event, kind)), None)

    @property
    def reply(self) -> Reply | None:
        return self.last(Reply)

    @property
    def reason(self) -> str:
        """What it failed of, in one line without secrets; "" where it did not."""
        if self.error is None:
            return ""
        if isinstance(self.error, OSError):
            return self.error.strerror or str(self.error)
        return str(self.error)

    @property
    def refusal(self) -> int | None:
        """REP of a failure."""
        return self.error.code if isinstance(self.error, ReplyError) else None

    @property
    def place(self) -> str:
        """The socket address of the first proxy, once it is reached."""
        connected = next((e for _, _, e in self._events if isinstance(e, Connected)), None)
        address = None if connected is None else connected.address
        return _place(address) if isinstance(address, tuple) else str(address)

    @property
    def reached(self) -> float | None:
        """Seconds until the connection to the last proxy stood; None: it never did."""
        moment = self._reached_at()
        return None if moment is None else moment - self._start

    def _reached_at(self) -> float | None:
        moment = None
        for when, proxy, event in self._events:
            if proxy is not self._last:
                moment = None  # of the proxies before it only the last reply counts
                if isinstance(event, Reply) and event.code == 0:
                    moment = when
            elif isinstance(event, Connected):
                moment = when
        return moment

    @property
    def tls(self) -> float | None:
        """Seconds that TLS with the last proxy took."""
        done, began = self._when(TlsEstablished), self._reached_at()
        return None if done is None or began is None else done - began

    @property
    def selection(self) -> float | None:
        """Seconds from the method offer to the selection."""
        return self._between(MethodOffer, MethodSelection)

    @property
    def authentication(self) -> float | None:
        """Seconds from the selection to the end of the sub-negotiation."""
        return self._between(MethodSelection, Authenticated)

    @property
    def answer(self) -> float | None:
        """Seconds from the request to the reply."""
        return self._between(Request, Reply)

    def _between(self, first: type, second: type) -> float | None:
        began, ended = self._when(first), self._when(second)
        return None if began is None or ended is None else ended - began

    def _when(self, kind: type) -> float | None:
        return next(
            (
                when
                for when, proxy, event in reversed(self._events)
                if proxy is self._last and isinstance(event, kind)
            ),
            None,
        )


def _place(address: tuple[Any, ...]) -> str:
    return str(Address(address[0].partition("%")[0], address[1]))


def _ends(wire: socket.socket) -> tuple[tuple[str, int] | None, tuple[str, int] | None]:
    """Both addresses of a connection by IP; None for a unix socket's, or one that has broken."""
    try:
        local, peer = wire.getsockname(), wire.getpeername()
    except OSError:
        return None, None
    if not isinstance(local, tuple) or not isinstance(peer, tuple):
        return None, None
    return (local[0], local[1]), (peer[0], peer[1])
