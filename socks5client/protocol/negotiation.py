"""The handshake with one proxy, sans-IO.

SOCKS5 is lock-step with one message in flight, so the protocol is written as it reads: a
generator, `_negotiate`, from the method offer to the reply. What it waits in:

=================  ==========================================  =======================
state              entered by                                  left by
=================  ==========================================  =======================
TLS                the connection, where the proxy wants TLS   the end of its handshake
METHOD_SELECTION   the method offer                            the method selection
SUB_NEGOTIATION    a selection of a method that was offered    the method's own end
REPLY              the request                                 the reply
RENDEZVOUS         BIND's first reply                          its second reply
DONE               a reply of success, for BIND the second
FAILED             anything else
=================  ==========================================  =======================
"""

from __future__ import annotations

from enum import Enum

from ..errors import NoAcceptableMethodError, RemoteProtocolError, SocksError, reply_error
from .auth import NoAuth
from .encapsulation import ended, unwrap, wrap
from .messages import Authenticated, Command, Method, MethodOffer, MethodSelection, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from typing import TypeAlias

    from .auth import AuthMethod, SubNegotiation
    from .encapsulation import Encapsulation
    from .messages import Request

    # Yields what to send, and how many bytes it is to be given: at least, and at most (the
    # same, where there is no third). Between them the latter surely belong to the handshake.
    Step: TypeAlias = tuple[bytes, int] | tuple[bytes, int, int]
    Steps: TypeAlias = Generator[Step, bytes, Reply]

# Where something wraps the bytes the wire is read in big pieces: what is left over is kept.
READ_SIZE = 65536


class State(Enum):
    """Where a negotiation stands (RFC 1928 sections 3 to 6).

    The value completes "the proxy hung up during ...".
    """

    TLS = "the TLS handshake"
    METHOD_SELECTION = "method selection"
    SUB_NEGOTIATION = "authentication"
    REPLY = "the wait for its reply"
    RENDEZVOUS = "the wait for the peer's connection"
    DONE = "the exchange of data"
    FAILED = "a failed negotiation"


class Negotiation:
    """Method selection, sub-negotiation, request and reply with one proxy.

    Parameters: `request`, a `Request`; `auth`, the methods to offer, preferred first;
    `server`, the proxy's host, for methods that authenticate it; `pipelined`, whether to say
    everything at once, the one method's message and the request with the offer, and behind them
    `early_data`, bytes for the destination, which is for nothing but that; `trace`, called with
    each message as it is sent or understood (`MethodOffer`, `MethodSelection`, `Authenticated`,
    `Request`, `Reply`): never with credentials.

    A driver sends `data_to_send()`, then reads at most `bytes_needed` and passes it to
    `receive_data()`, until `reply` is there. Of BIND's two replies `rendezvous` is the first,
    which says where the peer is to connect, and `reply` the second, which says who did. Then
    `layers` is what wraps the data from now on, outermost first (nothing, unless a method
    encapsulates), and `trailing_data` what was received behind the reply, unwrapped. Source:
    RFC 1928 sections 3 to 6.

    Where nothing wraps the bytes, those that `bytes_needed` asks for surely belong to the
    handshake: nothing that follows the reply is swallowed. It is 0 once the reply is there.
    """

    state = State.METHOD_SELECTION
    encapsulation: Encapsulation | None = None  # what the method agreed on
    rendezvous: Reply | None = None
    reply: Reply | None = None
    _incoming = b""

    def __init__(
        self,
        request: Request,
        auth: Sequence[AuthMethod] = (NoAuth(),),
        *,
        server: str = "",
        pipelined: bool = False,
        early_data: bytes = b"",
        trace: Callable[[object], None] | None = None,
    ) -> None:
        self.request = request
        self._trace = trace
        self._start(self._negotiate(request, auth, server, pipelined, early_data))

    def _start(self, steps: Steps) -> None:
        self.layers: list[Encapsulation] = []
        self._steps = steps
        step = next(steps)
        self._outgoing, self._least, self._most = step[0], step[1], step[-1]
        self.bytes_needed: int = self._most

    def data_to_send(self) -> bytes:
        """What to send now; it is handed out once."""
        data, self._outgoing = self._outgoing, b""
        return data

    @property
    def trailing_data(self) -> bytes:
        """Once the reply is there: what was received behind it. It belongs to the user."""
        return self._incoming if self.reply is not None else b""

    def receive_data(self, data: bytes) -> None:
        """Takes `data`, what was received, in pieces of any size; b"": the proxy hung up.

        Raises a SocksError where the proxy refuses, breaks the protocol or hangs up, RuntimeError
        where the negotiation has ended. What to do next: look at `reply`, else send
        `data_to_send()` and go on.
        """
        if self.reply is not None or self.state is State.FAILED:
            raise RuntimeError("the negotiation has ended; what follows the reply is not its own")
        try:
            if not data:
                raise RemoteProtocolError(f"the proxy hung up during {self.state.value}")
            self._incoming += unwrap(self.layers, data) if self.layers else data
            last = bool(self.layers) and ended(self.layers)
            while len(self._incoming) >= self._least:
                piece = self._incoming[: self._most]
                self._incoming = self._incoming[self._most :]
                step = self._steps.send(piece)
                if step[0]:
                    self._outgoing += wrap(self.layers, step[0]) if self.layers else step[0]
                self._least, self._most = step[1], step[-1]
            if last:
                raise RemoteProtocolError(f"the proxy hung up during {self.state.value}")
            self.bytes_needed = READ_SIZE if self.layers else self._most - len(self._incoming)
        except StopIteration as end:
            self.reply = end.value
            self.bytes_needed = 0
        except BaseException as error:
            self.state = State.FAILED
            if not isinstance(error, SocksError):
                raise
            placed = self.placed(error)
            try:
                raise placed from placed.__cause__
            finally:
                del placed  # the error knows this frame: a cycle would keep the socket open

    def placed(self, error: SocksError) -> SocksError:
        """`error` with what is known of where it happened."""
        error.target = self.request.address
        return error

    def _negotiate(
        self,
        request: Request,
        auth: Sequence[AuthMethod],
        server: str,
        pipelined: bool = False,
        early_data: bytes = b"",
    ) -> Steps:
        trace = self._trace
        self.state = State.METHOD_SELECTION
        offer = MethodOffer(tuple([method.code for method in auth]))
        if trace is not None:
            trace(offer)
        message, asked = offer.encode(), request.encode()
        if pipelined:
            sub_negotiation = auth[0].negotiate(request, server)
            credentials, answer_length = next(sub_negotiation, (b"", 0))
            message, asked = message + credentials + asked + early_data, b""
            if trace is not None:
                trace(request)
        selection = MethodSelection.decode((yield message, MethodSelection.LENGTH))
        if trace is not None:
            trace(selection)
        for method in auth:
            if method.code == selection.method:
                break
        else:
            raise _not_offered(selection.method, offer)

        self.state = State.SUB_NEGOTIATION
        if not pipelined:
            self.encapsulation = yield from method.negotiate(request, server)
        elif answer_length:
            _finish(sub_negotiation, (yield b"", answer_length))
        if self.encapsulation is not None:
            self._push(self.encapsulation)
        if trace is not None:
            trace(Authenticated(method.code))
            if not pipelined:
                trace(request)

        self.state = State.REPLY
        reply = yield from self._read_reply(asked)
        if request.command == Command.BIND:
            self.rendezvous = reply
            self.state = State.RENDEZVOUS
            reply = yield from self._read_reply(b"")
        self.state = State.DONE
        return reply

    def _read_reply(self, request: bytes) -> Steps:
        """Sends `request` and reads a reply to it. Raises a ReplyError where it is a failure."""
        # A failure is known by its second byte, and some proxies send no more than two or
        # three before they close; yet a whole reply should take only two reads.
        data = yield request, Reply.START, Reply.HEAD
        code = Reply.decode_code(data)
        if code != 0:
            if self._trace is not None:
                self._trace(Reply(code))
            raise reply_error(code)
        if len(data) < Reply.HEAD:
            data += yield b"", Reply.HEAD - len(data)
        data += yield b"", Reply.length(data) - Reply.HEAD
        reply = Reply(code, data[3:])
        if self._trace is not None:
            self._trace(reply)
        return reply

    def _push(self, layer: Encapsulation) -> None:
        """From now on `layer` wraps what is sent, and what has been received already."""
        self.layers.append(layer)
        self._incoming = layer.unwrap(self._incoming)


def _finish(sub_negotiation: SubNegotiation, answer: bytes) -> None:
    """Gives a method that has said its one message the answer to it."""
    try:
        sub_negotiation.send(answer)
    except StopIteration:
        return
    raise RuntimeError("a method that is pipelined has more to say than one message")


def _not_offered(selection: int, offer: MethodOffer) -> NoAcceptableMethodError:
    offered = ", ".join(f"{code:#04x}" for code in offer.methods)
    if selection == Method.NO_ACCEPTABLE:
        return NoAcceptableMethodError(
            f"the proxy accepts none of the authentication methods offered ({offered})"
        )
    return NoAcceptableMethodError(
        f"the proxy chose the method {selection:#04x}, which was not offered ({offered})"
    )
