"""The association of a drop-in UDP socket: when it is made, who shares it, how it ends.

Its fd is a UDP socket of the kernel's, connected to the relay, so that datagrams from anybody
else never arrive.
"""

from __future__ import annotations

import _socket
import errno
import os
import selectors
import socket as _stdlib
from _thread import allocate_lock

from .._plain import Plain, family_of, moved
from ..errors import ProxyConnectionError, SocksError
from ..protocol import Address, AddressType, Association
from ..protocol.datagram import header
from ..route import DIRECT, find_route
from ..sync import run
from ..tunnel import Deadline
from ..tunnel.deadline import PATIENCE
from ..tunnel.dial import make_unblocking
from ..tunnel.relay import open_relay
from .locks import acquire
from .sizes import SizedSocket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

    from ..route import Chain
    from ..tunnel.relay import Relay
    from ..tunnel.waiting import Waiting
    from .stream import SocketAddress

_shutdown = Plain.shutdown
_send = Plain.send

_DONTWAIT = getattr(_stdlib, "MSG_DONTWAIT", 0)
# What may wait for the association where the socket must not, in bytes.
_WAITING = 1 << 18
_WAITING_EACH = 256  # what one takes besides its payload
# How many threads may wait for one socket, and hear of the end of its association.
_WAKES = 16


def _send_surely(sock: SizedSocket, packet: bytes) -> None:
    """Sends a packet, also where the socket must not wait; errors of UDP come later, if at all."""
    with selectors.DefaultSelector() as selector:
        while True:
            try:
                _send(sock, packet)
                return
            except BlockingIOError:
                selector.register(sock, selectors.EVENT_WRITE)
                selector.select()
                selector.unregister(sock)
            except OSError:
                return


class AssociatedSocket(SizedSocket):
    """The part of a `DatagramSocket` that has an association."""

    # The short ways of DatagramSocket, only while the association stands.
    _stands = False
    _headers: dict[Any, bytes]
    _sources: dict[bytes, Any]
    _peer_header: bytes | None = None

    _failure: SocksError | None = None  # of an association that was made in the background
    _shut: tuple[int, ...] = ()  # what shutdown() was given
    _replaced = False  # the kernel's socket is of another family than ours

    #: Where the datagrams will come from as the proxy sees it, ("host", port), for proxies that
    #: want to be told (DST of UDP ASSOCIATE). It takes effect with the association.
    client_address: SocketAddress = ("0.0.0.0", 0)

    def start(self, family: int, type: int) -> _stdlib.socket | None:
        """What __init__ would do with `family` and `type`; returns whose fd to take, if anybody's.

        Where the proxy is known to be reached by IPv6, it is of that family from the beginning:
        whoever registers it somewhere does so before the relay is known.
        """
        self.begin()
        try:
            route = find_route(self._route)
        except ValueError:  # there is none yet
            return None
        if family != _stdlib.AF_INET6 and route is not DIRECT and ":" in route[0].host:
            self._replaced = True
            return Plain(_stdlib.AF_INET6, type)
        return None

    def begin(self) -> None:
        """The state of a socket without an association."""
        self._proxied = True
        self._headers, self._sources = {}, {}
        self._codec = Association()
        self._lock = allocate_lock()  # held while the association is made
        self._closing = allocate_lock()
        self._waiting: list[tuple[Address, bytes]] = []
        self._waiting_bytes = 0
        self._waiting_lock = allocate_lock()

    # The association

    def associate(self) -> None:
        """Makes the association now, if there is none yet; otherwise the first use does.

        The socket's timeout bounds it, and where that is 0 it waits all the same. Raises a
        SocksError, after which it can be tried again; TimeoutError where another thread is at it
        for too long; OSError where the socket is closed. Source: RFC 1928 section 4.
        """
        self._check_open()
        deadline = Deadline.of_answer(self.gettimeout())
        held: list[bool] = []
        try:
            if not acquire(self._lock, None if deadline is None else deadline.left(), held):
                raise TimeoutError("timed out")
            if self._failure is not None:
                raise self._told_failure()
            if self._relay is None:
                self._associate(self._chain(), deadline)
        finally:
            if True in held:
                self._lock.release()

    @property
    def is_over(self) -> bool:
        """Whether the proxy has ended the association."""
        return self._relay is not None and self._relay.ended

    def _chain(self) -> Chain:
        if self._relay is not None:
            return self._relay.chain
        route = find_route(self._route)
        if route is DIRECT:
            raise OSError(
                errno.EOPNOTSUPP,
                "the default route was no DIRECT when this socket was made: make a new one",
            )
        return route

    def _associate(self, route: Chain, deadline: Deadline | None) -> None:
        client = Address.from_tuple(self.client_address)
        self.stand(run(open_relay(route, client, deadline, make=Plain), deadline))

    def opening(self) -> Waiting[Relay]:
        """A relay to be, for drivers that wait in their own way; `stand` is next.

        Raises a SocksError, or OSError where the default route has become `DIRECT`.
        """
        client = Address.from_tuple(self.client_address)
        return open_relay(self._chain(), client, make=make_unblocking)

    def stand(self, relay: Relay) -> None:
        """The association stands, with `relay`, which is closed where something fails.

        Raises OSError for a socket that is closed, ProxyConnectionError where the relay cannot
        be reached.
        """
        try:
            self._connect_to(relay)
            self._drain()  # whoever could send before it was connected was not the relay
            relay.join(self)
            with self._waiting_lock:
                for target, payload in self._waiting:
                    for packet in self._codec.send(target, payload):
                        _send_surely(self, relay.wrap(packet))
                self._waiting.clear()
                with self._closing:
                    self._check_open()
                    self._relay, self._stands = relay, True
            relay.watch()  # from now on its end is noticed
        except BaseException as error:
            self._relay, self._stands = None, False
            relay.close()
            if isinstance(error, ProxyConnectionError) and error.proxy is None:
                error.proxy = relay.chain[-1]
            raise
        self._renew_peer()

    def _connect_to(self, relay: Relay) -> None:
        """Connects the kernel's socket to the relay; it is another one where families differ."""
        host, port = relay.address
        try:
            with self._as_it_is() as real:
                if ":" not in host and real.family == _stdlib.AF_INET6:
                    try:
                        real.connect(("::ffff:" + host, port))
                        return
                    except OSError:  # it is limited to IPv6
                        pass
                elif (":" in host) == (real.family == _stdlib.AF_INET6):
                    real.connect((host, port))
                    return
                local_host, local_port = real.getsockname()[:2]
            family = family_of(host)
            with Plain(family, _stdlib.SOCK_DGRAM) as other:
                for option in self._options:
                    if option[0] == _stdlib.SOL_SOCKET:
                        other.setsockopt(*option)
                if local_host not in ("0.0.0.0", "::"):
                    raise OSError(errno.EAFNOSUPPORT, f"it is of another family than {local_host}")
                if family == _stdlib.AF_INET6:
                    other.setsockopt(_stdlib.IPPROTO_IPV6, _stdlib.IPV6_V6ONLY, 1)
                if local_port:
                    other.bind(("", local_port))
                other.connect((host, port))
                for how in self._shut:
                    other.shutdown(how)
                self._replace_fd(other.fileno())
                self._replaced = True
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
            raise self._told_failure()
        timeout = self.gettimeout()
        if timeout or (timeout is None and not flags & _DONTWAIT):
            self.associate()
            return True
        route = self._chain()
        if not self._lock.locked():
            import threading  # nobody else needs it

            threading.Thread(target=self._associate_aside, args=(route,), daemon=True).start()
        with self._waiting_lock:  # what waited may be on its way, and answered, already
            return self._relay is not None

    def _associate_aside(self, route: Chain) -> None:
        """In a thread of its own."""
        if not self._lock.acquire(blocking=False):
            return  # another one is at it
        try:
            if self._relay is None:
                self._associate(route, Deadline(PATIENCE))
        except SocksError as error:
            self._fail(error)
        except Exception as error:
            failure = SocksError(f"the association cannot be made: {error}")
            failure.__cause__ = error
            self._fail(failure)
        finally:
            self._lock.release()

    def _fail(self, error: SocksError) -> None:
        """The next call raises `error`, and whoever waits for the fd is told to make it."""
        self._failure = error
        self._wake(1)

    def _told_failure(self) -> SocksError:
        """The failure, to be raised once: after it the association can be tried again."""
        failure, self._failure = self._failure, None
        assert failure is not None
        self._drain()  # what woke him
        return failure.with_traceback(None)

    def _drain(self) -> None:
        """Throws away what has arrived."""
        with self._as_it_is() as real:
            # Of the object alone: the kernel is told not to wait. gevent's would wait all the same.
            real.settimeout(None if issubclass(Plain, _socket.socket) else 0)
            try:
                while True:
                    real.recv(1, _DONTWAIT)
            except OSError:
                pass
        self.settimeout(self.gettimeout())

    def association_ended(self) -> None:
        """From the relay, in whatever thread: wakes those that wait; they will find out why.

        What wakes them is an empty datagram for each: shutdown() would not end the C code's
        wait with a timeout, and would make the fd readable for ever, a loop that waits for it
        busy. The headers go, so that whoever sends comes to look, too.
        """
        self._stands = False
        self._headers.clear()
        self._peer_header = None
        self._wake(_WAKES)

    def _wake(self, times: int) -> None:
        try:
            with self._closing:
                real = self._as_it_is()
            with real as ours, Plain(ours.family, ours.type) as waker:
                host = ours.getsockname()[0]
                if host in ("0.0.0.0", "::"):
                    host = "127.0.0.1" if ours.family == _stdlib.AF_INET else "::1"
                waker.bind((host, 0))
                ours.connect(waker.getsockname())
                waker.connect(ours.getsockname())
                for _ in range(times):
                    waker.send(b"")
        except OSError:  # it is closed, or there is no descriptor left
            try:
                _shutdown(self, _stdlib.SHUT_RDWR)
            except OSError:
                pass

    def _wait_in_line(self, target: Address, payload: bytes) -> bool:
        """Keeps a datagram until the association stands; False where it does by now."""
        with self._waiting_lock:
            if self._relay is not None:
                return False
            self._waiting_bytes += len(payload) + _WAITING_EACH
            if self._waiting_bytes > _WAITING:
                self._waiting_bytes -= len(payload) + _WAITING_EACH
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            self._waiting.append((target, payload))
            return True

    def _judge(self, error: OSError) -> None:
        """Raises what an error of the kernel's means here; returns where it means nothing.

        That is ECONNREFUSED: an ICMP message of the relay's host, or one that a proxy passes on
        from some destination. To a UDP socket that is not connected nobody tells it.
        """
        relay = self._relay
        if relay is not None and relay.ended:
            raise relay.error() from error
        if error.errno != errno.ECONNREFUSED:
            raise error

    def _real_close(self, *args: Any) -> None:
        with self._closing:
            super()._real_close(*args)
        if self._relay is not None:
            self._relay.leave(self)

    def detach(self) -> int:
        """The fd, as in the system. The association ends: without the object nobody has headers."""
        fd = super().detach()
        if self._relay is not None:
            self._relay.leave(self)
        return fd

    def dup(self) -> Self:
        """A second object for the same socket and association, as in the system."""
        self.associate()
        twin = super().dup()
        if self._relay is not None:
            self._relay.join(twin)
        return twin

    def _renew_peer(self) -> None:
        self._sources.clear()
        self._peer_header = None
        if self._target is not None and self._has_short_way(self._target):
            self._peer_header = self._head(self._target)

    def _has_short_way(self, target: Address) -> bool:
        """Whether a header is all there is to a packet, and the kernel's limit of size right."""
        relay = self._relay
        if relay is None or not self._stands or relay.prefix is None:
            return False
        return target.type is not AddressType.IPV4 or ":" not in relay.address[0]

    def _head(self, target: Address) -> bytes:
        """What precedes a payload, the short way."""
        assert self._relay is not None
        assert self._relay.prefix is not None
        return self._relay.prefix + header(target)

    def _as_it_is(self) -> _stdlib.socket:
        """A plain socket for the same thing in the kernel, of the family that it really has."""
        self._check_open()
        with Plain(_stdlib.AF_INET, _stdlib.SOCK_DGRAM) as twin:
            os.dup2(self.fileno(), twin.fileno(), inheritable=False)
            return moved(twin, Plain)
