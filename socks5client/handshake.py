"""Everything between the connection to the first proxy and the last reply, sans-IO.

A chain is one negotiation per proxy, each through the ones before it; a proxy may want TLS
first; a method may encapsulate what follows. All of that is the same for every driver, so
it stands here, and a driver only moves bytes.
"""

from __future__ import annotations

from collections import namedtuple

from .errors import (
    HandshakeTimeout,
    ProxyConnectionError,
    RemoteProtocolError,
    ReplyError,
    SocksError,
)
from .protocol import Address, Command, Negotiation, Request, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from .protocol import Steps
    from .proxy import Proxy

    Trace: TypeAlias = Callable[[Proxy, object], None]


class Connected(namedtuple("Connected", ("address",))):
    """To `trace`: the connection to the proxy stands; `address` is its socket address."""

    __slots__ = ()
    address: object


class TlsEstablished(namedtuple("TlsEstablished", ("description",))):
    """To `trace`: TLS with the proxy stands; `description` is its version and cipher."""

    __slots__ = ()
    description: str


class Handshake(Negotiation):
    """The negotiations with all proxies of `chain`, one through the other.

    Parameters: `chain`, the proxies, first hop first; `request`, what the last one is asked
    for; `hops`, the address of each proxy but the first as the one before it is to be asked
    for it (default: its host and port); `early_data`, bytes for the target, which the last
    proxy is told at once where it is pipelined; `trace`, called with a proxy and what it was
    sent or said (the messages of `protocol`, `TlsEstablished`).

    It is driven as a `Negotiation` is; `reply` is the last proxy's, and `blocks` says whether
    `receive_data` may take long (a method that asks others, as GSSAPI does). Errors name the
    proxy at fault and what it was asked for; that a proxy cannot reach the next one of the chain
    is a `ProxyConnectionError` of the next.
    """

    def __init__(
        self,
        chain: Sequence[Proxy],
        request: Request,
        *,
        hops: Sequence[Address] | None = None,
        early_data: bytes = b"",
        trace: Trace | None = None,
    ) -> None:
        self.request = request
        self._chain = chain
        self._hops = hops
        self._number = 0
        self.blocks = any(getattr(method, "blocks", False) for hop in chain for method in hop.auth)
        self._trace = None if trace is None else lambda message: trace(self.proxy, message)
        first = chain[0]
        if len(chain) == 1 and not first.tls:
            pipelined = first.pipelined
            self._start(self._negotiate(request, first.auth, first.host, pipelined, early_data))
        else:
            self._start(self._negotiate_all(early_data))

    @property
    def proxy(self) -> Proxy:
        """The proxy that is being spoken to."""
        return self._chain[self._number]

    def placed(self, error: SocksError) -> SocksError:
        """`error` with the proxy that it is about, and what that was asked for."""
        error.proxy = self.proxy
        error.target = self._asked_for().address
        if self.proxy.pipelined and isinstance(error, (HandshakeTimeout, RemoteProtocolError)):
            error.strerror = f"{error.strerror} (perhaps it cannot cope with pipelined=True)"
        if self._number == len(self._chain) - 1 or not isinstance(error, ReplyError):
            return error
        unreachable = ProxyConnectionError(
            f"the proxy before it cannot reach it: {error.strerror}",
            errno=error.errno,
            proxy=self._chain[self._number + 1],
            target=self.request.address,
        )
        unreachable.__cause__ = error
        return unreachable

    def _negotiate_all(self, early_data: bytes) -> Steps:
        for number, proxy in enumerate(self._chain):
            self._number = number
            if proxy.tls:
                from ._tls import TlsLayer  # ssl takes 10 ms to import

                self.state = State.TLS
                layer = TlsLayer(proxy)
                yield from layer.negotiate()
                self._push(layer)
                if self._trace is not None:
                    self._trace(TlsEstablished(layer.describe()))
            last = number == len(self._chain) - 1
            early = early_data if last else b""
            asked_for = self._asked_for()
            reply = yield from self._negotiate(
                asked_for, proxy.auth, proxy.host, proxy.pipelined, early
            )
        return reply

    def _asked_for(self) -> Request:
        """What the present proxy is asked for: the next one, or in the end the target."""
        following = self._number + 1
        if following == len(self._chain):
            return self.request
        if self._hops is not None:
            return Request(Command.CONNECT, self._hops[self._number])
        proxy = self._chain[following]
        return Request(Command.CONNECT, Address(proxy.host, proxy.port))
