"""What a socket is: connected, bound, shut down, closed."""

from __future__ import annotations

import os
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from .receiving import RECEIVE
from .scene import SHORT, Scene, attempt, case

if TYPE_CHECKING:
    from collections.abc import Callable

IPV4, IPV6 = socket.AF_INET, socket.AF_INET6
SHUT = {"RD": socket.SHUT_RD, "WR": socket.SHUT_WR, "RDWR": socket.SHUT_RDWR}

# Connecting.


@case("connect, then only from the peer")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.connect(peer)
    sock.sendto(b"other's", scene.other)
    # Time enough for the answer, had it a way to arrive.
    return [(sock.send(b"%d" % number), sock.recvfrom(100)) for number in range(20)]


@case("connect to another")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.connect(scene.other)
    sock.send(b"one")
    before = sock.getpeername(), sock.recv(100)
    sock.connect(peer)
    sock.sendto(b"other's", scene.other)
    sock.send(b"two")
    return before, sock.getpeername(), sock.recvfrom(100), scene.everything(sock)


@case("connect with another's datagram in the queue")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.sendto(b"other's", scene.other)
    scene.wait(sock)
    sock.connect(peer)
    return scene.everything(sock)


@case("connect_ex")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    return sock.connect_ex(peer), sock.getpeername(), sock.send(b"x"), sock.recv(9)


@case("getpeername")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    before = attempt(sock.getpeername)
    sock.sendto(b"x", peer)
    unconnected = attempt(sock.getpeername)
    sock.connect(peer)
    return before, unconnected, sock.getpeername(), sock.recv(9)


@case("getpeername of a name", IPV4)
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.connect(("localhost", peer[1]))
    return sock.getpeername(), sock.send(b"x"), sock.recvfrom(9)


def nobody(scene: Scene) -> Any:
    """An address where nobody listens."""
    with socket.socket(scene.family, socket.SOCK_DGRAM) as sock:
        sock.bind((scene.loopback, 0))
        return sock.getsockname()


@case("connected where nobody listens")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.connect(nobody(scene))
    sock.settimeout(SHORT)
    return sock.send(b"x"), attempt(sock.recv, 9)


@case("sendto where nobody listens")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.settimeout(SHORT)
    sent = sock.sendto(b"x", nobody(scene)), attempt(sock.recv, 9)
    return sent, attempt(sock.sendto, b"y", peer), scene.everything(sock)


@case("non-blocking: connect, send, recv")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.setblocking(False)
    sock.connect(peer)
    sent = sock.send(b"x"), sock.sendall(b"y"), sock.sendmsg([b"z"])
    scene.wait(sock)
    return sent, sock.recvfrom(9), scene.everything(sock)


@case("non-blocking: sendto, recvfrom")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.setblocking(False)
    sent = sock.sendto(b"x", peer), sock.sendto(b"y", scene.other), attempt(sock.recv, 0)
    too_large = attempt(sock.sendto, bytes(65536), peer)
    scene.wait(sock)
    first = sock.recvfrom(9)
    scene.wait(sock)
    return sent, too_large, sorted([first, sock.recvfrom(9)]), attempt(sock.recvfrom, 9)


@case("SOCK_NONBLOCK")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    with scene.make(flags=getattr(socket, "SOCK_NONBLOCK", 0)) as other:
        other.setblocking(False)
        return other.type, other.gettimeout(), attempt(other.recv, 9)


# Names of its own. The host is the system's choice, and another one where the socket is connected,
# be it to the relay; a port stays.


def is_local(address: Any) -> bool:
    """Whether it is on loopback, or on any address."""
    host = ip_address(address[0])
    host = getattr(host, "ipv4_mapped", None) or host
    return host.is_loopback or host.is_unspecified


def bound(address: str, first_use: Callable[..., Any]) -> Callable[..., Any]:
    def run(sock: Any, peer: Any, scene: Scene) -> Any:
        sock.bind((scene.loopback if address == "loopback" else address, 0))
        before = sock.getsockname()
        first_use(sock, peer)
        after = sock.getsockname()
        names = (before[0], before[2:], before[1] > 0), is_local(after), before[1] == after[1]
        return names, scene.everything(sock)

    return run


for address in ("loopback", ""):
    where = address or "any address"
    # A local address of another family than the relay's is refused: nothing leads there from it.
    options = {"fresh": True, "native": address == "loopback"}
    case(f"bind to {where}, sendto", **options)(bound(address, lambda s, to: s.sendto(b"x", to)))
    case(f"bind to {where}, connect", **options)(bound(address, lambda s, to: s.connect(to)))


@case("getsockname before use", fresh=True)
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    return sock.getsockname()


@case("getsockname after sendto")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.sendto(b"x", peer)
    return is_local(sock.getsockname()), sock.getsockname()[1] > 0, len(sock.getsockname())


@case("getsockname after connect")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.connect(peer)
    return is_local(sock.getsockname()), sock.getsockname()[1] > 0, len(sock.getsockname())


@case("bind twice", fresh=True, native=True)
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    address = (scene.loopback, 0)
    return attempt(sock.bind, address), attempt(sock.bind, address), scene.everything(sock)


@case("bind after use", native=True)
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.sendto(b"x", peer)
    return attempt(sock.bind, (scene.loopback, 0)), scene.everything(sock)


@case("bind to what is taken, or not here, or none", fresh=True, native=True)
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    elsewhere = "2001:db8::1" if scene.family == IPV6 else "192.0.2.1"
    addresses = (peer, (elsewhere, 0), scene.loopback, (scene.loopback,), (scene.loopback, -1))
    return [attempt(sock.bind, address) for address in addresses], scene.everything(sock)


# The end.


@case("listen")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    return attempt(sock.listen), attempt(sock.listen, 5), scene.everything(sock)


@case("accept")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.settimeout(None)
    return attempt(sock.accept), scene.everything(sock)


for how in SHUT:

    @case(f"shutdown {how}, unconnected")
    def _(sock: Any, peer: Any, scene: Scene, how: str = how) -> Any:
        scene.echoed(sock, b"waits")
        sock.settimeout(None)
        outcome = [attempt(sock.shutdown, SHUT[how]), sock.recvfrom(9)]
        if how != "WR":
            outcome += [sock.recvfrom(9), sock.recv(9), sock.recvmsg(9)]
        return outcome, attempt(sock.sendto, b"x", peer)

    @case(f"shutdown {how}, connected")
    def _(sock: Any, peer: Any, scene: Scene, how: str = how) -> Any:
        sock.connect(peer)
        scene.echoed(sock, b"waits")
        sock.settimeout(None)
        outcome = [attempt(sock.shutdown, SHUT[how]), sock.recvfrom(9)]
        if how != "WR":
            outcome += [sock.recvfrom(9), sock.recv(9), sock.recvmsg_into([bytearray(9)])]
        return outcome, attempt(sock.send, b"x"), attempt(sock.sendto, b"x", peer)

    @case(f"shutdown {how} at first")
    def _(sock: Any, peer: Any, scene: Scene, how: str = how) -> Any:
        sock.settimeout(None)
        outcome = [attempt(sock.shutdown, SHUT[how])]
        if how != "RD":  # or what comes back may be there in time
            outcome.append(attempt(sock.sendto, b"x", peer))
        return outcome, how != "WR" and attempt(sock.recvfrom, 9)


@case("shutdown with another number")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.connect(peer)
    return attempt(sock.shutdown, 7), attempt(sock.shutdown, "0"), scene.everything(sock)


CLOSED: dict[str, Callable[..., Any]] = {
    **{name: lambda s, to, call=call: call(s, 0) for name, call in RECEIVE.items()},
    "recv 0": lambda s, to: s.recv(0),
    "recv -1": lambda s, to: s.recv(-1),
    "recv_into no bytes": lambda s, to: s.recv_into(bytearray()),
    "send": lambda s, to: s.send(b"x"),
    "sendall": lambda s, to: s.sendall(b"x"),
    "sendmsg": lambda s, to: s.sendmsg([b"x"]),
    "sendmsg to": lambda s, to: s.sendmsg([b"x"], [], 0, to),
    "sendto": lambda s, to: s.sendto(b"x", to),
    "sendto with flags": lambda s, to: s.sendto(b"x", 0, to),
    "sendto port 0": lambda s, to: s.sendto(b"x", (to[0], 0)),
    "sendto too much": lambda s, to: s.sendto(bytes(70000), to),
    "connect": lambda s, to: s.connect(to),
    "connect_ex": lambda s, to: s.connect_ex(to),
    "bind": lambda s, to: s.bind(("", 0)),
    "listen": lambda s, to: s.listen(),
    "accept": lambda s, to: s.accept(),
    "shutdown": lambda s, to: s.shutdown(socket.SHUT_RD),
    "getpeername": lambda s, to: s.getpeername(),
    "getsockname": lambda s, to: s.getsockname(),
    "getsockopt": lambda s, to: s.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF),
    "setsockopt": lambda s, to: s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1),
    "setblocking": lambda s, to: s.setblocking(True),
    "settimeout": lambda s, to: s.settimeout(1),
    "gettimeout": lambda s, to: s.gettimeout(),
    "dup": lambda s, to: s.dup(),
    "fileno": lambda s, to: s.fileno(),
    "detach": lambda s, to: s.detach(),
    "close": lambda s, to: s.close(),
    "get_inheritable": lambda s, to: s.get_inheritable(),
    "makefile": lambda s, to: s.makefile("rwb", buffering=0).write(b"x"),
}


@case("closed")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.close()
    return [(name, attempt(call, sock, peer)) for name, call in CLOSED.items()]


@case("closed, having been connected")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.connect(peer)
    sock.send(b"x")
    sock.recv(9)
    sock.close()
    return [(name, attempt(call, sock, peer)) for name, call in CLOSED.items()]


@case("with")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    with sock as same:
        same.sendto(b"x", peer)
        received = same.recv(9)
    return same is sock, received, sock.fileno(), attempt(sock.recv, 9)


@case("detach")
def _(sock: Any, peer: Any, scene: Scene) -> Any:
    sock.sendto(b"x", peer)
    number = sock.fileno()
    fd = sock.detach()
    os.close(fd)
    return fd == number, sock.fileno(), attempt(sock.sendto, b"x", peer), attempt(sock.recv, 9)
