"""What else a socket object does: readiness, options, copies, files, threads, derived classes."""

from __future__ import annotations

import copy
import os
import pickle
import select
import selectors
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any

from .scene import SECONDS, WAKE, Scene, attempt, case

if TYPE_CHECKING:
    from collections.abc import Callable

IPV4, IPV6 = socket.AF_INET, socket.AF_INET6

# Readiness.


def polled(sock: Any, timeout: float, poll: Any) -> list[int]:
    return [mask for fd, mask in poll.poll(timeout) if fd == sock.fileno()]


@case("select")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    def ready() -> list[bool]:
        return [bool(found) for found in select.select([sock], [sock], [sock], 0)]

    before = ready()
    scene.echoed(sock, b"x")
    arrived = ready()
    sock.recv(9)
    return before, arrived, ready()


def registered_before(make: Callable[[], Any], mask: int, unit: float) -> Callable[..., Any]:
    def run(sock: Any, peer: Any, scene: Scene) -> Any:
        poll = make()
        try:
            poll.register(sock.fileno(), mask)
            before = polled(sock, 0, poll)
            sock.sendto(b"x", peer)
            woken = polled(sock, WAKE * unit, poll)
            return before, woken, sock.recv(9), polled(sock, 0, poll)
        finally:
            if hasattr(poll, "close"):
                poll.close()

    return run


case("poll, registered before the first use")(
    registered_before(select.poll, select.POLLIN, unit=1000)
)
if hasattr(select, "epoll"):
    case("epoll, registered before the first use")(
        registered_before(select.epoll, select.EPOLLIN, unit=1)
    )
    case("epoll, edge-triggered, registered before the first use")(
        registered_before(select.epoll, select.EPOLLIN | select.EPOLLET, unit=1)
    )


@case("non-blocking: a selector, registered before the first use")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.setblocking(False)
    number = sock.fileno()
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        sock.sendto(b"x", peer)
        events = [mask for _, mask in selector.select(WAKE)]
        return events, attempt(sock.recvfrom, 9), sock.fileno() == number


@case("fileno")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    number = sock.fileno()
    sock.sendto(b"x", peer)
    used = sock.fileno() == number
    sock.connect(peer)
    return number > 0, used, sock.fileno() == number


# Options.

SPACES = {"SO_SNDBUF": socket.SO_SNDBUF, "SO_RCVBUF": socket.SO_RCVBUF}
for name, option in SPACES.items():

    @case(name)
    def _(sock: Any, peer: Any, scene: Scene, option: int = option) -> Any:
        """Ours less the header, which is the largest where there is no peer."""

        def space(connected: bool) -> int:
            return sock.getsockopt(socket.SOL_SOCKET, option) + scene.header(connected)

        default = space(False)
        sock.setsockopt(socket.SOL_SOCKET, option, 50_000)
        unconnected = space(False)
        sock.connect(peer)
        return default, unconnected, space(True)

    @case(f"{name} as bytes")
    def _(sock: Any, peer: Any, scene: Scene, option: int = option) -> Any:
        sock.connect(peer)
        (space,) = struct.unpack("i", sock.getsockopt(socket.SOL_SOCKET, option, 4))
        return space + scene.header()


OPTIONS: dict[str, Callable[..., Any]] = {
    "SO_TYPE": lambda s: s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE),
    "SO_ERROR": lambda s: s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
    "SO_BROADCAST": lambda s: [
        s.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST),
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1),
        s.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST),
    ],
    "SO_BROADCAST as bytes": lambda s: [
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, struct.pack("i", 1)),
        s.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 4),
    ],
    "SO_LINGER as bytes": lambda s: [
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 2)),
        s.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8),
    ],
    "None with a length": lambda s: s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, None, 4),
    "an unknown one": lambda s: s.getsockopt(socket.SOL_SOCKET, 9999),
    "an unknown one, set": lambda s: s.setsockopt(socket.SOL_SOCKET, 9999, 1),
    "a value of str": lambda s: s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, "1"),
    "a value too short": lambda s: s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, b"1"),
    "a level of str": lambda s: s.getsockopt("1", 1),
    "a length too large": lambda s: s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE, 5000),
    "no arguments": lambda s: s.getsockopt(),
    "no arguments, set": lambda s: s.setsockopt(),
    "TCP_NODELAY": lambda s: s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
}
for name, call in OPTIONS.items():

    @case(f"option: {name}")
    def _(sock: Any, peer: Any, scene: Scene, call: Any = call) -> Any:
        before = attempt(call, sock)
        sock.sendto(b"x", peer)
        return before, attempt(call, sock), scene.everything(sock)


@case("option: UDP_CORK")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    return attempt(sock.setsockopt, socket.IPPROTO_UDP, 1, 1)


@case("option: kept by the first use")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 3)
    sock.sendto(b"x", peer)
    options = socket.SO_BROADCAST, socket.SO_PRIORITY
    return [sock.getsockopt(socket.SOL_SOCKET, option) for option in options]


@case("option: IP_TTL, kept by the first use", IPV4, native=True)
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 33)
    sock.sendto(b"x", peer)
    return sock.getsockopt(socket.IPPROTO_IP, socket.IP_TTL), sock.recv(9)


# What else a socket object has.


@case("makefile")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.connect(peer)
    with sock.makefile("rwb", buffering=0) as file:
        written = file.write(b"one"), file.write(b"two")
        read = file.read(2), file.read(9)
    return written, read, sock.send(b"x"), sock.recv(9)


@case("makefile, buffered, the socket closed")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.connect(peer)
    file = sock.makefile("rwb")
    sock.close()
    with file:
        file.write(b"a line\n")
        file.flush()
        return file.readline(), attempt(sock.send, b"x") and sock.fileno() > 0


@case("dup")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    with sock.dup() as twin:
        twin.settimeout(SECONDS)
        both = sock.sendto(b"x", peer), twin.recvfrom(9), twin.sendto(b"y", peer), sock.recvfrom(9)
        twin.close()
        first = sock.sendto(b"x", peer), sock.recv(9), attempt(twin.recv, 9)
    third = sock.dup()
    sock.close()
    with third:
        third.settimeout(SECONDS)
        return both, first, third.sendto(b"z", peer), third.recvfrom(9), attempt(sock.recv, 9)


@case("dup, connected")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.connect(peer)
    with sock.dup() as twin:
        twin.settimeout(SECONDS)
        return type(twin) is type(sock), twin.getpeername(), twin.send(b"x"), twin.recvfrom(9)


@case("dup, connected afterwards")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    with sock.dup() as twin:
        twin.settimeout(SECONDS)
        sock.connect(peer)
        return attempt(twin.getpeername), attempt(twin.send, b"x"), scene.everything(sock)


@case("sendfile")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.connect(peer)
    with open(__file__, "rb") as file:
        return attempt(sock.sendfile, file), scene.everything(sock)


@case("pickle and copy")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    return attempt(pickle.dumps, sock), attempt(copy.copy, sock), scene.everything(sock)


@case("what it is")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    def looks() -> list[Any]:
        inherits = sock.get_inheritable(), os.get_inheritable(sock.fileno())
        return [sock.family, sock.type, sock.proto, sock.gettimeout(), sock.getblocking(), inherits]

    before = looks()
    sock.sendto(b"x", peer)
    return before, looks(), isinstance(sock, socket.socket)


@case("set_inheritable")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.set_inheritable(True)
    sock.sendto(b"x", peer)
    return sock.get_inheritable(), sock.recv(9)


@case("several peers")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    for payload in (b"one", b"two", b"three"):
        sock.sendto(payload, peer)
        sock.sendto(payload, scene.other)
    return sorted(sock.recvfrom(9) for _ in range(6)), scene.everything(sock)


@case("two threads")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    received: list[Any] = []
    thread = threading.Thread(
        target=lambda: received.extend(attempt(sock.recvfrom, 9) for _ in range(50))
    )
    thread.start()
    for number in range(50):
        sock.sendto(b"%d" % number, peer)
    thread.join()
    return sorted(received) if all(type(one) is tuple for one in received) else received


@case("a derived class")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    class My(scene.kind):  # type: ignore[name-defined,misc]
        def sendto(self, data: Any, *args: Any) -> int:
            return int(super().sendto(b"my " + data, *args))

        def recv(self, *args: Any) -> bytes:
            return bytes(super().recv(*args)) + b"!"

    with scene.make(My) as mine:
        looks = isinstance(mine, My), type(mine).__name__, My.__name__
        return looks, mine.sendto(b"data", peer), mine.recv(20)


@case("a derived class with slots and arguments of its own")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    class My(scene.kind):  # type: ignore[name-defined,misc]
        __slots__ = ("name",)

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.name = "mine"

    with scene.make(My) as mine:
        return mine.name, mine.sendto(b"data", peer), mine.recvfrom(20)


# IPv6: both families through one socket.


@case("IPv4 peers of an IPv6 socket", IPV6, fresh=True)
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    foreign = scene.foreign
    answers = [
        (sock.sendto(b"%d" % number, to), sock.recvfrom(9))
        for number, to in enumerate((foreign, peer, foreign[:2], peer[:2]))
    ]
    sock.connect(foreign)
    return answers, sock.getpeername(), sock.send(b"x"), sock.recvmsg(9)


@case("an IPv6 socket for IPv6 alone", IPV6, fresh=True)
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sent = attempt(sock.sendto, b"x", scene.foreign)
    return sent, sock.recvfrom(9) if sent == 1 else None


@case("IPv6 with a flow label and a scope", IPV6)
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    return sock.sendto(b"x", (*peer[:2], 0, 1)), sock.recvfrom(9)
