"""The calls that send. What they return, and what the peer got: it is an echo."""

from __future__ import annotations

import array
import socket
import struct
from typing import TYPE_CHECKING, Any

from .scene import Scene, attempt, case

if TYPE_CHECKING:
    from collections.abc import Callable

    Row = Callable[..., Any]

TTL = (socket.IPPROTO_IP, socket.IP_TTL, struct.pack("i", 5))
BAD_TTL = (socket.IPPROTO_IP, socket.IP_TTL, struct.pack("i", 300))
UDP_SEGMENT = (socket.IPPROTO_UDP, 103, struct.pack("H", 2))
PAIR = type("Pair", (tuple,), {})


class Index:
    """Stands for a number, and is none."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


def table(rows: dict[str, Row], *, connected: bool = False, native: bool = False) -> None:
    """Rows are calls of (socket, peer, scene); afterwards everything is received."""
    for name, row in rows.items():

        def run(sock: Any, peer: Any, scene: Scene, row: Row = row) -> Any:
            if connected:
                sock.connect(peer)
            return attempt(row, sock, peer, scene), scene.everything(sock)

        case(f"connected: {name}" if connected else name, native=native)(run)


# What is sent.

DATA: dict[str, Any] = {
    "bytes": b"data",
    "a bytearray": bytearray(b"data"),
    "a memoryview": memoryview(b"data")[1:],
    "an array": array.array("H", [1, 2, 3]),
    "a memoryview of an array": memoryview(array.array("H", [1, 2, 3])),
    "a table": memoryview(b"abcdef").cast("B", (2, 3)),
    "nothing": b"",
    "a memoryview with steps": memoryview(b"a-b-c-")[::2],
    "a str": "data",
    "a list": [1, 2],
    "None": None,
    "an int": 4,
}

for kind, data in DATA.items():

    @case(f"send to: {kind}")
    def _(sock: Any, peer: Any, scene: Scene, data: Any = data) -> Any:
        outcome = [
            ("sendto", attempt(sock.sendto, data, peer)),
            ("sendto again", (sock.sendto(b"x", peer), attempt(sock.sendto, data, peer))),
            ("sendto, flags", attempt(sock.sendto, data, 0, peer)),
            ("sendmsg", attempt(sock.sendmsg, [data], [], 0, peer)),
        ]
        return outcome, scene.everything(sock)

    @case(f"send: {kind}")
    def _(sock: Any, peer: Any, scene: Scene, data: Any = data) -> Any:
        sock.connect(peer)
        outcome = [
            ("send", attempt(sock.send, data)),
            ("send, flags", attempt(sock.send, data, socket.MSG_DONTWAIT)),
            ("sendall", attempt(sock.sendall, data)),
            ("sendmsg", attempt(sock.sendmsg, [data])),
            ("sendmsg, no list", attempt(sock.sendmsg, data)),
        ]
        return outcome, scene.everything(sock)


# Where it goes.

ADDRESSES: dict[str, Callable[[Any], Any]] = {
    "None": lambda to: None,
    "a str": lambda to: to[0],
    "a list": lambda to: list(to),
    "no items": lambda to: (),
    "1 item": lambda to: to[:1],
    "2 items": lambda to: to[:2],
    "3 items": lambda to: (*to[:2], 0),
    "4 items": lambda to: (*to[:2], 0, 0),
    "5 items": lambda to: (*to[:2], 0, 0, 0),
    "a subclass of tuple": lambda to: PAIR(to),
    "a host of None": lambda to: (None, *to[1:]),
    "a host of int": lambda to: (2130706433, *to[1:]),
    "a host of bytes": lambda to: (to[0].encode(), *to[1:]),
    "a host of bytearray": lambda to: (bytearray(to[0].encode()), *to[1:]),
    "a host with NUL": lambda to: (to[0] + "\0", *to[1:]),
    "an empty host": lambda to: ("", *to[1:]),
    "a name of 300 bytes": lambda to: ("a." * 150, to[1]),
    "a label of 300 bytes": lambda to: ("a" * 300, to[1]),
    "a name outside ASCII, too long": lambda to: ("é" * 300, to[1]),
    "port -1": lambda to: (to[0], -1),
    "port 65536": lambda to: (to[0], 65536),
    "port 2**70": lambda to: (to[0], 1 << 70),
    "a port of str": lambda to: (to[0], str(to[1])),
    "a port of None": lambda to: (to[0], None),
    "a port of float": lambda to: (to[0], float(to[1])),
    "a port with __index__": lambda to: (to[0], Index(to[1])),
}

for kind, shape in ADDRESSES.items():
    # The four are of IPv6: there they are nothing special; three are a shorter form of them,
    # which is not taken, as for TCP.
    @case(f"address: {kind}", socket.AF_INET if kind in ("3 items", "4 items") else None)
    def _(sock: Any, peer: Any, scene: Scene, shape: Row = shape) -> Any:
        to = shape(peer)
        outcome = [
            ("sendto", attempt(sock.sendto, b"1", to)),
            ("sendto again", attempt(sock.sendto, b"2", to)),
            ("sendto, flags", attempt(sock.sendto, b"3", 0, to)),
            # To sendmsg None is no address at all.
            ("sendmsg", to and attempt(sock.sendmsg, [b"4"], [], 0, to)),
            ("connect_ex", attempt(sock.connect_ex, to)),
            ("connect", attempt(sock.connect, to)),
        ]
        name = attempt(sock.getpeername), attempt(sock.send, b"5")
        sock.connect(peer)
        # With a peer of its own it must not be that which gets it.
        return outcome, name, attempt(sock.sendto, b"6", to), scene.everything(sock)


@case("address: localhost", socket.AF_INET)
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    name = ("localhost", peer[1])
    sent = sock.sendto(b"1", name), sock.sendto(b"2", name), sock.sendmsg([b"3"], [], 0, name)
    connected = sock.connect_ex(name), sock.connect(name), sock.send(b"4"), sock.sendto(b"5", peer)
    return sent, connected, [sock.recvfrom(9) for _ in range(5)]


@case("address: port 0")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    to = (peer[0], 0)
    outcome = [
        ("sendto", attempt(sock.sendto, b"1", to)),
        ("sendto, flags", attempt(sock.sendto, b"2", 0, to)),
        ("sendmsg", attempt(sock.sendmsg, [b"3"], [], 0, to)),
    ]
    return outcome, scene.everything(sock), attempt(sock.connect_ex, to)


@case("address: of the other family", socket.AF_INET)
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sent = attempt(sock.sendto, b"x", scene.foreign)
    return sent, sock.recvfrom(9) if sent == 1 else None


table(
    {
        "sendto, no argument": lambda s, to, _: s.sendto(),
        "sendto, 1 argument": lambda s, to, _: s.sendto(b"data"),
        "sendto, 4 arguments": lambda s, to, _: s.sendto(b"data", 0, to, 0),
        "sendto, flags of str": lambda s, to, _: s.sendto(b"data", "0", to),
        "sendto, flags of None": lambda s, to, _: s.sendto(b"data", None, to),
        "sendto, flags too large": lambda s, to, _: s.sendto(b"data", 1 << 40, to),
        "sendto, keyword": lambda s, to, _: s.sendto(b"data", address=to),
        "sendto, MSG_DONTWAIT": lambda s, to, scene: (
            s.sendto(b"data", socket.MSG_DONTWAIT, to),
            scene.wait(s),
            s.recvfrom(100),
        ),
        "send": lambda s, to, _: s.send(b"data"),
        "send nothing": lambda s, to, _: s.send(b""),
        "send, flags": lambda s, to, _: s.send(b"data", socket.MSG_DONTWAIT),
        "sendall": lambda s, to, _: s.sendall(b"data"),
        "sendmsg": lambda s, to, _: s.sendmsg([b"data"]),
        "sendmsg, IP_TTL": lambda s, to, _: s.sendmsg([b"data"], [TTL]),
        "sendmsg, None": lambda s, to, _: s.sendmsg([b"data"], [], 0, None),
        "sendmsg, address": lambda s, to, _: s.sendmsg([b"da", b"ta"], [], 0, to),
        "sendmsg, IP_TTL, address": lambda s, to, _: s.sendmsg([b"data"], [TTL], 0, to),
        "sendto another": lambda s, to, scene: (s.sendto(b"data", scene.other), s.recvfrom(9)),
    }
)

table(
    {
        "send, no argument": lambda s, to, _: s.send(),
        "send, keyword": lambda s, to, _: s.send(data=b"data"),
        "send, flags of None": lambda s, to, _: s.send(b"data", None),
        "send, flags too large": lambda s, to, _: s.send(b"data", 1 << 40),
        "send, MSG_MORE": lambda s, to, _: (s.send(b"da", socket.MSG_MORE), s.send(b"ta")),
        "send, several times": lambda s, to, _: [s.send(b"%d" % n) for n in range(5)],
        "sendall, MSG_NOSIGNAL": lambda s, to, _: s.sendall(b"data", socket.MSG_NOSIGNAL),
        "sendmsg of several kinds": lambda s, to, _: s.sendmsg(
            [b"1", bytearray(b"2"), memoryview(b"3"), array.array("B", [52])]
        ),
        "sendmsg of a generator": lambda s, to, _: s.sendmsg(b"%d" % n for n in range(5)),
        "sendmsg of no buffers": lambda s, to, _: s.sendmsg([]),
        "sendmsg of None": lambda s, to, _: s.sendmsg(None),
        "sendmsg, no argument": lambda s, to, _: s.sendmsg(),
        "sendmsg, keyword": lambda s, to, _: s.sendmsg([b"data"], flags=0),
        "sendmsg, flags of str": lambda s, to, _: s.sendmsg([b"data"], [], "0"),
        "sendmsg, MSG_DONTWAIT": lambda s, to, _: s.sendmsg([b"data"], [], socket.MSG_DONTWAIT),
        "sendmsg, None": lambda s, to, _: s.sendmsg([b"data"], [], 0, None),
        "sendmsg, IP_TTL": lambda s, to, _: s.sendmsg([b"data"], [TTL]),
        "sendmsg, IP_TTL from a generator": lambda s, to, _: s.sendmsg([b"data"], iter([TTL])),
        "sendmsg, ancillary data of None": lambda s, to, _: s.sendmsg([b"data"], None),
        "sendmsg, ancillary data of ints": lambda s, to, _: s.sendmsg([b"data"], [1]),
        "sendmsg, ancillary data of no items": lambda s, to, _: s.sendmsg([b"data"], [()]),
        "sendmsg, ancillary data of 2 items": lambda s, to, _: s.sendmsg([b"data"], [TTL[:2]]),
        "sendmsg, ancillary data of a list": lambda s, to, _: s.sendmsg([b"data"], [list(TTL)]),
        "sendmsg, UDP_SEGMENT": lambda s, to, _: s.sendmsg([b"data"], [UDP_SEGMENT]),
        "sendto the peer": lambda s, to, _: s.sendto(b"data", to),
        "sendto another": lambda s, to, scene: s.sendto(b"data", scene.other),
        "sendmsg to another": lambda s, to, scene: s.sendmsg([b"data"], [], 0, scene.other),
        "sendmsg_afalg": lambda s, to, _: s.sendmsg_afalg([b"data"], op=0),
    },
    connected=True,
)

table(
    {
        "send, MSG_OOB": lambda s, to, _: s.send(b"data", socket.MSG_OOB),
        "sendmsg, IP_TTL of 300": lambda s, to, _: s.sendmsg([b"data"], [BAD_TTL]),
    },
    connected=True,
    native=True,
)


# How much. Where the header counts `Scene.most` says what is to be expected.


@case("the most")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.connect(peer)
    most = scene.most
    told = most if scene.relay is None else sock.max_datagram_size  # type: ignore[attr-defined]
    data = bytes(most)
    outcome = [
        (sock.sendto(data, peer) - most, len(sock.recv(65535)) - most),
        (sock.sendto(data, peer) - most, len(sock.recv(65535)) - most),
        (sock.send(data) - most, len(sock.recv(65535)) - most),
        (sock.sendall(data), len(sock.recv(65535)) - most),
        (sock.sendmsg([data[:9], data[9:]]) - most, len(sock.recv(65535)) - most),
    ]
    return told - most, outcome


for extra in (1, 9999):

    @case(f"{extra} more than the most")
    def _(sock: Any, peer: Any, scene: Scene, extra: int = extra) -> Any:
        sock.connect(peer)
        data = bytes(scene.most + extra)
        outcome = [
            ("sendto", attempt(sock.sendto, data, peer)),
            ("sendto again", (sock.sendto(b"x", peer), attempt(sock.sendto, data, peer))),
            ("send", attempt(sock.send, data)),
            ("sendall", attempt(sock.sendall, data)),
            ("sendmsg", attempt(sock.sendmsg, [data[:9], data[9:]])),
        ]
        return outcome, scene.everything(sock)
