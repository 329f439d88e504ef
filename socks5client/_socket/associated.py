"""The drop-in UDP socket, without its calls: its association, its addresses, its options.

Its fd is a UDP socket of the kernel's, connected to the relay, so that datagrams from anybody
else never arrive.
"""

from __future__ import annotations

import errno
import os
import socket as _stdlib
from _thread import allocate_lock
from ipaddress import IPv6Address
from struct import pack

from ..errors import ProxyConnectionError, SocksError
from ..protocol import Address, AddressType, Association
from ..protocol.association import MAX_PAYLOAD_IPV4, header_length
from ..protocol.datagram import MAX_PAYLOAD, header
from ..route import DIRECT, find_route
from ..sync import Deadline
from ..sync.dial import look_up
from ..sync.relay import open_relay
from .stream import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

    from ..protocol import Reassembler
    from ..route import Chain
    from ..sync.relay import Relay
    from .stream import SocketAddress

_connect = _stdlib.socket.connect
_shutdown = _stdlib.socket.shutdown
_send = _stdlib.socket.send

_DONTWAIT = getattr(_stdlib, "MSG_DONTWAIT", 0)
_SPACES = ((_stdlib.SOL_SOCKET, _stdlib.SO_SNDBUF), (_stdlib.SOL_SOCKET, _stdlib.SO_RCVBUF))
# What may wait for the association where the socket must not, in bytes.
_WAITING = 1 << 18
# How many threads may wait for one socket, and hear of the end of its association.
_WAKES = 16


class AssociatedSocket(socket):
    """What a `DatagramSocket` is, but for sending and receiving."""

    # The short ways of DatagramSocket, only while the association stands.
    _stands = False
    _headers: dict[Any, bytes]
    _sources: dict[bytes, Any]
    _peer_header: bytes | None = None

    _relay: Relay | None = None
    _failure: SocksError | None = None  # of an association that was made in the background
    _target: Address | None = None  # the peer, as the header has it
    _read_shut = False
    _fragments = False

    #: Where the datagrams will come from as the proxy sees it, ("host", port), for proxies that
    #: want to be told (DST of UDP ASSOCIATE). It takes effect with the association.
    client_address: SocketAddress = ("0.0.0.0", 0)

    def start(self) -> None:
        """What __init__ would do, were the class not decided in there."""
        self._proxied = True
        self._headers, self._sources = {}, {}
        self._codec = Association()
        self._lock = allocate_lock()  # held while the association is made
        self._closing = allocate_lock()
        self._waiting: list[tuple[Address, bytes]] = []
        self._waiting_lock = allocate_lock()

    # The association

    def associate(self) -> None:
        """Makes the association now, if there is none yet; otherwise the first use does.

        The socket's timeout bounds it, and where that is 0 it waits all the same. Raises a
        SocksError, after which it can be tried again. Source: RFC 1928 section 4.
        """
        self._check_open()
        timeout = self.gettimeout()
        deadline = Deadline.after(timeout) if timeout else None
        if not self._lock.acquire(timeout=-1 if deadline is None else deadline.left()):
            raise TimeoutError("timed out")
        try:
            if self._failure is not None:
                raise self._failure
            if self._relay is None:
                self._associate(self._chain(), deadline)
        finally:
            self._lock.release()

    def _chain(self) -> Chain:
        route = find_route(self._route)
        if route is DIRECT:
            raise OSError(
                errno.EOPNOTSUPP,
                "the default route was no DIRECT when this socket was made: make a new one",
            )
        return route

    def _associate(self, route: Chain, deadline: Deadline | None) -> None:
        relay = open_relay(route, Address.from_tuple(self.client_address), deadline)
        try:
            self._connect_to(relay)
            relay.join(self)
            relay.watch()
        except BaseException:
            relay.close()
            raise
        with self._waiting_lock:
            self._relay, self._stands = relay, True
            waiting, self._waiting = self._waiting, []
        self._renew_peer()
        for target, payload in waiting:
            for packet in self._codec.send(target, payload):
                _send(self, relay.prefix + packet)

    def _connect_to(self, relay: Relay) -> None:
        """Connects the kernel's socket to the relay; it is another one where families differ."""
        host, port = relay.address
        try:
            if ":" not in host and self.family == _stdlib.AF_INET6:
                try:
                    _connect(self, ("::ffff:" + host, port))
                    return
                except OSError:  # it is limited to IPv6
                    pass
            elif (":" in host) == (self.family == _stdlib.AF_INET6):
                _connect(self, (host, port))
                return
            family = _stdlib.AF_INET6 if ":" in host else _stdlib.AF_INET
            with _stdlib.socket(family, _stdlib.SOCK_DGRAM) as other:
                for option in self._options:
                    if option[0] == _stdlib.SOL_SOCKET:
                        other.setsockopt(*option)
                other.connect((host, port))
                self._replace_fd(other.fileno())
        except OSError as error:
            raise ProxyConnectionError(
                f"cannot reach the relay at {host}, port {port}: {error.strerror or error}",
                errno=error.errno,
            ) from error

    def _ready(self, flags: int = 0) -> bool:
        """Whether the association stands; it is made where the call may wait for that.

        Where it may not, a thread makes it, and what is sent meanwhile waits.
        """
        if self._relay is not None:
            if self._relay.ended:
                raise self._relay.error()
            return True
        self._check_open()
        if self._failure is not None:
            raise self._failure
        if self.gettimeout() != 0 and not flags & _DONTWAIT:
            self.associate()
            return True
        route = self._chain()
        if self._lock.acquire(blocking=False):
            import threading  # nobody else needs it

            threading.Thread(target=self._associate_aside, args=(route,), daemon=True).start()
        return False

    def _associate_aside(self, route: Chain) -> None:
        """In a thread of its own, with the lock held."""
        try:
            if self._relay is None:
                self._associate(route, None)
        except SocksError as error:
            self._fail(error)
        except (OSError, ValueError) as error:
            failure = SocksError(f"the association cannot be made: {error}")
            failure.__cause__ = error
            self._fail(failure)
        finally:
            self._lock.release()

    def _fail(self, error: SocksError) -> None:
        """The next call raises `error`, and whoever waits for the fd is told to make it."""
        self._failure = error
        self.association_ended()

    def association_ended(self) -> None:
        """From the relay, in whatever thread: wakes those that wait; they will find out why.

        What wakes them is an empty datagram for each: shutdown() would not end the C code's
        wait with a timeout, and would make the fd readable for ever, a loop that waits for it
        busy. The headers go, so that whoever sends comes to look, too.
        """
        self._stands = False
        self._headers.clear()
        self._peer_header = None
        try:
            with self._closing:
                fd = os.dup(self.fileno())
            with _stdlib.socket(fileno=fd) as ours, _stdlib.socket(ours.family, ours.type) as waker:
                host = ours.getsockname()[0]
                if host in ("0.0.0.0", "::"):
                    host = "127.0.0.1" if ours.family == _stdlib.AF_INET else "::1"
                waker.bind((host, 0))
                ours.connect(waker.getsockname())
                waker.connect(ours.getsockname())
                for _ in range(_WAKES):
                    waker.send(b"")
        except OSError:
            pass  # it is closed

    def _wait_in_line(self, target: Address, payload: bytes) -> bool:
        """Keeps a datagram until the association stands; False where it does by now."""
        with self._waiting_lock:
            if self._relay is not None:
                return False
            if sum(len(waiting) for _, waiting in self._waiting) + len(payload) > _WAITING:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            self._waiting.append((target, payload))
            return True

    def _explained(self, error: OSError) -> OSError:
        """What an error of the kernel's means here."""
        relay = self._relay
        if relay is not None and relay.ended:
            return relay.error()
        if error.errno == errno.ECONNREFUSED:
            return ProxyConnectionError("the relay takes no datagrams", errno=error.errno)
        return error

    def _real_close(self, *args: Any) -> None:
        with self._closing:
            super()._real_close(*args)
        if self._relay is not None:
            self._relay.leave(self)

    def dup(self) -> Self:
        """A second object for the same socket and association, as in the system."""
        self.associate()
        twin = super().dup()
        if self._relay is not None:
            self._relay.join(twin)
        return twin

    # Addresses

    def connect(self, address: Any, /) -> None:
        """Sets the peer: whom `send` sends to, and whom alone datagrams are received from.

        A name that the proxy resolves has no address here: then datagrams from its port are
        received, whatever their address.
        """
        target = self._resolve(address)
        self._ready()
        self._peer, self._target = address, target
        self._renew_peer()

    def _renew_peer(self) -> None:
        self._sources.clear()
        if self._target is not None and self._stands:
            assert self._relay is not None
            self._peer_header = self._relay.prefix + header(self._target)

    def _resolve(self, address: Any) -> Address:
        """A destination as the header is to have it: IPv4 as itself, names as the URL says."""
        target = Address.from_tuple(address)
        if target.type is AddressType.NAME:
            route = find_route(self._route)
            if route is not DIRECT and not route[-1].remote_dns:
                target = look_up(target, self.family, _stdlib.SOCK_DGRAM)[0]
        if target.host.startswith("::ffff:"):
            mapped = IPv6Address(target.host).ipv4_mapped
            if mapped is not None:
                return Address(str(mapped), target.port)
        return target

    def _is_from_peer(self, source: Address) -> bool:
        peer = self._target
        if peer is None or peer == source:
            return True
        return peer.type is AddressType.NAME and peer.port == source.port

    def _shape(self, source: Address) -> Any:
        """As the system gives a source: over an IPv6 socket also IPv4 is IPv6."""
        if self.family == _stdlib.AF_INET6 and source.type is AddressType.IPV4:
            return f"::ffff:{source.host}", source.port, 0, 0
        return source.to_tuple()

    def bind(self, address: Any, /) -> None:
        """Sets the local address that packets for the relay leave from."""
        _stdlib.socket.bind(self, address)

    def getpeername(self) -> Any:
        """The peer as it was given to `connect`; `proxy_peername` is the relay."""
        if self._peer is None:
            self._check_open()
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return super().getpeername()

    def getsockname(self) -> Any:
        """The local address. What others see of the proxy's, a SOCKS5 proxy does not tell."""
        return _stdlib.socket.getsockname(self)

    def listen(self, *args: Any) -> None:
        """Not for UDP: OSError, as in the system."""
        _stdlib.socket.listen(self, *args)

    def shutdown(self, how: int, /) -> None:
        """As in the system."""
        if how in (_stdlib.SHUT_RD, _stdlib.SHUT_RDWR):
            self._read_shut = True
        _shutdown(self, how)
        if self._peer is None:  # connected to the relay, but not for the user
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))

    # Options

    @property
    def fragment_size(self) -> int | None:
        """The most payload bytes of a packet; a larger datagram is sent in fragments.

        None, the default: no fragments, and what is too large is an OSError with EMSGSIZE. So
        is a datagram of more than 127 fragments. Many proxies drop fragments.
        """
        return self._codec.fragment_size

    @fragment_size.setter
    def fragment_size(self, size: int | None) -> None:
        self._codec.fragment_size = size
        self._fragments = size is not None

    @property
    def reassembler(self) -> Reassembler:
        """What puts received fragments together; replace it for other limits."""
        return self._codec.reassembler

    @reassembler.setter
    def reassembler(self, reassembler: Reassembler) -> None:
        self._codec.reassembler = reassembler

    @property
    def dropped(self) -> int:
        """How many packets of the relay's were dropped: malformed, or fragments without rest."""
        return self._codec.dropped

    @property
    def max_datagram_size(self) -> int:
        """The most payload bytes of a datagram to the peer, or where there is none to anybody.

        RFC 1928 section 7: what the system has, less the header; with `fragment_size` what 127
        fragments hold.
        """
        relay = self._relay
        over_ipv6 = relay is not None and ":" in relay.address[0]
        packet = (MAX_PAYLOAD if over_ipv6 else MAX_PAYLOAD_IPV4) - self._overhead(prefix_only=True)
        return self._codec.max_datagram_size(self._target, packet)

    def _overhead(self, *, prefix_only: bool = False) -> int:
        """What every packet has besides the payload, in bytes."""
        prefix = 0 if self._relay is None else len(self._relay.prefix)
        return prefix if prefix_only else prefix + header_length(self._target)

    def setsockopt(self, *args: Any) -> None:
        """As in the system, for the packets to the relay.

        Options of UDP itself (UDP_CORK, UDP_SEGMENT, ...) are refused: they would put several
        datagrams behind one header.
        """
        if args and args[0] == _stdlib.IPPROTO_UDP:
            raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))
        _stdlib.socket.setsockopt(self, *args)
        self._options += (args,)

    def getsockopt(self, *args: Any) -> Any:
        """As in the system; of SO_SNDBUF and SO_RCVBUF the header's space is taken off.

        RFC 1928 section 7: by 10 bytes with an IPv4 peer, 22 with IPv6, 262 with a name or with
        none, and by what precedes that in a chain.
        """
        if args[:2] not in _SPACES:
            return _stdlib.socket.getsockopt(self, *args)
        space = max(0, _stdlib.socket.getsockopt(self, *args[:2]) - self._overhead())
        return space if len(args) == 2 else pack("i", space)[: args[2]]
