"""What every command begins with: the conversation with the proxies."""

from __future__ import annotations

import socket
from collections import namedtuple
from functools import partial
from itertools import pairwise

from .._plain import handed_out
from ..errors import HandshakeTimeout, RemoteProtocolError, ReplyError, SocksError
from ..handshake import Connected, Handshake
from ..protocol import Address, Command, Reply, Request
from ..protocol.encapsulation import wrap
from ..protocol.usual import ADDRESS_START, usual_turns
from .deadline import is_timeout
from .dial import dial, look_up, unknown_proxy
from .waiting import Aside, Wait, receive, send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..handshake import Trace
    from ..proxy import Proxy
    from ..route import Chain
    from .deadline import Deadline
    from .waiting import Waiting


# Each connection makes these: a member of an Enum, and a named tuple by its name, are slow.
_BIND = Command.BIND
_new = tuple.__new__

# More might fill the proxy's buffers, and then it could not answer that it refuses.
MAX_EARLY_DATA = 16384


class Tunnel(namedtuple("Tunnel", ("wire", "reply", "handshake", "address"))):
    """What a conversation with the proxies came to.

    `wire` is the connection to the first of them; `reply` the last one's, of BIND the first;
    `handshake` how it went, None where it was the usual exchange; `address` what the last one was
    asked for.
    """

    __slots__ = ()
    wire: socket.socket
    reply: Reply
    handshake: Handshake | None
    address: Address

    def close(self) -> None:
        """Gives it up."""
        self.wire.close()

    def plain(self) -> socket.socket:
        """The socket that carries the user's bytes: the wire, unless something wraps them."""
        if self.handshake is None or not self.handshake.layers:
            return handed_out(self.wire)
        from .._bridge import bridge  # threads, which most programs never need

        layers, received = self.handshake.layers, self.handshake.trailing_data
        return handed_out(bridge(self.wire, layers, received))


def open_tunnel(
    chain: Chain,
    target: Address,
    deadline: Deadline | None = None,
    *,
    make: Callable[[int], socket.socket],
    command: Command = Command.CONNECT,
    family: int = 0,
    source_address: tuple[str, int] | None = None,
    socket_options: Iterable[tuple[int, int, int | bytes]] = (),
    all_errors: bool = False,
    early_data: bytes = b"",
    trace: Trace | None = None,
) -> Waiting[Tunnel]:
    """What the last proxy of `chain`, through the others, says to `command` with `target`.

    `make` makes an unconnected TCP socket of a family; where it blocks, `deadline` bounds it.
    `family` limits the addresses where `target` is a name that is looked up here; each is tried
    until the last proxy takes one. `source_address` and `socket_options` are for the connection
    to the first proxy (not for a unix socket). Where all addresses fail, the first error is
    raised, or with `all_errors` an ExceptionGroup of all, as `socket.create_connection` does.
    `early_data` is sent to `target` as soon as may be: with the request, where the last proxy is
    pipelined, else behind the reply. `trace` is called with a `Proxy` and each message of the
    handshake. Raises a SocksError, the system's `gaierror` where a name is looked up here, or
    ValueError for more early data than 16384 bytes.
    """
    if len(early_data) > MAX_EARLY_DATA:
        raise ValueError(f"{len(early_data)} bytes of early data; {MAX_EARLY_DATA} is the most")
    first, last, single = chain[0], chain[-1], len(chain) == 1
    hops = None if single else (yield from _next_hops(chain, target))
    usual = single and first.is_usual and trace is None and command is not _BIND
    failures: list[ReplyError] = []
    addresses: Sequence[Address] = (target,)
    if not last.remote_dns:
        addresses = yield from _looked_up(target, family, last, target)
    for address in addresses:
        wire = yield from dial(first, target, deadline, source_address, socket_options, make)
        try:
            if trace is not None:
                trace(first, Connected(wire.getpeername()))
            handshake = None
            if usual:
                reply = yield from _run_usual(chain, command, address, wire, deadline)
            else:
                request = Request(command, address)
                handshake = Handshake(chain, request, hops=hops, early_data=early_data, trace=trace)
                reply = yield from _run(handshake, wire, deadline)
            if early_data and not last.pipelined:
                handshake = handshake or Handshake(chain, Request(command, address))
                yield from _send_early(early_data, handshake, wire, deadline)
            return _new(Tunnel, (wire, reply, handshake, address))
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


def _send_early(
    data: bytes, handshake: Handshake, sock: socket.socket, deadline: Deadline | None
) -> Waiting[None]:
    """What did not go with the request, since the proxy is not pipelined."""
    try:
        yield from send(sock, wrap(handshake.layers, data), deadline)
    except OSError as error:
        raise handshake.placed(broken(error)) from error


def _next_hops(chain: Chain, target: Address) -> Waiting[list[Address]]:
    """What to ask each proxy but the last for, to reach the next one."""
    hops = []
    for before, hop in pairwise(chain):
        address = Address(hop.host, hop.port)
        if not before.remote_dns:
            try:
                address, *_ = yield from _looked_up(address, 0, hop, target)
            except socket.gaierror as error:
                raise unknown_proxy(hop, target, error) from error
        hops.append(address)
    return hops


def _looked_up(
    address: Address, family: int, proxy: Proxy, target: Address
) -> Waiting[Sequence[Address]]:
    """What `look_up` says; where that takes too long, the error is about `proxy`."""
    try:
        return (yield from look_up(address, family))
    except TimeoutError as error:
        if not is_timeout(error):
            raise
        raise HandshakeTimeout(
            "a name was not looked up in time", proxy=proxy, target=target
        ) from error


def _run(handshake: Handshake, sock: socket.socket, deadline: Deadline | None) -> Waiting[Reply]:
    """Moves the bytes of `handshake` over `sock`, until there is a reply (of BIND, the first)."""
    while True:
        data = handshake.data_to_send()
        try:
            if data:
                yield from send(sock, data, deadline)
            data = yield from receive(sock, handshake.bytes_needed, deadline, answer=bool(data))
        except OSError as error:
            raise handshake.placed(broken(error)) from error
        if handshake.blocks:
            try:
                yield Aside(partial(handshake.receive_data, data))
            except TimeoutError as error:
                if not is_timeout(error):
                    raise
                raise handshake.placed(broken(error)) from error
        else:
            handshake.receive_data(data)
        reply = handshake.rendezvous or handshake.reply
        if reply is not None:
            return reply


def _run_usual(
    chain: Chain,
    command: Command,
    address: Address,
    sock: socket.socket,
    deadline: Deadline | None,
) -> Waiting[Reply]:
    """The usual exchange, as long as it is that; else all is left to a `Handshake`.

    All in one frame: right after the kernel has waited each call costs microseconds.
    """
    received = b""
    failure = None
    blocks = sock.gettimeout() != 0
    try:
        for message, count, usual in usual_turns(command, address):
            if deadline is not None:
                deadline.apply(sock)
            if message:
                sock.sendall(message)  # a new connection takes so few bytes at once
                if not blocks:
                    yield Wait((sock,))
            while True:
                try:
                    data = sock.recv(count)
                    break
                except BlockingIOError:
                    yield Wait((sock,))
            received += data
            if data != usual and (usual is not None or len(data) < count):
                break
        else:
            return _new(Reply, (0, received[ADDRESS_START:]))
    except OSError as error:
        failure = error
    handshake = Handshake(chain, Request(command, address))
    if received:
        handshake.receive_data(received)
    if failure is not None:
        raise handshake.placed(broken(failure)) from failure
    handshake.data_to_send()  # that has been sent
    return (yield from _run(handshake, sock, deadline))


def broken(error: OSError) -> SocksError:
    """What `error`, of the connection, means in the middle of the handshake."""
    if is_timeout(error):
        return HandshakeTimeout("the proxy did not finish the handshake in time")
    return RemoteProtocolError(
        f"the connection to the proxy broke in the handshake: {error.strerror or error}"
    )
