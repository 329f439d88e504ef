"""Faults by plan: how a message of the handshake is sent otherwise than it should be.

A `Fault` names a stage and an action; the server hands every message to the plan before it is
sent. The ready-made ones are in `catalogue`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NoReturn, Protocol, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from .log import Exchange

PlainStage = Literal["accept", "method", "auth", "reply", "second-reply", "data"]
"""Right after accept; method selection; RFC 1929's status; reply; BIND's second one; in place of
relaying."""
GssStage = Literal["gss-token", "gss-level"]
"""RFC 1961: each answer to a context token; that to the protection level. Once a level protects,
what an action writes is encapsulated: what goes wrong there is in `gss_faults`."""
Stage = PlainStage | GssStage
STAGES: tuple[Stage, ...] = get_args(PlainStage)
GSS_STAGES: tuple[Stage, ...] = get_args(GssStage)

Ending = Literal["close", "reset", "stall"]
Then = Literal["continue", "close", "reset", "stall"]


class Line(Protocol):
    """What an action can do to the client's connection."""

    exchange: Exchange

    async def write(self, data: bytes) -> None:
        """Send in one piece."""

    async def pause(self, seconds: float) -> None:
        """Sleep; a client that hangs up meanwhile ends the exchange (not at "accept")."""

    async def end(self, how: Ending) -> NoReturn:
        """FIN, RST, or silence until the client hangs up."""

    async def first_data(self) -> bytes:
        """What comes next: the first data of the destination, b"" if there is none to come.

        After BIND's first reply that is the second one."""


class Action:
    """Base of the actions: `send` is given the message that the server means to send."""

    async def send(self, line: Line, message: bytes) -> None:
        raise NotImplementedError


async def _go_on(line: Line, then: Then) -> None:
    if then != "continue":
        await line.end(then)


@dataclass(frozen=True)
class End(Action):
    how: Ending

    async def send(self, line: Line, message: bytes) -> None:
        await line.end(self.how)


@dataclass(frozen=True)
class Split(Action):
    size: int
    pause: float

    async def send(self, line: Line, message: bytes) -> None:
        for start in range(0, len(message), self.size):
            if start:
                await line.pause(self.pause)
            await line.write(message[start : start + self.size])


@dataclass(frozen=True)
class Truncate(Action):
    length: int
    then: Ending

    async def send(self, line: Line, message: bytes) -> None:
        await line.write(message[: self.length])
        await line.end(self.then)


@dataclass(frozen=True)
class Replace(Action):
    data: bytes | Callable[[bytes, Exchange], bytes]
    then: Then

    async def send(self, line: Line, message: bytes) -> None:
        data = self.data if isinstance(self.data, bytes) else self.data(message, line.exchange)
        await line.write(data)
        await _go_on(line, self.then)


@dataclass(frozen=True)
class Append(Action):
    data: bytes
    then: Then

    async def send(self, line: Line, message: bytes) -> None:
        await line.write(message + self.data)
        await _go_on(line, self.then)


@dataclass(frozen=True)
class Coalesce(Action):
    async def send(self, line: Line, message: bytes) -> None:
        await line.write(message + await line.first_data())


@dataclass(frozen=True)
class Delay(Action):
    seconds: float

    async def send(self, line: Line, message: bytes) -> None:
        await line.pause(self.seconds)
        await line.write(message)


def close() -> Action:
    """FIN instead of the message."""
    return End("close")


def reset() -> Action:
    """RST instead of the message."""
    return End("reset")


def stall() -> Action:
    """Never send it; the connection stays open until the client closes."""
    return End("stall")


def drip(interval: float) -> Action:
    """One byte every `interval` seconds."""
    return Split(1, interval)


def split(size: int = 1, pause: float = 0.0) -> Action:
    """Pieces of `size` bytes, each in a send of its own."""
    return Split(size, pause)


def truncate(length: int, then: Ending = "close") -> Action:
    """The first `length` bytes only."""
    return Truncate(length, then)


def replace(data: bytes | Callable[[bytes, Exchange], bytes], then: Then = "continue") -> Action:
    """Other bytes; a function is given the right message and the exchange."""
    return Replace(data, then)


def append(data: bytes, then: Then = "continue") -> Action:
    """The message and surplus bytes, in one send."""
    return Append(data, then)


def coalesce() -> Action:
    """At "reply": held until the destination speaks, then sent along with its first data.

    The destination must speak first: nothing goes up before the reply has been sent. Likewise at
    "second-reply". At the first reply to BIND: held until the peer has come (who finds it by
    `Exchange.rendezvous`), then both replies in one send; no fault then strikes the second.
    """
    return Coalesce()


def delay(seconds: float) -> Action:
    """The message, late."""
    return Delay(seconds)


@dataclass(frozen=True)
class Fault:
    stage: Stage
    action: Action
    connections: Collection[int] | None = None
    """Only the connections of these indexes (from 0, in order of accept)."""
    times: int | None = None
    """Only the first so many times that it would apply."""

    def __post_init__(self) -> None:
        stages = (*STAGES, *GSS_STAGES)
        if self.stage not in stages:
            raise ValueError(f"no such stage: {self.stage!r}; there are {', '.join(stages)}")


@dataclass
class Plan:
    """The faults of one server, and how often each has been used."""

    faults: tuple[Fault, ...]
    _used: list[int] = field(init=False)

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        self._used = [0] * len(self.faults)

    def take(self, stage: Stage, index: int) -> Action | None:
        """The action of the first fault that applies to this stage of this connection."""
        for number, fault in enumerate(self.faults):
            if fault.stage != stage:
                continue
            if fault.connections is not None and index not in fault.connections:
                continue
            if fault.times is not None and self._used[number] >= fault.times:
                continue
            self._used[number] += 1
            return fault.action
        return None
