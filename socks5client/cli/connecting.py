"""Sockets through the proxy, as the options want them; for every protocol."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .._plain import handed_out
from ..errors import ReplyError
from ..handshake import Connected
from ..protocol import Address
from ..sync import open_tunnel, run
from ..tunnel import Deadline
from ..tunnel.dial import reach
from .lookups import look_up
from .sockets import maker
from .targets import Targets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..proxy import Proxy
    from ..route import Chain
    from .transfer import Transfer

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


@dataclass
class Connection:
    """`sock` carries the user's bytes; `local` and `remote` are the ends of the TCP connection.

    It goes through the proxies `chain` (None: directly) to `host`: the name or address that the
    last proxy was asked for.
    """

    sock: socket.socket
    local: tuple[str, int]
    remote: tuple[str, int]
    chain: Chain | None
    host: str


def connect(transfer: Transfer, host: str, port: int) -> Connection:
    """Raises SocksError, OSError, UsageError or TransferError."""
    options = transfer.options
    deadline = Deadline.after(transfer.deadline.connecting())
    # What the URL says is what NO_PROXY is about, as in curl.
    chain = transfer.way(host, port)
    targets = transfer.session.shared(("targets", options), lambda: Targets.of(options))
    host, port = targets.place(host, port)
    family = _FAMILIES.get(options.ip_version or 0, 0)
    dial = _Dial(transfer, deadline, family)
    if chain is None:
        addresses = targets.known(host, port) or (host,)
        return _first_of(addresses, lambda address: dial.directly(address, port))
    chain = _placed(chain, targets)
    addresses = (host,)
    if options.dns == "tunnel" or not chain[-1].remote_dns:
        known = targets.known(host, port)
        if options.dns == "tunnel" and not known:
            left = transfer.deadline.connect_left()
            known = tuple(look_up(transfer.session, options, chain, host, family, left))
        addresses = known or addresses
    connection = _first_of(addresses, lambda address: dial.through(chain, address, port))
    transfer.mark("tunnel")
    return connection


def connect_beside(transfer: Transfer, before: Connection, port: int) -> Connection:
    """To another port of the very host that `before` leads to, on the same way. Raises alike."""
    deadline = Deadline.after(transfer.deadline.connecting())
    dial = _Dial(transfer, deadline, 0)
    if before.chain is None:
        return dial.directly(before.host, port)
    return dial.through(before.chain, before.host, port)


class _Dial:
    """One attempt after the other, until `deadline`."""

    def __init__(self, transfer: Transfer, deadline: Deadline | None, family: int) -> None:
        self._wires = _Wires(transfer)
        self._make = maker(transfer.options, self._wires.add)
        self._deadline = deadline
        self._family = family

    def directly(self, host: str, port: int) -> Connection:
        deadline = self._deadline
        sock = run(reach(Address(host, port), self._make, deadline=deadline), deadline)
        self._wires.connected(sock.getpeername())
        local, remote = _ends(sock)
        return Connection(handed_out(sock), local, remote, None, remote[0])

    def through(self, chain: Chain, host: str, port: int) -> Connection:
        tunnel = open_tunnel(
            chain,
            Address(host, port),
            self._deadline,
            make=self._make,
            family=self._family,
            trace=self._wires.trace,
        )
        ends = _ends(tunnel.wire)
        return Connection(tunnel.plain(), *ends, chain, tunnel.address.host)


class _Wires:
    """The sockets that are tried, one of which becomes a connection."""

    def __init__(self, transfer: Transfer) -> None:
        self._transfer = transfer
        self._made: list[socket.socket] = []

    def add(self, sock: socket.socket) -> None:
        if not self._made:  # who makes a socket knows an address
            self._transfer.mark("namelookup")
        self._made.append(sock)
        self._transfer.session.opened(sock)

    def trace(self, proxy: Proxy, event: object) -> None:
        if isinstance(event, Connected):
            self.connected(event.address)
        self._transfer.handshake(proxy, event)

    def connected(self, peer: object) -> None:
        self._transfer.mark("connect")
        for sock in self._made:
            if sock.fileno() >= 0 and _peer(sock) == peer:
                self._transfer.note_wire(*_ends(sock))


def _peer(sock: socket.socket) -> object:
    try:
        return sock.getpeername()
    except OSError:
        return None


def _placed(chain: Chain, targets: Targets) -> Chain:
    """The first proxy where --resolve says that it is.

    Not one with TLS or GSSAPI: its name is what it has to prove.
    """
    first = chain[0]
    known = targets.known(first.host, first.port)
    if not known or first.tls or any(method.code == 1 for method in first.auth):
        return chain
    return first.replace(host=known[0]), *chain[1:]


def _first_of(addresses: Sequence[str], connect: Callable[[str], Connection]) -> Connection:
    """The first that works; where none does, the first error."""
    failure: OSError | None = None
    for address in addresses:
        try:
            return connect(address)
        except ReplyError as error:
            failure = failure or error
        except ConnectionRefusedError as error:
            if len(addresses) == 1:
                raise
            failure = failure or error
    assert failure is not None
    try:
        raise failure
    finally:
        failure = None  # its traceback holds this frame


def _ends(wire: socket.socket) -> tuple[tuple[str, int], tuple[str, int]]:
    return _ip_and_port(wire.getsockname()), _ip_and_port(wire.getpeername())


def _ip_and_port(address: object) -> tuple[str, int]:
    """Of a unix socket there are none."""
    if isinstance(address, tuple):
        return address[0], address[1]
    return "", 0
