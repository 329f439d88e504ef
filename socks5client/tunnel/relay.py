"""UDP ASSOCIATE: the relay, and the connections that keep an association alive.

(RFC 1928 sections 4 and 7.) Through a chain there is an association with each proxy, and what
goes to one relay carries in it what goes to the next, so nothing leaves past the first proxy.
"""

from __future__ import annotations

import errno
import select
from _thread import allocate_lock
from _weakref import ref  # weakref itself takes 1 ms to import
from _weakrefset import WeakSet
from functools import partial
from ipaddress import ip_address

from ..errors import ProxyConnectionError, RemoteProtocolError, SocksError
from ..protocol import Address, Command
from ..protocol.association import relay_address
from ..protocol.datagram import header
from .dial import own_host
from .opening import open_tunnel
from .rendezvous import ANYBODY

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from typing import Any

    from .._pump import Pump
    from ..handshake import Trace
    from ..protocol import DatagramEncapsulation
    from ..route import Chain
    from .deadline import Deadline
    from .opening import Tunnel
    from .waiting import Waiting


class Relay:
    """The relay of an association, shared by the sockets that use it. `open_relay` makes one.

    `address` is the host and port of the first proxy's relay. `prefix` is what precedes every
    packet, for the relays behind it (b"" without a chain), or None where packets are
    encapsulated and `wrap` has to do it; `overhead` how much longer they become, in bytes.
    `ended` says whether a proxy ended the association.
    """

    ended = False
    _controls: Sequence[socket.socket] = ()  # for __del__, where __init__ has not ended
    _cause: OSError | None = None
    _pump: Pump | None = None

    def __init__(
        self,
        chain: Chain,
        controls: list[socket.socket],
        address: tuple[str, int],
        hops: list[tuple[bytes, DatagramEncapsulation | None]],
    ) -> None:
        self.address = address
        self._hops = hops  # the header that leads to a relay, and what its proxy encapsulates by
        self._kept: tuple[bytes, bytes | None] | None = None
        self._lock = allocate_lock()  # no security context may be used by two threads
        seals = [seal for _, seal in hops if seal is not None]
        headers = b"".join([head for head, _ in hops])
        self.prefix = None if seals else headers
        self.overhead = len(headers) + sum(seal.datagram_overhead for seal in seals)
        self.chain = chain
        self._controls = controls
        self._users_lock = allocate_lock()
        self._users: WeakSet[Any] = WeakSet()

    def wrap(self, packet: bytes) -> bytes:
        """What to send to the first relay for `packet`, which is for the last one."""
        if self.prefix is not None:
            return self.prefix + packet
        with self._lock:
            for head, seal in reversed(self._hops):
                packet = head + (packet if seal is None else seal.wrap_datagram(packet))
        return packet

    def unwrap(self, packet: bytes, *, keep: bool = False) -> bytes | None:
        """What the last relay said in `packet`; None for what did not come that way.

        With `keep` it has only been looked at, and will come again: but a token that is
        unwrapped a second time is a replay.
        """
        with self._lock:
            if self._kept is None or self._kept[0] != packet:
                self._kept = packet, self._unwrap(packet)
            plain = self._kept[1]
            if not keep:
                self._kept = None
            return plain

    def _unwrap(self, packet: bytes) -> bytes | None:
        try:
            for head, seal in self._hops:
                if not packet.startswith(head):
                    return None
                packet = packet[len(head) :]
                if seal is not None:
                    packet = seal.unwrap_datagram(packet)
            return packet
        except SocksError:
            return None

    def join(self, user: Any) -> None:
        """`user` (anything with `association_ended()`) depends on this relay from now on."""
        with self._users_lock:
            self._users.add(user)

    def leave(self, user: Any) -> None:
        """`user` does no more; with the last one the association ends."""
        with self._users_lock:
            self._users.discard(user)
            last = not self._users
        if last:
            self.close()

    def users(self) -> list[Any]:
        """Who depends on it: duplicates of one socket."""
        with self._users_lock:
            return list(self._users)

    def watch(self) -> None:
        """Lets the users know when a proxy ends the association."""
        from .._pump import Pump  # threads, which most programs never need

        self._pump = Pump.current()
        for control in self._controls:
            control.setblocking(False)
            handler = partial(_control_ready, ref(self), ref(control))
            self._pump.register(control.fileno(), select.POLLIN, handler, lasting=True)

    def unwatch(self, control: socket.socket) -> None:
        """No more of that, for `control`, one of the connections."""
        if self._pump is not None:
            # After a fork it is another one.
            (self._pump.running() or self._pump).unregister(control.fileno())

    def close(self) -> None:
        """Ends the association."""
        controls, self._controls = self._controls, ()
        for control in controls:
            self.unwatch(control)
            control.close()

    def end(self, cause: OSError | None) -> None:
        """A control connection has ended, by `cause`: the relay forwards nothing any more."""
        self.ended, self._cause = True, cause
        for user in self.users():
            user.association_ended()

    def error(self) -> SocksError:
        """What to tell those who go on using it."""
        error = ProxyConnectionError(
            "the proxy ended the UDP association", errno=errno.ECONNABORTED, proxy=self.chain[-1]
        )
        error.__cause__ = self._cause
        return error

    def __del__(self) -> None:
        self.close()


def _control_ready(relay: ref[Relay], control: ref[socket.socket], mask: int) -> None:
    """In the pump's thread. A proxy has nothing to say on a control connection, but its end."""
    sock, owner = control(), relay()
    if sock is None or owner is None or sock.fileno() < 0:
        return
    failure = None
    try:
        if sock.recv(4096):
            return
    except BlockingIOError:
        return
    except OSError as error:
        failure = error
    owner.unwatch(sock)
    owner.end(failure)


def open_relay(
    chain: Chain,
    client: Address,
    deadline: Deadline | None = None,
    *,
    make: Callable[[int], socket.socket],
    trace: Trace | None = None,
) -> Waiting[Relay]:
    """An association with every proxy of `chain`.

    `client` is the address that the datagrams will be sent from, zeros where it is not known;
    `deadline`, `make` and `trace` are for the connections, as for `open_tunnel`. Raises a
    SocksError.
    """
    for proxy in chain:
        if proxy.tls:
            raise SocksError(
                "UDP through a proxy that is spoken to by TLS is not supported: the datagrams"
                " themselves would be in clear",
                errno=errno.EOPNOTSUPP,
                proxy=proxy,
            )
    controls: list[socket.socket] = []
    try:
        hops: list[tuple[bytes, DatagramEncapsulation | None]] = []
        for length in range(1, len(chain) + 1):
            part = chain[:length]
            # What the others see is the relay before them.
            told = client if length == 1 else ANYBODY
            tunnel = yield from open_tunnel(
                part, told, deadline, make=make, command=Command.UDP_ASSOCIATE, trace=trace
            )
            controls.append(tunnel.wire)
            seal = _seal(part, tunnel)
            controls[-1] = _control(tunnel, seal)
            relay = _locate(part, tunnel)
            if length == 1:
                first = relay
            head = header(Address(*relay)) if hops else b""
            hops.append((head, seal))
        return Relay(chain, controls, first, hops)
    except BaseException:
        for control in controls:
            control.close()
        raise


def _control(tunnel: Tunnel, seal: DatagramEncapsulation | None) -> socket.socket:
    """The connection whose end ends the association.

    What the last proxy would encapsulate on it is left alone: it says nothing there, and its
    context belongs to the datagrams.
    """
    layers = [] if tunnel.handshake is None else tunnel.handshake.layers
    outer = [layer for layer in layers if layer is not seal]
    if not outer:
        return tunnel.wire
    from .._bridge import bridge

    return bridge(tunnel.wire, outer, b"")


def _seal(chain: Chain, tunnel: Tunnel) -> DatagramEncapsulation | None:
    """What the last proxy of `chain` encapsulates datagrams by."""
    seal: Any = None if tunnel.handshake is None else tunnel.handshake.encapsulation
    if seal is not None and not hasattr(seal, "wrap_datagram"):
        raise SocksError(
            "the authentication method encapsulates, but knows nothing of UDP",
            errno=errno.EOPNOTSUPP,
            proxy=chain[-1],
        )
    datagrams: DatagramEncapsulation | None = seal
    return datagrams


def _locate(chain: Chain, tunnel: Tunnel) -> tuple[str, int]:
    """Where the relay of the last proxy of `chain` is."""
    host, reply = own_host(chain, tunnel.wire), tunnel.reply
    try:
        ip_address(host)
    except ValueError:
        if reply.bound is None or not reply.bound.is_usable:
            raise RemoteProtocolError(
                "the proxy did not say where its relay is, and only its own name is known",
                proxy=chain[-1],
                target=tunnel.address,
            ) from None
        return reply.bound
    try:
        return relay_address(reply, host)
    except RemoteProtocolError as error:
        error.proxy, error.target = chain[-1], tunnel.address
        raise
