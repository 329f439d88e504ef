"""The calls that receive: what they return, what they put into a buffer, and what they leave."""

from __future__ import annotations

import array
import socket
import struct
from typing import TYPE_CHECKING, Any

from .scene import SHORT, Scene, attempt, case
from .sending import Index

if TYPE_CHECKING:
    from collections.abc import Callable

PEEK, TRUNC, DONTWAIT = socket.MSG_PEEK, socket.MSG_TRUNC, socket.MSG_DONTWAIT
FIRST, SECOND = b"0123456789", b"second"


def filled(call: Callable[[Any], Any], buffer: Any = None) -> Any:
    """What a call returns for a buffer, and the buffer afterwards."""
    buffer = bytearray(b"." * 20) if buffer is None else buffer
    result = attempt(call, buffer)
    return result, bytes(buffer)


def seen(data: bytes, size: int) -> tuple[int, bytes]:
    """Of what MSG_TRUNC makes longer than was asked for, the system leaves the rest undefined."""
    return len(data), data[:size]


def table(rows: dict[str, Any], *ways: bool) -> None:
    """Rows are calls of (socket), with two datagrams waiting."""
    for name, row in rows.items():
        for connected in ways:

            def run(sock: Any, peer: Any, scene: Scene, row: Any = row, go: Any = connected) -> Any:
                if go:
                    sock.connect(peer)
                scene.echoed(sock, FIRST, SECOND)
                return attempt(row, sock), scene.everything(sock)

            case(f"connected: {name}" if connected else name)(run)


def into(size: int) -> bytearray:
    return bytearray(b"." * size)


table(
    {
        "recv exactly": lambda s: s.recv(10),
        "recv more": lambda s: s.recv(11),
        "recv less": lambda s: s.recv(4),
        "recv 1": lambda s: s.recv(1),
        "recv 0": lambda s: s.recv(0),
        "recv 0 with MSG_PEEK": lambda s: s.recv(0, PEEK),
        "recv twice": lambda s: [s.recv(100), s.recv(100)],
        "recv with __index__": lambda s: s.recv(Index(4)),
        "recv True": lambda s: s.recv(True),
        "recv, MSG_WAITALL": lambda s: s.recv(100, socket.MSG_WAITALL),
        "recv, MSG_OOB": lambda s: s.recv(100, socket.MSG_OOB),
        "recv, MSG_PEEK twice": lambda s: [s.recv(100, PEEK), s.recv(4, PEEK), s.recv(100)],
        "recv, MSG_DONTWAIT": lambda s: s.recv(4, DONTWAIT),
        "recv, MSG_TRUNC": lambda s: seen(s.recv(4, TRUNC), 4),
        "recv, MSG_TRUNC, more": lambda s: s.recv(40, TRUNC),
        "recv 0, MSG_TRUNC": lambda s: s.recv(0, TRUNC),
        "recv, MSG_TRUNC and MSG_PEEK": lambda s: [seen(s.recv(1, TRUNC | PEEK), 1), s.recv(100)],
        "recvfrom exactly": lambda s: s.recvfrom(10),
        "recvfrom less": lambda s: s.recvfrom(4),
        "recvfrom 0": lambda s: s.recvfrom(0),
        "recvfrom twice": lambda s: [s.recvfrom(100), s.recvfrom(100)],
        "recvfrom with __index__": lambda s: s.recvfrom(Index(4)),
        "recvfrom, MSG_PEEK": lambda s: [s.recvfrom(100, PEEK), s.recvfrom(4, PEEK)],
        "recvfrom, MSG_TRUNC": lambda s: [
            seen(data, 4) if type(data) is bytes else data for data in s.recvfrom(4, TRUNC)
        ],
        "recv_into": lambda s: filled(s.recv_into),
        "recv_into less": lambda s: filled(s.recv_into, into(4)),
        "recv_into, nbytes": lambda s: filled(lambda b: s.recv_into(b, 4)),
        "recv_into, keywords": lambda s: filled(lambda b: s.recv_into(buffer=b, nbytes=4, flags=0)),
        "recv_into, nbytes with __index__": lambda s: filled(lambda b: s.recv_into(b, Index(4))),
        "recv_into, flags": lambda s: filled(lambda b: s.recv_into(b, 0, PEEK)),
        "recv_into, MSG_TRUNC": lambda s: filled(lambda b: s.recv_into(b, 4, TRUNC)),
        "recv_into, MSG_TRUNC and MSG_PEEK": lambda s: filled(
            lambda b: s.recv_into(b, flags=TRUNC | PEEK), into(4)
        ),
        "recv_into an array": lambda s: filled(s.recv_into, array.array("I", [9] * 4)),
        "recv_into an array, too short": lambda s: filled(s.recv_into, array.array("I", [9])),
        "recv_into an array, nbytes": lambda s: filled(
            lambda b: s.recv_into(b, 5), array.array("I", [9] * 4)
        ),
        "recv_into a memoryview": lambda s: filled(s.recv_into, memoryview(into(20))[3:9]),
        "recv_into a table": lambda s: filled(s.recv_into, memoryview(into(12)).cast("B", (3, 4))),
        "recv_into no bytes": lambda s: filled(s.recv_into, into(0)),
        "recvfrom_into": lambda s: filled(s.recvfrom_into),
        "recvfrom_into less": lambda s: filled(s.recvfrom_into, into(4)),
        "recvfrom_into, nbytes": lambda s: filled(lambda b: s.recvfrom_into(b, 4)),
        "recvfrom_into, keywords": lambda s: filled(
            lambda b: s.recvfrom_into(buffer=b, nbytes=4, flags=PEEK)
        ),
        "recvfrom_into, MSG_TRUNC": lambda s: filled(lambda b: s.recvfrom_into(b, 4, TRUNC)),
        "recvfrom_into an array": lambda s: filled(s.recvfrom_into, array.array("I", [9] * 4)),
        "recvfrom_into no bytes": lambda s: filled(s.recvfrom_into, into(0)),
        "recvmsg exactly": lambda s: s.recvmsg(10),
        "recvmsg less": lambda s: s.recvmsg(4),
        "recvmsg 0": lambda s: s.recvmsg(0),
        "recvmsg with __index__": lambda s: s.recvmsg(Index(4)),
        "recvmsg, MSG_PEEK": lambda s: [s.recvmsg(4, 0, PEEK), s.recvmsg(100, 0, PEEK)],
        "recvmsg, MSG_TRUNC": lambda s: s.recvmsg(4, 0, TRUNC),
        "recvmsg, MSG_TRUNC, more": lambda s: s.recvmsg(40, 0, TRUNC),
        "recvmsg, MSG_TRUNC and MSG_PEEK": lambda s: s.recvmsg(4, 0, TRUNC | PEEK),
        "recvmsg, unused room": lambda s: s.recvmsg(40, 400),
        "recvmsg_into": lambda s: filled(lambda b: s.recvmsg_into([b])),
        "recvmsg_into, less": lambda s: filled(lambda b: s.recvmsg_into([b]), into(4)),
        "recvmsg_into, several": lambda s: (
            lambda one, two: (s.recvmsg_into([one, two]), one, two)
        )(into(4), array.array("H", [0] * 4)),
        "recvmsg_into, several, less": lambda s: (
            lambda one, two: (s.recvmsg_into([one, two]), one, two)
        )(into(4), into(4)),
        "recvmsg_into, a generator": lambda s: filled(
            lambda b: s.recvmsg_into(memoryview(b)[n : n + 2] for n in (4, 0))
        ),
        "recvmsg_into, MSG_PEEK": lambda s: filled(lambda b: s.recvmsg_into([b], 0, PEEK)),
        "recvmsg_into, MSG_TRUNC": lambda s: filled(lambda b: s.recvmsg_into([b], 0, TRUNC)),
        "recvmsg_into, MSG_TRUNC, less": lambda s: filled(
            lambda b: s.recvmsg_into([b], 0, TRUNC), into(4)
        ),
        "recvmsg_into, no buffers": lambda s: s.recvmsg_into([]),
    },
    False,
    True,
)

# What raises without a look at the queue: with something in it, that stays there.

table(
    {
        "recv, no argument": lambda s: s.recv(),
        "recv -1": lambda s: s.recv(-1),
        "recv -1 with flags": lambda s: s.recv(-1, PEEK),
        "recv 2**70": lambda s: s.recv(1 << 70),
        "recv None": lambda s: s.recv(None),
        "recv 2.5": lambda s: s.recv(2.5),
        "recv, flags of str": lambda s: s.recv(10, "0"),
        "recv, flags too large": lambda s: s.recv(10, 1 << 40),
        "recv, keyword": lambda s: s.recv(10, flags=0),
        "recvfrom -1": lambda s: s.recvfrom(-1),
        "recvfrom 2.5": lambda s: s.recvfrom(2.5),
        "recvfrom 2**70": lambda s: s.recvfrom(1 << 70),
        "recvfrom, flags of None": lambda s: s.recvfrom(10, None),
        "recvfrom, no argument": lambda s: s.recvfrom(),
        "recv_into -1": lambda s: s.recv_into(into(9), -1),
        "recv_into, nbytes too large": lambda s: s.recv_into(into(9), 10),
        "recv_into, nbytes of float": lambda s: s.recv_into(into(9), 2.5),
        "recv_into, flags of str": lambda s: s.recv_into(into(9), 0, "0"),
        "recv_into bytes": lambda s: s.recv_into(b"read-only"),
        "recv_into no bytes, read-only": lambda s: s.recv_into(b""),
        "recv_into a str": lambda s: s.recv_into("no buffer"),
        "recv_into None": lambda s: s.recv_into(None),
        "recv_into a memoryview with steps": lambda s: s.recv_into(memoryview(into(20))[::2]),
        "recv_into, 4 arguments": lambda s: s.recv_into(into(9), 0, 0, 0),
        "recvfrom_into -1": lambda s: s.recvfrom_into(into(9), -1),
        "recvfrom_into, nbytes too large": lambda s: s.recvfrom_into(into(9), 10),
        "recvfrom_into bytes": lambda s: s.recvfrom_into(b"read-only"),
        "recvfrom_into a memoryview with steps": lambda s: s.recvfrom_into(
            memoryview(into(20))[::2]
        ),
        "recvmsg -1": lambda s: s.recvmsg(-1),
        "recvmsg, room -1": lambda s: s.recvmsg(10, -1),
        "recvmsg, room too large": lambda s: s.recvmsg(10, 1 << 40),
        "recvmsg 2.5": lambda s: s.recvmsg(2.5),
        "recvmsg, flags of str": lambda s: s.recvmsg(10, 0, "0"),
        "recvmsg, keyword": lambda s: s.recvmsg(10, flags=0),
        "recvmsg_into a bytearray": lambda s: s.recvmsg_into(into(9)),
        "recvmsg_into None": lambda s: s.recvmsg_into(None),
        "recvmsg_into bytes": lambda s: s.recvmsg_into([b"read-only"]),
        "recvmsg_into, the second read-only": lambda s: s.recvmsg_into([into(20), b"read-only"]),
        "recvmsg_into a memoryview with steps": lambda s: s.recvmsg_into(
            [memoryview(into(20))[::2]]
        ),
        "recvmsg_into a str": lambda s: s.recvmsg_into(["no buffer"]),
        "recvmsg_into, room -1": lambda s: s.recvmsg_into([into(9)], -1),
    },
    False,
)

# Nothing arrives.

RECEIVE: dict[str, Callable[..., Any]] = {
    "recv": lambda s, flags: s.recv(10, flags),
    "recvfrom": lambda s, flags: s.recvfrom(10, flags),
    "recv_into": lambda s, flags: s.recv_into(bytearray(10), 0, flags),
    "recvfrom_into": lambda s, flags: s.recvfrom_into(bytearray(10), 0, flags),
    "recvmsg": lambda s, flags: s.recvmsg(10, 0, flags),
    "recvmsg_into": lambda s, flags: s.recvmsg_into([bytearray(10)], 0, flags),
}

EMPTY: dict[str, tuple[float | None, int]] = {
    "a timeout": (SHORT, 0),
    "non-blocking": (0, 0),
    "non-blocking, MSG_ERRQUEUE": (0, getattr(socket, "MSG_ERRQUEUE", 0)),
    "blocking, MSG_DONTWAIT": (None, DONTWAIT),
    "blocking, MSG_DONTWAIT and MSG_PEEK": (None, DONTWAIT | PEEK),
}

for name, call in RECEIVE.items():
    for way, (timeout, flags) in EMPTY.items():

        @case(f"nothing there, {way}: {name}")
        def _(
            sock: Any,
            peer: Any,
            scene: Scene,
            call: Any = call,
            timeout: float | None = timeout,
            flags: int = flags,
        ) -> Any:
            sock.settimeout(timeout)
            before = attempt(call, sock, flags)
            if timeout != SHORT:
                sock.connect(peer)
                return before, attempt(call, sock, flags), scene.everything(sock)
            return before, scene.everything(sock)


for name, flags in (("MSG_PEEK", PEEK), ("MSG_DONTWAIT", DONTWAIT)):

    @case(f"nothing there, a timeout: recv, {name}")
    def _(sock: Any, peer: Any, scene: Scene, flags: int = flags) -> Any:
        """With a timeout Python waits, whatever the flags say."""
        sock.settimeout(SHORT)
        return attempt(sock.recv, 9, flags), scene.everything(sock)


for name, call in RECEIVE.items():

    @case(f"nothing is a datagram as well: {name}")
    def _(sock: Any, peer: Any, scene: Scene, call: Any = call) -> Any:
        scene.echoed(sock, b"", b"x")
        return call(sock, 0), call(sock, 0), scene.everything(sock)

    @case(f"non-blocking, something there: {name}")
    def _(sock: Any, peer: Any, scene: Scene, call: Any = call) -> Any:
        sock.setblocking(False)
        scene.echoed(sock, FIRST)
        return call(sock, 0), attempt(call, sock, 0), scene.everything(sock)


# Ancillary data: of the packet that came, which here is the relay's.


def ancillary(level: int, option: int, room: int) -> Callable[..., Any]:
    def run(sock: Any, peer: Any, scene: Scene) -> Any:
        sock.setsockopt(level, option, 1)
        scene.echoed(sock, FIRST)
        peeked = sock.recvmsg(100, room, PEEK)
        received = sock.recvmsg_into([into(4)], room)
        kinds = [
            [(level, kind, len(data)) for level, kind, data in answer[1]]
            for answer in (peeked, received)
        ]
        return kinds, peeked[0], peeked[2:], received[0], received[2:], scene.everything(sock)

    return run


IPV4, IPV6 = socket.AF_INET, socket.AF_INET6
for name, family, level, option in (
    ("IP_RECVTTL", IPV4, socket.IPPROTO_IP, getattr(socket, "IP_RECVTTL", 12)),
    ("IP_PKTINFO", IPV4, socket.IPPROTO_IP, getattr(socket, "IP_PKTINFO", 8)),
    ("IP_RECVTOS", IPV4, socket.IPPROTO_IP, socket.IP_RECVTOS),
    ("IPV6_RECVPKTINFO", IPV6, socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO),
    ("SO_TIMESTAMP", None, socket.SOL_SOCKET, 29),
):
    case(f"recvmsg, {name}", family, native=True)(ancillary(level, option, 200))
    case(f"recvmsg, {name}, no room", family, native=True)(ancillary(level, option, 0))
    case(f"recvmsg, {name}, too little room", family, native=True)(ancillary(level, option, 17))


@case("recvmsg, the value of IP_RECVTTL", IPV4, native=True)
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_RECVTTL", 12), 1)
    scene.echoed(sock, FIRST)
    ((_, _, value),) = sock.recvmsg(100, 200)[1]
    return struct.unpack("i", value)
