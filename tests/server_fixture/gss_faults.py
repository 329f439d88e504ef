"""What the server does wrong to the messages that it encapsulates.

`Server(gss_faults=[...])`: of the faults for a place the first that still applies changes the
message. `skip` and `times` count the messages at that place of one connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from . import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

At = Literal["reply", "data", "datagram"]
"""Replies, failures and both of BIND's; tunnelled data; UDP."""
Afterwards = Literal["continue", "close", "reset"]


@dataclass(frozen=True)
class Sealed:
    """Something to be sent, and the right message for it."""

    plain: bytes
    confidential: bool
    seal: Callable[[bytes, bool], bytes]
    """The message for something plain, confidential or not."""

    @cached_property
    def message(self) -> bytes:
        """Made when it is asked for: one that is not sent would leave a gap in the sequence."""
        return self.seal(self.plain, self.confidential)


class Outgoing(NamedTuple):
    """What is sent: each piece in a send of its own, or a datagram; then FIN or RST, maybe."""

    pieces: Sequence[bytes]
    then: Afterwards = "continue"


@dataclass(frozen=True)
class GssFault:
    change: Callable[[Sealed], Sequence[bytes]]
    at: At = "data"
    times: int | None = None
    """Only so many messages there; None is all."""
    skip: int = 0
    """After the first so many."""
    then: Afterwards = "continue"
    """Datagrams have no such thing."""

    def __post_init__(self) -> None:
        if self.at not in get_args(At):
            raise ValueError(f"no such place: {self.at!r}; there are {', '.join(get_args(At))}")


def unprotected(at: At = "data", times: int | None = None, skip: int = 0) -> GssFault:
    """The plaintext itself."""
    return GssFault(lambda sealed: [sealed.plain], at, times, skip)


def unwrapped(at: At = "data", times: int | None = None, skip: int = 0) -> GssFault:
    """A message with the plaintext in place of a token."""
    return GssFault(lambda sealed: [wire.encode_gss(wire.GSS_DATA, sealed.plain)], at, times, skip)


def weaker(at: At = "data", times: int | None = None, skip: int = 0) -> GssFault:
    """Integrity only: wrong where confidentiality was agreed upon."""
    return GssFault(lambda sealed: [sealed.seal(sealed.plain, False)], at, times, skip)


def stronger(at: At = "data", times: int | None = None, skip: int = 0) -> GssFault:
    """Confidentiality whatever the level: right at every level."""
    return GssFault(lambda sealed: [sealed.seal(sealed.plain, True)], at, times, skip)


def tampered(at: At = "data", times: int | None = None, skip: int = 0) -> GssFault:
    """The last bit of the token flipped."""
    return GssFault(
        lambda sealed: [sealed.message[:-1] + bytes([sealed.message[-1] ^ 1])], at, times, skip
    )


def truncated(length: int, at: At = "data", times: int | None = None, skip: int = 0) -> GssFault:
    """The first `length` bytes of the message, header included, then FIN."""
    return GssFault(lambda sealed: [sealed.message[:length]], at, times, skip, "close")


def wrong_length(
    length: int = wire.LARGEST_TOKEN, at: At = "data", times: int | None = None, skip: int = 0
) -> GssFault:
    """A length that is not the token's: more is announced than comes, or less."""
    announced = length.to_bytes(2, "big")
    return GssFault(
        lambda sealed: [sealed.message[:2] + announced + sealed.message[4:]], at, times, skip
    )


def wrong_header(
    version: int = wire.GSS_VERSION,
    mtyp: int = wire.GSS_DATA,
    at: At = "data",
    times: int | None = None,
    skip: int = 0,
) -> GssFault:
    """Another version or type before the right length and token."""
    head = bytes([version, mtyp])
    return GssFault(lambda sealed: [head + sealed.message[2:]], at, times, skip)


def aborted(at: At = "data", times: int | None = None, skip: int = 0) -> GssFault:
    """01 FF in place of the message."""
    return GssFault(lambda sealed: [wire.GSS_ABORT_MESSAGE], at, times, skip)


def replayed(at: At = "data", times: int | None = None, skip: int = 0) -> GssFault:
    """The same message twice."""
    return GssFault(lambda sealed: [sealed.message] * 2, at, times, skip)


def empty_token(at: At = "data", times: int | None = None, skip: int = 0) -> GssFault:
    """A message whose token has no bytes, in place of the right one."""
    return GssFault(lambda sealed: [wire.encode_gss(wire.GSS_DATA, b"")], at, times, skip)


def empty_message(at: At = "data", times: int | None = None, skip: int = 0) -> GssFault:
    """Before the right message one that wraps nothing, which is no mistake."""

    return GssFault(
        lambda sealed: [sealed.seal(b"", sealed.confidential), sealed.message], at, times, skip
    )


def chopped(size: int = 1, at: At = "data", times: int | None = None, skip: int = 0) -> GssFault:
    """The right message in sends of `size` bytes."""

    def change(sealed: Sealed) -> Sequence[bytes]:
        message = sealed.message
        return [message[start : start + size] for start in range(0, len(message), size)]

    return GssFault(change, at, times, skip)


def chain(faults: Iterable[GssFault]) -> Callable[[Sealed, At], Outgoing]:
    """The faults as one function, for one connection."""
    faults, counts = tuple(faults), dict.fromkeys(get_args(At), 0)

    def apply(sealed: Sealed, at: At) -> Outgoing:
        number = counts[at]
        counts[at] += 1
        for fault in faults:
            over = fault.times is not None and number >= fault.skip + fault.times
            if fault.at == at and number >= fault.skip and not over:
                return Outgoing(fault.change(sealed), fault.then)
        return Outgoing([sealed.message])

    return apply
