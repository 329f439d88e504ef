"""What a row of the fault matrix says, and the words that it says it with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from socks5client import HandshakeTimeout
from tests.server_fixture import Action, RelayFault

if TYPE_CHECKING:
    from tests.server_fixture import Fault
    from tests.server_fixture.faults import Line
    from tests.server_fixture.faults import Stage as FixtureStage

# What bounds a call that the proxy does not answer, in seconds: so short because there are
# hundreds of them, and longer only where the machine was too busy for the fault to be reached.
DEADLINES = (0.05, 0.1, 0.3)
# How late it may be. What bounds the calls that must end by themselves.
GRACE = 0.2
PATIENCE = 5.0

Command = Literal["CONNECT", "BIND", "UDP ASSOCIATE"]
Stage = Literal[
    "TCP",
    "TLS",
    "method selection",
    "sub-negotiation",
    "GSSAPI token",
    "GSSAPI level",
    "request",
    "reply",
    "second reply",
    "data",
    "association",
]
FaultName = Literal[
    "refuse",
    "reset",
    "close",
    "stall",
    "drip",
    "truncate",
    "garbage",
    "wrong version",
    "wrong length",
    "oversize",
    "unasked method",
    "coalesced",
    "split",
]
COMMANDS: tuple[Command, ...] = get_args(Command)
STAGES: tuple[Stage, ...] = get_args(Stage)
FAULTS: tuple[FaultName, ...] = get_args(FaultName)

TCP_COMMANDS: tuple[Command, ...] = ("CONNECT", "BIND")
"""Those whose connection carries the user's bytes, and may be wrapped in TLS."""

FIXTURE_STAGES: dict[Stage, FixtureStage] = {
    "TCP": "accept",
    "TLS": "accept",
    "method selection": "method",
    "sub-negotiation": "auth",
    "GSSAPI token": "gss-token",
    "GSSAPI level": "gss-level",
    "reply": "reply",
    "second reply": "second-reply",
    "data": "data",
}
"""Where the server strikes. At "request" it is the message before it, whichever that is."""

Sent = Literal["nothing", "hello", "offer", "credentials", "token", "level", "request"]
"""The last message that the proxy may have received: TLS's first, the method offer, and so on."""


@dataclass(frozen=True)
class Instead(Action):
    """What `action` does, to `data` in place of the message."""

    data: bytes
    action: Action

    async def send(self, line: Line, message: bytes) -> None:
        await self.action.send(line, self.data)


@dataclass(frozen=True)
class Chopped:
    """The proxy's bytes on the wire: each in a send of its own, `limit` of them before it ends."""

    limit: int | None = None


@dataclass(frozen=True)
class Fails:
    """One of `errors`, exactly of that class, with a text that `match` is found in."""

    errors: tuple[type[OSError], ...]
    match: str


@dataclass(frozen=True)
class Works:
    """`data` arrives first; then the connection is as `end` says."""

    data: bytes = b""
    end: Literal["open", "close", "reset", "stall"] = "open"


@dataclass(frozen=True)
class Relays:
    """A datagram comes back all the same, and so many packets of the relay's were dropped."""

    dropped: int = 0
    dropped_in_chain: int = 0


@dataclass(frozen=True)
class Row:
    stage: Stage
    fault: FaultName
    outcome: Fails | Works | Relays
    sent: Sent = "request"
    name: str = ""
    """Tells the rows of one stage and fault apart."""
    action: Action | None = None
    """What the server does at this stage."""
    also: tuple[Fault, ...] = ()
    """And at others."""
    commands: tuple[Command, ...] = COMMANDS
    place: Literal["server", "unused", "full"] = "server"
    """Nobody listens there; or the queue of who does is full, and the SYN goes unanswered."""
    chopped: Chopped | None = None
    trusted: bool = True
    """Whether the client knows who signed the proxy's certificate."""
    relay_faults: tuple[RelayFault, ...] = ()
    server: dict[str, Any] = field(default_factory=dict)
    """More of `Server`'s parameters."""
    loses: bool = False
    """A reset overtakes what the client sends, or nobody reads it: the proxy may see less of it."""

    @property
    def tls(self) -> bool:
        return self.stage == "TLS"

    @property
    def needs_password(self) -> bool:
        return self.stage == "sub-negotiation"

    @property
    def waits(self) -> bool:
        """Whether it takes the whole deadline."""
        if isinstance(self.outcome, Fails):
            return bool({HandshakeTimeout, TimeoutError} & {*self.outcome.errors})
        return False

    def __str__(self) -> str:
        return "-".join(part for part in (self.stage, self.fault, self.name) if part)
