"""What every command begins with: the conversation with the proxies."""

from __future__ import annotations

import socket
from collections import namedtuple
from itertools import pairwise

from .._plain import handed_out
from ..errors import HandshakeTimeout, ReplyError
from ..handshake import Connected, Handshake
from ..protocol import Address, Command, Reply, Request
from ..protocol.encapsulation import wrap
from .conversing import broken, converse, converse_as_usual
from .deadline import is_timeout
from .dial import (
    begin_to_connect,
    dial,
    literal,
    look_up,
    unknown_proxy,
    unreached,
    until_connected,
)
from .waiting import send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..handshake import Trace
    from ..proxy import Proxy
    from ..route import Chain
    from .deadline import Deadline
    from .dial import Way
    from .waiting import Waiting


# Each tunnel needs these: a member of an Enum is slow to reach, and Tunnel(...) to call.
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
    if command is not _BIND and not (
        source_address or socket_options or all_errors or early_data or trace
    ):
        way = usual_way(chain)
        if way is not None:
            return _open_as_usual(chain, command, target, way, deadline, make)
    if len(early_data) > MAX_EARLY_DATA:
        raise ValueError(f"{len(early_data)} bytes of early data; {MAX_EARLY_DATA} is the most")
    return _open(
        chain,
        target,
        deadline,
        make,
        command,
        family,
        source_address,
        socket_options,
        all_errors,
        early_data,
        trace,
    )


def usual_way(chain: Chain) -> Way | None:
    """The way to the only proxy of `chain`, an IP address, where nothing else is unusual either."""
    first = chain[0]
    if len(chain) == 1 and first.is_usual and first.remote_dns:
        ways = literal(first.host, first.port)
        if ways:
            return ways[0]
    return None


def _open_as_usual(
    chain: Chain,
    command: Command,
    target: Address,
    way: Way,
    deadline: Deadline | None,
    make: Callable[[int], socket.socket],
) -> Waiting[Tunnel]:
    """Nearly every tunnel is this one: to a proxy with an IP address, and the usual exchange."""
    family, address = way
    try:
        sock = make(family)
    except OSError as error:
        raise unreached(chain[0], target, error) from error
    try:
        try:
            try:
                begin_to_connect(sock, address, deadline)
            except BlockingIOError:  # it is on its way
                yield from until_connected(sock)
        except OSError as error:
            raise unreached(chain[0], target, error) from error
        reply = yield from converse_as_usual(chain, command, target, sock, deadline)
    except BaseException:
        sock.close()
        raise
    return _new(Tunnel, (sock, reply, None, target))


def _open(
    chain: Chain,
    target: Address,
    deadline: Deadline | None,
    make: Callable[[int], socket.socket],
    command: Command,
    family: int,
    source_address: tuple[str, int] | None,
    socket_options: Iterable[tuple[int, int, int | bytes]],
    all_errors: bool,
    early_data: bytes,
    trace: Trace | None,
) -> Waiting[Tunnel]:
    """Any other."""
    first, last = chain[0], chain[-1]
    usual = len(chain) == 1 and first.is_usual and trace is None and command is not _BIND
    hops = (yield from _next_hops(chain, target)) if len(chain) > 1 else None
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
                reply = yield from converse_as_usual(chain, command, address, wire, deadline)
            else:
                request = Request(command, address)
                handshake = Handshake(chain, request, hops=hops, early_data=early_data, trace=trace)
                reply = yield from converse(handshake, wire, deadline)
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
