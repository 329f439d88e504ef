"""The drop-in socket: TCP, and what every kind of it has in common.

After `connect` the fd is the kernel's own connection to the proxy, and `send`, `recv` and
their kin are the C methods of `socket.socket`: the data path costs nothing.
"""

from __future__ import annotations

import errno
import os
import socket as _stdlib

from .._plain import Plain, give_up
from ..protocol import Address
from ..route import DIRECT, find_route, get_default_proxy
from ..sync.tunnel import connect_tunnel
from ..tunnel import Deadline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self, TypeAlias

    from ..protocol import Reply
    from ..route import Chain, Direct, ProxyLike
    from .connecting import Connecting
    from .listener import Listener

    # ("host", port), or the four of IPv6.
    SocketAddress: TypeAlias = tuple[str | bytes, int] | tuple[str, int, int, int]

_INTERNET = (_stdlib.AF_INET, _stdlib.AF_INET6)
STAND_IN = getattr(_stdlib, "AF_UNIX", _stdlib.AF_INET)
_ERROR = (_stdlib.SOL_SOCKET, _stdlib.SO_ERROR)
_ACCEPTS = (_stdlib.SOL_SOCKET, getattr(_stdlib, "SO_ACCEPTCONN", None))
_TYPE_FLAGS = getattr(_stdlib, "SOCK_NONBLOCK", 0) | getattr(_stdlib, "SOCK_CLOEXEC", 0)


class socket(Plain):
    """A `socket.socket` whose traffic goes through a SOCKS5 proxy: TCP, listening, UDP.

    Parameters: `family`, `type`, `proto`, `fileno` as `socket.socket` takes them; `proxy`, a
    `Proxy`, a URL, a sequence of either (a chain, first hop first), `DIRECT`, or None for the
    default proxy, else the environment, looked up at `connect`.

    The family is no limit: the address of the destination is the proxy's affair. A family or
    type without a proxied meaning (AF_UNIX, raw sockets) behaves as in the system, and so
    does a socket made from a `fileno`. Raises ValueError for a malformed `proxy`.

    TCP: `connect` is CONNECT; `bind`, `listen` and `accept` are BIND, with `expected_peer`. With
    SOCK_DGRAM the object is a `DatagramSocket`, and all it sends and receives passes a relay
    (UDP ASSOCIATE). Source: RFC 1928 sections 4, 6 and 7.

    `connect` keeps the number of the fd and replaces what is behind it. So connect first, and
    then wrap with TLS, duplicate, or register with a selector: what was taken before stays
    unconnected.
    """

    # Until `connect` the fd is a stand-in of another family, which the kernel cannot connect
    # to an internet address: whoever takes the fd (ssl's wrap_socket, C code) and connects
    # it past this class gets an error, and nothing goes direct.
    _proxied = False
    _route: Chain | Direct | None = None
    _source: Any = None  # what bind() was given
    _options: tuple[tuple[Any, ...], ...] = ()  # what setsockopt() was, until connected
    _peer: Any = None  # the destination, once connected
    _reply: Reply | None = None
    _wire: _stdlib.socket | None = None  # the connection to the proxy, where it is not our fd
    _name: Any = None  # what getsockname() says, where it is not what the reply does
    _listener: Listener | None = None
    _connecting: Connecting | None = None  # a connect that does not wait
    _failure: BaseException | None = None  # what it came to, until somebody has been told
    _unconfirmed = False  # it has ended, and connect() has not been called again

    #: Who is to connect to a listener, ("host", port), as BIND tells the proxy. None, the
    #: default: the destination of the last CONNECT that this thread or task made through the
    #: same proxy, else anybody (zeros).
    expected_peer: SocketAddress | None = None

    def __init__(
        self,
        family: int = -1,
        type: int = -1,
        proto: int = -1,
        fileno: int | None = None,
        *,
        proxy: ProxyLike = None,
    ) -> None:
        if proxy is not None:
            self._route = find_route(proxy)
        made: _stdlib.socket | None = None
        if fileno is None and family in (-1, *_INTERNET) and self._route is not DIRECT:
            # What the system means by no argument.
            family = _stdlib.AF_INET if family == -1 else family
            type = _stdlib.SOCK_STREAM if type == -1 else type
            proto = 0 if proto == -1 else proto
            kind = type & ~_TYPE_FLAGS
            if kind == _stdlib.SOCK_STREAM:
                self._proxied = True
                made = Plain(STAND_IN, type)
            elif kind == _stdlib.SOCK_DGRAM and not (
                proxy is None and get_default_proxy() is DIRECT
            ):
                from .datagram import make_datagram  # nobody else needs it

                made = make_datagram(self, family, type)
        try:
            super().__init__(family, type, proto, fileno if made is None else made.fileno())
            if made is not None:
                made.detach()
        except BaseException:
            if made is not None:
                give_up(made, self)
            raise

    def connect(self, address: Any, /) -> None:
        """Connects to `address`, ("host", port) or the four of IPv6, through the proxy.

        A name is resolved by the proxy, unless the proxy's scheme says here. The socket's
        timeout bounds all of it. Raises a SocksError, after which the socket can be used for
        another attempt; ValueError for an address that cannot be, before any I/O.

        Where the timeout is 0, it raises BlockingIOError (EINPROGRESS) at once; the fd becomes
        writable when the handshake has ended, not before. Then SO_ERROR says how, or another
        `connect`, which returns, or raises the SocksError.
        """
        if not self._proxied:
            super().connect(address)
            return
        target = Address.from_tuple(address)
        if self._connecting is not None or self._unconfirmed:
            self._settle(asked=True)
            if self._peer is not None:
                self._unconfirmed = False
                return
            failure, self._failure = self._failure, None
            if failure is not None:
                self._unconfirmed = False
                raise failure
        self._check_unconnected()
        route = find_route(None) if self._route is None else self._route
        timeout = self.gettimeout()
        if route is DIRECT:
            with self._draft() as draft:
                draft.settimeout(timeout)
                try:
                    draft.connect(address)
                except BlockingIOError:  # it is on its way
                    self._become_plain(draft)
                    raise
                self._become_plain(draft)
            return
        if timeout == 0:
            from .connecting import Connecting  # threads, which most programs never need

            self._connecting = Connecting(self, route, target, address)
            raise BlockingIOError(errno.EINPROGRESS, os.strerror(errno.EINPROGRESS))
        deadline = Deadline.after(timeout)
        tunnel = connect_tunnel(
            route, target, deadline, Plain, self.family, self._source, self._options
        )
        with tunnel.plain() as sock:
            self._replace_fd(sock.fileno())
        self._wire = None if tunnel.wire is sock else tunnel.wire
        self._peer, self._reply = address, tunnel.reply

    def connect_ex(self, address: Any, /) -> int:
        """As `connect`, but with an errno for a result where that raises one."""
        if not self._proxied:
            return super().connect_ex(address)
        try:
            self.connect(address)
        except _stdlib.gaierror:
            raise
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def bind(self, address: Any, /) -> None:
        """Sets the local address of the connection to the proxy; it takes effect at `connect`."""
        if self._proxied:
            self._check_unconnected()
            self._source = address
        else:
            super().bind(address)

    def listen(self, backlog: int = 128, /) -> None:
        """Asks the proxy for a rendezvous (BIND); `getsockname()` is its address from now on.

        The socket's timeout bounds it. The fd is readable when `accept()` has something to do.
        The port is the proxy's choice. Raises as `connect` does, and OSError with
        EADDRNOTAVAIL where `bind()` was given a port.
        """
        if self._proxied:
            if self._listener is not None:
                self._check_open()
                return
            self._check_unconnected()
            route = find_route(self._route)
            if route is not DIRECT:
                from .listener import Listener

                self._listener = Listener(self, route)
                # Of all others it is the C method.
                self.__dict__["shutdown"] = self._listener.shutdown
                return
            with self._draft() as draft:
                self._become_plain(draft)
        super().listen(backlog)

    def accept(self) -> tuple[_stdlib.socket, Any]:
        """Waits for the peer of the rendezvous; returns (socket, its address).

        The socket is a connected one of this class. A rendezvous has one peer: a further
        `accept()` asks for a new one, and so does `getsockname()` before it. Raises TimeoutError
        or BlockingIOError as in the system, OSError (EINVAL) once `shutdown()` has been called, as
        on Linux, and a SocksError where the proxy reports a failure.
        """
        if self._listener is None:
            return super().accept()
        self._check_open()
        return self._listener.accept()

    def getpeername(self) -> Any:
        """The destination as it was asked for; `proxy_peername` is the proxy."""
        self._settle_or_raise()
        if self._listener is not None:
            self._check_open()
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        if self._peer is None:
            return super().getpeername()
        shown = Address.from_tuple(self._peer).to_tuple()
        return (*shown[:2], *self._peer[2:]) if len(self._peer) == 4 else shown

    def getsockname(self) -> Any:
        """The address that the destination sees, where the proxy told a usable one.

        That is BND.ADDR and BND.PORT (RFC 1928 section 6); else the local address. Of a
        listener it is where the peer is to connect.
        """
        if self._listener is not None:
            self._check_open()
            return self._listener.address()
        self._settle()
        if self._name is not None:
            return self._name
        bound = None if self._reply is None else self._reply.bound
        if bound is not None and bound.is_usable:
            return bound.to_tuple()
        if self._proxied and self._peer is None:
            self._check_open()
            return self._source or ("::" if self.family == _stdlib.AF_INET6 else "0.0.0.0", 0)
        return self.proxy_sockname

    @property
    def proxy_peername(self) -> Any:
        """The first proxy's address, as a plain socket's `getpeername`; OSError where closed."""
        self._settle_or_raise()
        return super().getpeername() if self._wire is None else self._wire.getpeername()

    @property
    def proxy_sockname(self) -> Any:
        """The local address of the connection to the first proxy; OSError where closed."""
        self._settle_or_raise()
        return super().getsockname() if self._wire is None else self._wire.getsockname()

    def setsockopt(self, *args: Any) -> None:
        """As in the system; before `connect` it is for the connection to the proxy."""
        self._settle()
        if self._proxied and self._peer is None:
            with self._draft(bound=False) as draft:
                draft.setsockopt(*args)
            self._options += (args,)
            return
        try:
            set_it = super().setsockopt if self._wire is None else self._wire.setsockopt
            set_it(*args)
        except OSError as error:
            # Where the proxy's is a unix socket, what is TCP's means nothing.
            if not self._proxied or error.errno != errno.EOPNOTSUPP:
                raise

    def getsockopt(self, *args: Any) -> Any:
        """As in the system; before `connect` it is of the connection to the proxy."""
        if self._connecting is not None or self._failure is not None:
            self._settle(asked=args[:2] == _ERROR)
            if args[:2] == _ERROR:
                failure, self._failure = self._failure, None
                if failure is not None:
                    from .connecting import number_of

                    self._unconfirmed = False
                    return number_of(failure)
        if self._listener is not None and args[:2] == _ACCEPTS:
            self._check_open()
            return 1
        if self._proxied and self._peer is None:
            with self._draft(bound=False) as draft:
                return draft.getsockopt(*args)
        if self._wire is None or args[:2] == _ERROR:
            return super().getsockopt(*args)
        return self._wire.getsockopt(*args)

    def dup(self) -> Self:
        """A second object for the same connection, as in the system; not for a listener."""
        if self._listener is not None:
            raise OSError(errno.EOPNOTSUPP, "a listener at a proxy cannot be duplicated")
        self._settle()
        if self._connecting is not None:
            raise OSError(errno.EOPNOTSUPP, "it cannot be duplicated before it is connected")
        twin = super().dup()
        vars(twin).update(vars(self))
        return twin

    def __repr__(self) -> str:
        if self._listener is None and self._connecting is None:
            return super().__repr__()
        return self.brief(type(self))

    def brief(self, cls: type) -> str:
        """As the system's repr of an object of `cls`, which would make use of what it names:

        of a new rendezvous, or of the outcome of a connect that nobody has asked for.
        """
        address = self._listener.last_address if self._listener else None
        return (
            f"<{cls.__module__}.{cls.__qualname__} fd={self.fileno()},"
            f" family={self.family}, type={self.type}, proto={self.proto}, laddr={address}>"
        )

    def _check_open(self) -> None:
        if self.fileno() < 0:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def _check_unconnected(self) -> None:
        """The errors of the system for a socket that is closed, connected already, or listens."""
        self._check_open()
        if self._connecting is not None:
            raise BlockingIOError(errno.EALREADY, os.strerror(errno.EALREADY))
        if self._peer is not None or self._listener is not None:
            raise OSError(errno.EISCONN, os.strerror(errno.EISCONN))

    def _settle(self, *, asked: bool = False) -> None:
        """Takes what a connect that does not wait has come to, if it has."""
        if self._connecting is not None:
            self._connecting.settle(self, asked)

    def _settle_or_raise(self) -> None:
        self._settle()
        if self._connecting is not None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))

    def _draft(self, *, bound: bool = True) -> _stdlib.socket:
        """A plain socket such as this one would be: with its options set, and bound as it is."""
        self._check_open()
        draft = Plain(self.family, self.type, self.proto)
        try:
            for option in self._options:
                draft.setsockopt(*option)
            if bound and self._source is not None:
                draft.bind(self._source)
        except BaseException:
            draft.close()
            raise
        return draft

    def _become_plain(self, draft: _stdlib.socket) -> None:
        """The default route is DIRECT: an ordinary socket from now on."""
        self._replace_fd(draft.fileno())
        self._proxied = False

    def _real_close(self, *args: Any) -> None:
        # What socket.close() comes to, once no file made from the socket is open any more.
        Plain._real_close(self, *args)  # type: ignore[attr-defined]
        if self._listener is not None:
            self._listener.close()
        connecting = self.__dict__.pop("_connecting", None)
        if connecting is not None:
            connecting.cancel()

    def detach(self) -> int:
        """The fd, as in the system."""
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.release()
        return super().detach()

    def _replace_fd(self, fd: int) -> None:
        """Puts what is behind `fd` under this socket's number."""
        if os.name == "nt":
            raise OSError(
                errno.EOPNOTSUPP,
                "socket().connect() cannot replace an open socket on Windows;"
                " use socks5client.connect() or create_connection()",
            )
        os.dup2(fd, self.fileno(), inheritable=self.get_inheritable())
        self.settimeout(self.gettimeout())  # non-blocking mode is the kernel socket's, not ours
