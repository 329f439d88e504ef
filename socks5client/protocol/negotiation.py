"""The handshake with one proxy, sans-IO.

SOCKS5 is lock-step with one message in flight, so the protocol is written as it reads: a
generator, `_run`, from the method offer to the reply. What it waits in:

=================  ==========================================  =======================
state              entered by                                  left by
=================  ==========================================  =======================
METHOD_SELECTION   the method offer                            the method selection
SUB_NEGOTIATION    a selection of a method that was offered    the method's own end
REPLY              the request                                 the reply
DONE               a reply of success
FAILED             anything else
=================  ==========================================  =======================
"""

from __future__ import annotations

from enum import Enum

from ..errors import NoAcceptableMethodError, RemoteProtocolError, reply_error
from .auth import NoAuth
from .messages import Authenticated, Method, MethodOffer, MethodSelection, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from .auth import AuthMethod, Encapsulation
    from .messages import Request

# Under an encapsulation the wire is read in big pieces: what is left over is kept.
_READ_SIZE = 65536


class State(Enum):
    """Where a negotiation stands; the value completes "the proxy hung up during ..."."""

    METHOD_SELECTION = "method selection"
    SUB_NEGOTIATION = "authentication"
    REPLY = "the wait for its reply"
    DONE = "the exchange of data"
    FAILED = "a failed negotiation"


class Negotiation:
    """Method selection, sub-negotiation, request and reply with one proxy.

    Parameters: `request`, a `Request`; `auth`, the methods to offer, preferred first;
    `server`, the proxy's host, for methods that authenticate it; `trace`, called with each
    message as it is sent or understood (`MethodOffer`, `MethodSelection`, `Authenticated`,
    `Request`, `Reply`): never with credentials.

    A driver sends `data_to_send()`, then reads at most `bytes_needed` and passes it to
    `receive_data()`, until it is `done` and `reply` is there. Source: RFC 1928 sections 3 to 6.
    """

    def __init__(
        self,
        request: Request,
        auth: Sequence[AuthMethod] = (NoAuth(),),
        *,
        server: str = "",
        trace: Callable[[object], None] | None = None,
    ) -> None:
        self.request = request
        self.state = State.METHOD_SELECTION
        self.reply: Reply | None = None
        self.encapsulation: Encapsulation | None = None
        self._auth = {method.code: method for method in auth}
        self._server = server
        self._trace = trace
        self._outgoing = b""
        self._incoming = b""
        self._wanted = 0  # what the generator waits for
        self._ahead = 0  # what surely follows it, and may be read with it
        self._steps = self._run()
        self._resume(None)

    def data_to_send(self) -> bytes:
        """What to send now; it is handed out once."""
        data, self._outgoing = self._outgoing, b""
        return data

    @property
    def bytes_needed(self) -> int:
        """How many bytes to read at most; 0 once the reply is there.

        Without an encapsulation these surely belong to the handshake, so that nothing that
        follows the reply is swallowed.
        """
        if self.done:
            return 0
        if self.encapsulation is not None:
            return _READ_SIZE
        return self._wanted + self._ahead - len(self._incoming)

    @property
    def done(self) -> bool:
        """Whether the reply is there."""
        return self.state is State.DONE

    @property
    def trailing_data(self) -> bytes:
        """Once the reply is there: what was received behind it. It belongs to the user."""
        return self._incoming if self.done else b""

    def receive_data(self, data: bytes) -> None:
        """Takes what was received, in pieces of any size; b"" means that the proxy hung up.

        Raises a SocksError where the proxy refuses, breaks the protocol or hangs up. What to
        do next: send `data_to_send()`, then look at `done`.
        """
        if self.state in (State.DONE, State.FAILED):
            raise RuntimeError("the negotiation has ended; what follows the reply is not its own")
        try:
            self._take(data)
        except BaseException:
            self.state = State.FAILED
            raise

    def _take(self, data: bytes) -> None:
        if not data:
            raise RemoteProtocolError(f"the proxy hung up during {self.state.value}")
        if self.encapsulation is not None:
            data = self.encapsulation.unwrap(data)
        self._incoming += data
        while not self.done and len(self._incoming) >= self._wanted:
            piece = self._incoming[: self._wanted]
            self._incoming = self._incoming[self._wanted :]
            self._resume(piece)

    def _run(self) -> Generator[tuple[bytes, int], bytes, None]:
        offer = MethodOffer(tuple(self._auth))
        self._tell(offer)
        selection = MethodSelection.decode((yield offer.encode(), MethodSelection.LENGTH))
        self._tell(selection)
        method = self._selected(selection)

        self.state = State.SUB_NEGOTIATION
        encapsulation = yield from method.negotiate(self.request, self._server)
        self._tell(Authenticated(method.code))

        self.state = State.REPLY
        message = self.request.encode()
        if encapsulation is not None:
            self.encapsulation = encapsulation
            message = encapsulation.wrap(message)
            self._incoming = encapsulation.unwrap(self._incoming)
        self._tell(self.request)
        reply = yield from self._receive_reply(message)
        self._tell(reply)
        # The rendezvous of BIND waits for a second reply here.
        self.reply = reply
        self.state = State.DONE

    def _receive_reply(self, message: bytes) -> Generator[tuple[bytes, int], bytes, Reply]:
        # A failure is known by its second byte, and some proxies send no more than two or
        # three before they close; yet a whole reply should take only two reads.
        self._ahead = Reply.HEAD - Reply.START
        start = yield message, Reply.START
        code = Reply.decode_code(start)
        if code != 0:
            self._tell(Reply(code, None))
            raise reply_error(code)
        self._ahead = 0
        head = start + (yield b"", Reply.HEAD - Reply.START)
        return Reply.decode(head + (yield b"", Reply.length(head) - Reply.HEAD))

    def _selected(self, selection: MethodSelection) -> AuthMethod:
        method = self._auth.get(selection.method)
        if method is not None:
            return method
        offered = ", ".join(f"{code:#04x}" for code in self._auth)
        if selection.method == Method.NO_ACCEPTABLE:
            raise NoAcceptableMethodError(
                f"the proxy accepts none of the authentication methods offered ({offered})"
            )
        raise NoAcceptableMethodError(
            f"the proxy chose the method {selection.method:#04x}, which was not offered ({offered})"
        )

    def _resume(self, piece: bytes | None) -> None:
        """Runs the generator to its next wait."""
        try:
            send, self._wanted = self._steps.send(piece)  # type: ignore[arg-type]
            self._outgoing += send
            while not self._wanted:
                send, self._wanted = self._steps.send(b"")
                self._outgoing += send
        except StopIteration:
            pass

    def _tell(self, message: object) -> None:
        if self._trace is not None:
            self._trace(message)
