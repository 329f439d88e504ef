"""Everything between the connection to the first proxy and the last reply, sans-IO.

A chain is one handshake per proxy, each through the ones before it; a proxy may want TLS
first; a method may encapsulate what follows. All of that is the same for every driver, so
it stands here, and a driver only moves bytes.
"""

from __future__ import annotations

from collections import namedtuple

from .errors import ProxyConnectionError, ReplyError, SocksError
from .protocol import Address, Command, Negotiation, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from ._tls import TlsLayer
    from .protocol import Encapsulation, Reply
    from .proxy import Proxy

    Trace: TypeAlias = Callable[[Proxy, object], None]

_READ_SIZE = 65536


class Connected(namedtuple("Connected", ("address",))):
    """To `trace`: the connection to the proxy stands; `address` is its socket address."""

    __slots__ = ()
    address: object


class TlsEstablished(namedtuple("TlsEstablished", ("description",))):
    """To `trace`: TLS with the proxy stands; `description` is its version and cipher."""

    __slots__ = ()
    description: str


class Handshake:
    """The handshakes with all proxies of `chain`, one through the other.

    Parameters: `chain`, the proxies, first hop first; `request`, what the last one is asked
    for; `hops`, the address of each proxy but the first as the one before it is to be asked
    for it (default: its host and port); `trace`, called with a proxy and what it was sent or
    said (the messages of `protocol`, `TlsEstablished`).

    A driver sends `data_to_send()`, then, unless `done`, reads at most `bytes_needed` and
    passes it to `receive_data()`. In the end `reply` is the last proxy's, `layers` what
    still wraps the data, outermost first, and `trailing_data` what came behind the reply,
    unwrapped. Without layers there is no trailing data if no more was read than was needed.
    """

    def __init__(
        self,
        chain: Sequence[Proxy],
        request: Request,
        *,
        hops: Sequence[Address] | None = None,
        trace: Trace | None = None,
    ) -> None:
        if hops is None:
            hops = [Address(proxy.host, proxy.port) for proxy in chain[1:]]
        self.request = request
        self.reply: Reply | None = None
        self.layers: list[Encapsulation] = []
        self.trailing_data = b""
        self.done = False
        self._steps = list(
            zip(chain, [*(Request(Command.CONNECT, hop) for hop in hops), request], strict=True)
        )
        self._trace = trace
        self._outgoing = b""
        self._exchange: TlsLayer | Negotiation
        self._begin()

    @property
    def proxy(self) -> Proxy:
        """The proxy that is being spoken to."""
        return self._steps[0][0]

    def data_to_send(self) -> bytes:
        """What to send now; it is handed out once."""
        data, self._outgoing = self._outgoing, b""
        return data

    @property
    def bytes_needed(self) -> int:
        """How many bytes to read at most; under a layer what is left over is kept."""
        return _READ_SIZE if self.layers else self._exchange.bytes_needed

    def receive_data(self, data: bytes) -> None:
        """Takes what was received; b"" means that the connection ended.

        Raises a SocksError that names the proxy at fault and what it was asked for. That a
        proxy cannot reach the next one of the chain is a `ProxyConnectionError` of the next.
        """
        try:
            if data:
                data = unwrap(self.layers, data)
                if not data:
                    return
            self._exchange.receive_data(data)
            while self._exchange.done:
                surplus = self._exchange.trailing_data
                self._next()
                if self.done:
                    self.trailing_data = surplus
                elif surplus:
                    self._exchange.receive_data(surplus)
                    continue
                return
            self._collect()
        except SocksError as error:
            placed = self.placed(error)
            raise placed from placed.__cause__

    def placed(self, error: SocksError) -> SocksError:
        """`error` with the proxy and the target that it is about."""
        error.proxy = self.proxy
        error.target = self._steps[0][1].address
        if len(self._steps) == 1 or not isinstance(error, ReplyError):
            return error
        unreachable = ProxyConnectionError(
            f"the proxy before it cannot reach it: {error.strerror}",
            errno=error.errno,
            proxy=self._steps[1][0],
            target=self.request.address,
        )
        unreachable.__cause__ = error
        return unreachable

    def _begin(self) -> None:
        """The first exchange with the next proxy."""
        proxy = self.proxy
        if proxy.tls:
            from ._tls import TlsLayer  # ssl takes 10 ms to import

            self._exchange = TlsLayer(proxy)
        else:
            self._negotiate()
        self._collect()

    def _negotiate(self) -> None:
        proxy, request = self._steps[0]
        trace = self._trace
        self._exchange = Negotiation(
            request,
            proxy.auth,
            server=proxy.host,
            trace=None if trace is None else lambda message: trace(proxy, message),
        )

    def _next(self) -> None:
        """From an exchange that has ended to the one that follows it."""
        self._collect()
        exchange = self._exchange
        if isinstance(exchange, Negotiation):
            if exchange.encapsulation is not None:
                self.layers.append(exchange.encapsulation)
            if len(self._steps) == 1:
                self.reply = exchange.reply
                self.done = True
                return
            del self._steps[0]
            self._begin()
        else:
            self.layers.append(exchange)
            if self._trace is not None:
                self._trace(self.proxy, TlsEstablished(exchange.describe()))
            self._negotiate()
            self._collect()

    def _collect(self) -> None:
        """Moves what the exchange has to say through the layers to the wire."""
        data = self._exchange.data_to_send()
        if data:
            self._outgoing += wrap(self.layers, data)


def wrap(layers: Sequence[Encapsulation], data: bytes) -> bytes:
    """The wire bytes for `data`, innermost layer first."""
    for layer in reversed(layers):
        data = layer.wrap(data)
    return data


def unwrap(layers: Sequence[Encapsulation], data: bytes) -> bytes:
    """The plain bytes that `data` completes, outermost layer first."""
    for layer in layers:
        data = layer.unwrap(data)
    return data
