"""CONNECT, and what every command begins with: the conversation with the proxies."""

from __future__ import annotations

import socket
from collections import namedtuple
from itertools import pairwise

from ..errors import HandshakeTimeout, RemoteProtocolError, ReplyError, SocksError
from ..handshake import Connected, Handshake
from ..protocol import Address, Command, Reply, Request
from ..protocol.usual import REPLY_START, usual_turns
from ..proxy import NO_AUTH
from ..recent import note_destination, recent
from ..route import DIRECT, find_route
from .deadline import Deadline, is_timeout
from .dial import dial, look_up, unknown_proxy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..handshake import Trace
    from ..proxy import Proxy
    from ..route import Chain, ProxyLike


def connect(
    address: tuple[str | bytes, int] | tuple[str, int, int, int],
    *,
    proxy: ProxyLike = None,
    timeout: float | None = None,
) -> socket.socket:
    """A plain `socket.socket`, connected to `address` through `proxy`, in blocking mode.

    Parameters: `address`, ("host", port), or the four of IPv6; `proxy`, as everywhere (see
    `socks5client.connect`); `timeout`, in seconds, for all of it, None for no limit. Looking
    up a name with the system's resolver cannot be interrupted and is not bounded.

    Raises a SocksError, or the system's `gaierror` where a name is looked up here; ValueError
    for what cannot be, before any I/O. Source: RFC 1928 section 4, CONNECT.
    """
    target = Address.from_tuple(address)
    route = find_route(proxy)
    deadline = Deadline.after(timeout)
    if route is DIRECT:
        return socket.create_connection(target, timeout)
    sock = open_tunnel(route, target, deadline).plain()
    sock.settimeout(None)
    return sock


class Tunnel(namedtuple("Tunnel", ("wire", "reply", "handshake"))):
    """What a conversation with the proxies came to.

    `wire` is the connection to the first of them; `reply` the last one's, of BIND the first;
    `handshake` how it went, None where it was the usual exchange.
    """

    __slots__ = ()
    wire: socket.socket
    reply: Reply
    handshake: Handshake | None

    def plain(self) -> socket.socket:
        """The socket that carries the user's bytes: the wire, unless something wraps them."""
        if self.handshake is None or not self.handshake.layers:
            return self.wire
        from .._bridge import bridge  # threads, which most programs never need

        return bridge(self.wire, self.handshake.layers, self.handshake.trailing_data)


def open_tunnel(
    chain: Chain,
    target: Address,
    deadline: Deadline | None,
    *,
    command: Command = Command.CONNECT,
    family: int = 0,
    source_address: tuple[str, int] | None = None,
    socket_options: Iterable[tuple[int, int, int | bytes]] = (),
    all_errors: bool = False,
    trace: Trace | None = None,
    make: Callable[[int], socket.socket] = socket.socket,
) -> Tunnel:
    """Asks the last proxy of `chain`, through the others, for `command` with `target`.

    `make` makes an unconnected TCP socket of a family. `family` limits the addresses where
    `target` is a name that is looked up here; each is tried until the last proxy takes one.
    `source_address` and `socket_options` are for the connection to the first proxy (not for a
    unix socket). Where all addresses fail, the first error is raised, or with `all_errors` an
    ExceptionGroup of all, as `socket.create_connection` does.
    """
    hops = [_next_hop(*pair, target) for pair in pairwise(chain)] if len(chain) > 1 else ()
    usual = (
        len(chain) == 1
        and chain[0].auth == NO_AUTH
        and not chain[0].tls
        and trace is None
        and command is not Command.BIND
    )
    failures: list[ReplyError] = []
    for address in (target,) if chain[-1].remote_dns else look_up(target, family):
        wire = dial(chain[0], target, deadline, source_address, socket_options, make)
        try:
            if trace is not None:
                trace(chain[0], Connected(wire.getpeername()))
            request = Request(command, address)
            handshake = None
            if usual:
                reply = _run_usual(chain, request, wire, deadline)
            else:
                handshake = Handshake(chain, request, hops=hops, trace=trace)
                reply = run(handshake, wire, deadline)
            if command is Command.CONNECT and recent.get()[:1] != ((chain, address),):
                note_destination(chain, address)
            return Tunnel(wire, reply, handshake)
        except ReplyError as error:
            wire.close()
            failures.append(error)
        except BaseException:
            wire.close()
            raise
    try:
        if all_errors:
            raise ExceptionGroup("the proxy reached none of the addresses", failures)
        raise failures[0]
    finally:
        failures.clear()  # an error's traceback holds this frame


def _next_hop(before: Proxy, hop: Proxy, target: Address) -> Address:
    """What to ask the proxy `before` for, to reach the proxy `hop`."""
    address = Address(hop.host, hop.port)
    try:
        return address if before.remote_dns else look_up(address)[0]
    except socket.gaierror as error:
        raise unknown_proxy(hop, target, error) from error


def run(handshake: Handshake, sock: socket.socket, deadline: Deadline | None) -> Reply:
    """Moves the bytes of `handshake` over `sock`, until there is a reply (of BIND, the first)."""
    while True:
        data = handshake.data_to_send()
        try:
            if data:
                if deadline is not None:
                    deadline.apply(sock)
                sock.sendall(data)
            if deadline is not None:
                deadline.apply(sock)
            data = sock.recv(handshake.bytes_needed)
        except OSError as error:
            raise handshake.placed(broken(error)) from error
        handshake.receive_data(data)
        reply = handshake.rendezvous or handshake.reply
        if reply is not None:
            return reply


def _run_usual(
    chain: Chain, request: Request, sock: socket.socket, deadline: Deadline | None
) -> Reply:
    """The usual exchange, as long as it is that; else all is left to a `Handshake`."""
    received = b""
    failure = None
    try:
        for send, count, start in usual_turns(request):
            if deadline is not None:
                deadline.apply(sock)
            if send:
                sock.sendall(send)
            data = sock.recv(count)
            received += data
            if len(data) < count or not data.startswith(start):
                break
        else:
            return Reply(0, received[REPLY_START + 3 :])
    except OSError as error:
        failure = error
    handshake = Handshake(chain, request)
    if received:
        handshake.receive_data(received)
    if failure is not None:
        raise handshake.placed(broken(failure)) from failure
    handshake.data_to_send()  # that has been sent
    return run(handshake, sock, deadline)


def broken(error: OSError) -> SocksError:
    """What an error of the connection means in the middle of the handshake."""
    if is_timeout(error):
        return HandshakeTimeout("the proxy did not finish the handshake in time")
    return RemoteProtocolError(
        f"the connection to the proxy broke in the handshake: {error.strerror or error}"
    )
