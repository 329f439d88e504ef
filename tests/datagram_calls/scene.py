"""What a case is given, and how two outcomes are compared."""

from __future__ import annotations

import errno
import select
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 5.0
"""Long enough for whatever must arrive."""
SHORT = 0.2  # long enough for an association, on a busy machine too
"""For calls that are to wait in vain."""
WAKE = 2.0
"""For a datagram that is on its way."""
THE_END = b"the end"
LARGEST = {socket.AF_INET: 65507, socket.AF_INET6: 65527}
"""The most that a UDP datagram holds."""


@dataclass(frozen=True)
class Failed:
    """An exception, as far as it is compared."""

    kind: type[BaseException]
    errno: int | None = None

    def __repr__(self) -> str:
        number = self.errno
        name = "" if number is None else " " + errno.errorcode.get(number, str(number))
        return self.kind.__name__ + name


def attempt(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result of a call, or how it failed."""
    try:
        return call(*args, **kwargs)
    except Exception as error:
        return Failed(type(error), getattr(error, "errno", None))


def agree(plain: Any, ours: Any) -> bool:
    """Equal, but for an exception of ours that is a more special one with the same errno."""
    if isinstance(plain, Failed):
        return (
            isinstance(ours, Failed)
            and issubclass(ours.kind, plain.kind)
            and ours.errno == plain.errno
        )
    if isinstance(plain, (tuple, list)):
        return (
            type(plain) is type(ours) and len(plain) == len(ours) and all(map(agree, plain, ours))
        )
    return isinstance(ours, type(plain)) and bool(plain == ours)


class Scene:
    """What a case may use besides its socket and its peer.

    `kind` is the class of the socket, `arguments` what its constructor wants besides family and
    type; `peer` and `other` are echoes, `foreign` is one of the other family, IPv4 as an
    IPv6 socket names it; `relay` is the family of the relay, None for a plain socket.
    """

    def __init__(
        self,
        kind: type[socket.socket],
        arguments: dict[str, Any],
        family: int,
        relay: int | None,
        echoes: tuple[Any, Any, Any],
    ) -> None:
        self.kind = kind
        self.family = family
        self.relay = relay
        self.peer, self.other, self.foreign = echoes
        self._arguments = arguments

    def make(self, kind: type[socket.socket] | None = None, flags: int = 0) -> socket.socket:
        """A socket of this kind, or of a class that derives from it."""
        sock = (kind or self.kind)(self.family, socket.SOCK_DGRAM | flags, **self._arguments)
        sock.settimeout(SECONDS)
        return sock

    @property
    def loopback(self) -> str:
        return "::1" if self.family == socket.AF_INET6 else "127.0.0.1"

    def header(self, connected: bool = True) -> int:
        """What the header takes: 10 bytes for IPv4, 22 for IPv6, 262 at most."""
        if self.relay is None:
            return 0
        if not connected:
            return 262
        return 22 if self.family == socket.AF_INET6 else 10

    @property
    def most(self) -> int:
        """The most bytes to the peer: what a packet to the relay holds less the header.

        And never more than a datagram from the relay to the peer.
        """
        packet = LARGEST[self.relay or self.family]  # type: ignore[index]
        return min(packet - self.header(), LARGEST[self.family])  # type: ignore[index]

    def wait(self, sock: socket.socket) -> None:
        """Until something has arrived, of which select() is told: at its end it looks again."""
        start = time.monotonic()
        assert select.select([sock], [], [], WAKE)[0], "nothing arrives"
        assert time.monotonic() - start < WAKE, "select() is not told"

    def echoed(self, sock: socket.socket, *payloads: bytes) -> None:
        """Lets the peer send `payloads`, and waits until the first of them is there."""
        for payload in payloads:
            sock.sendto(payload, self.peer)
        self.wait(sock)

    def everything(self, sock: socket.socket) -> list[Any]:
        """All that has arrived, and will until another datagram has been there and back."""
        sock.settimeout(SECONDS)
        sock.sendto(THE_END, self.peer)
        received = []
        while True:
            received.append(sock.recvfrom(65535))
            if received[-1][0] == THE_END:
                return received[:-1]


Run: TypeAlias = "Callable[[Any, Any, Scene], Any]"


@dataclass(frozen=True)
class Case:
    """`family` is the only one that it is for, None for both.

    `native`: it is about the packets themselves, so the relay must be of the socket's family.
    `fresh`: no association may stand before it.
    """

    run: Run
    family: int | None = None
    native: bool = False
    fresh: bool = False


CASES: dict[str, Case] = {}


def case(
    name: str, family: int | None = None, *, native: bool = False, fresh: bool = False
) -> Callable[[Run], Run]:
    """Puts a function into the table."""

    def put(run: Run) -> Run:
        assert name not in CASES, name
        CASES[name] = Case(run, family, native, fresh)
        return run

    return put
