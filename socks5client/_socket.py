"""The drop-in socket, and the functions that make one.

After `connect` the fd is the kernel's own connection to the proxy, and `send`, `recv` and
their kin are the C methods of `socket.socket`: the data path costs nothing.
"""

from __future__ import annotations

import errno
import os
import socket as _stdlib

from .errors import SocksError
from .protocol import Address, AddressType
from .route import DIRECT, find_route, get_default_proxy
from .sync import Deadline, open_tunnel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self, TypeAlias

    from .protocol import Reply
    from .route import Chain, Direct, ProxyLike

    # ("host", port), or the four of IPv6.
    SocketAddress: TypeAlias = tuple[str | bytes, int] | tuple[str, int, int, int]

_INTERNET = (_stdlib.AF_INET, _stdlib.AF_INET6)
_TYPE_FLAGS = getattr(_stdlib, "SOCK_NONBLOCK", 0) | getattr(_stdlib, "SOCK_CLOEXEC", 0)
# What socket.create_connection takes for "the default timeout".
_DEFAULT_TIMEOUT: Any = getattr(_stdlib, "_GLOBAL_DEFAULT_TIMEOUT", object())


class socket(_stdlib.socket):
    """A `socket.socket` whose TCP connections go through a SOCKS5 proxy.

    Parameters: `family`, `type`, `proto`, `fileno` as `socket.socket` takes them; `proxy`, a
    `Proxy`, a URL, a sequence of either (a chain, first hop first), `DIRECT`, or None for the
    default proxy, else the environment, looked up at `connect`.

    The family is no limit: the address of the destination is the proxy's affair. A family or
    type without a proxied meaning (AF_UNIX, raw sockets) behaves as in the system, and so
    does a socket made from a `fileno`. Raises ValueError for a malformed `proxy`, OSError
    for a datagram socket, which is not supported yet. Source: RFC 1928 section 4.

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
        if fileno is None and family in (-1, *_INTERNET) and self._route is not DIRECT:
            kind = _stdlib.SOCK_STREAM if type == -1 else type & ~_TYPE_FLAGS
            default_is_direct = proxy is None and get_default_proxy() is DIRECT
            if kind == _stdlib.SOCK_DGRAM and not default_is_direct:
                raise OSError(errno.EPROTONOSUPPORT, "UDP through a proxy is not supported yet")
            if kind == _stdlib.SOCK_STREAM:
                self._proxied = True
                family = _stdlib.AF_INET if family == -1 else family
                type = _stdlib.SOCK_STREAM if type == -1 else type
                proto = 0 if proto == -1 else proto
                fileno = _stand_in(family, type)
        super().__init__(family, type, proto, fileno)

    def connect(self, address: Any, /) -> None:
        """Connects to `address`, ("host", port) or the four of IPv6, through the proxy.

        A name is resolved by the proxy, unless the proxy's scheme says here. The socket's
        timeout bounds all of it. Raises a SocksError, after which the socket can be used for
        another attempt; ValueError for an address that cannot be, before any I/O.
        """
        if not self._proxied:
            super().connect(address)
            return
        target = Address.from_tuple(address)
        self._check_unconnected()
        route = find_route(self._route)
        if route is DIRECT:
            with self._draft() as draft:
                draft.settimeout(self.gettimeout())
                try:
                    draft.connect(address)
                except BlockingIOError:  # it is on its way
                    self._become_plain(draft)
                    raise
                self._become_plain(draft)
            return
        if self.gettimeout() == 0:
            raise SocksError(
                "a non-blocking connect through a proxy is not supported yet",
                errno=errno.EOPNOTSUPP,
                target=target,
            )
        sock, wire, reply = open_tunnel(
            route,
            target,
            Deadline.after(self.gettimeout()),
            family=self.family,
            source_address=self._source,
            socket_options=self._options,
        )
        try:
            self._replace_fd(sock)
        finally:
            sock.close()
        self._peer, self._reply = address, reply
        if wire is not sock:
            self._wire = wire

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
        """Not supported yet through a proxy (BIND): OSError."""
        if self._proxied:
            self._check_unconnected()
            if find_route(self._route) is not DIRECT:
                raise OSError(
                    errno.EOPNOTSUPP, "listening through a proxy (BIND) is not supported yet"
                )
            with self._draft() as draft:
                self._become_plain(draft)
        super().listen(backlog)

    def getpeername(self) -> Any:
        """The destination as it was asked for; `proxy_peername` is the proxy."""
        if self._peer is None:
            return super().getpeername()
        return self._peer if len(self._peer) == 4 else _sockaddr(Address.from_tuple(self._peer))

    def getsockname(self) -> Any:
        """The address that the destination sees, where the proxy told a usable one.

        That is BND.ADDR and BND.PORT (RFC 1928 section 6); else the local address.
        """
        bound = None if self._reply is None else self._reply.bound
        if bound is not None and bound.is_usable:
            return _sockaddr(bound)
        if self._proxied and self._peer is None:
            self._check_open()
            return self._source or ("::" if self.family == _stdlib.AF_INET6 else "0.0.0.0", 0)
        return self.proxy_sockname

    @property
    def proxy_peername(self) -> Any:
        """The address of the first proxy, as `getpeername` gives it for a plain socket."""
        return super().getpeername() if self._wire is None else self._wire.getpeername()

    @property
    def proxy_sockname(self) -> Any:
        """The local address of the connection to the first proxy."""
        return super().getsockname() if self._wire is None else self._wire.getsockname()

    def setsockopt(self, *args: Any) -> None:
        """As in the system; before `connect` it is for the connection to the proxy."""
        if self._proxied and self._peer is None:
            with self._draft(bound=False) as draft:
                draft.setsockopt(*args)
            self._options += (args,)
        elif self._wire is None:
            super().setsockopt(*args)
        else:
            self._wire.setsockopt(*args)

    def getsockopt(self, *args: Any) -> Any:
        """As in the system; before `connect` it is of the connection to the proxy."""
        if self._proxied and self._peer is None:
            with self._draft(bound=False) as draft:
                return draft.getsockopt(*args)
        if self._wire is None or args[:2] == (_stdlib.SOL_SOCKET, _stdlib.SO_ERROR):
            return super().getsockopt(*args)
        return self._wire.getsockopt(*args)

    def dup(self) -> Self:
        """A second object for the same connection, as in the system."""
        twin = super().dup()
        vars(twin).update(vars(self))
        return twin

    def _check_open(self) -> None:
        if self.fileno() < 0:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def _check_unconnected(self) -> None:
        """The errors of the system for a socket that is closed, or is connected already."""
        self._check_open()
        if self._peer is not None:
            raise OSError(errno.EISCONN, os.strerror(errno.EISCONN))

    def _draft(self, *, bound: bool = True) -> _stdlib.socket:
        """A plain socket such as this one would be: with its options set, and bound as it is."""
        self._check_open()
        draft = _stdlib.socket(self.family, self.type, self.proto)
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
        self._replace_fd(draft)
        self._proxied = False

    def _replace_fd(self, sock: _stdlib.socket) -> None:
        """Puts the kernel's socket of `sock` under this one's fd number."""
        if os.name == "nt":
            raise OSError(
                errno.EOPNOTSUPP,
                "socket().connect() cannot replace an open socket on Windows;"
                " use socks5client.connect() or create_connection()",
            )
        os.dup2(sock.fileno(), self.fileno(), inheritable=self.get_inheritable())
        self.settimeout(self.gettimeout())  # non-blocking mode is the kernel socket's, not ours


def connect(
    address: SocketAddress, *, proxy: ProxyLike = None, timeout: float | None = None
) -> socket:
    """A drop-in `socket`, connected to `address` through `proxy`, in blocking mode.

    Parameters: `address`, ("host", port) or the four of IPv6; `proxy`, a `Proxy`, a URL, a
    sequence of either (a chain, first hop first), `DIRECT`, or None for the default proxy,
    else the environment; `timeout`, in seconds, for all of it, None for no limit.

    Raises a SocksError, or `socket.gaierror` where a name is looked up here; ValueError for
    what cannot be, or where no proxy is to be found, before any I/O. Source: RFC 1928.
    """
    sock = create_connection(address, timeout, proxy=proxy)
    sock.settimeout(None)
    return sock


def create_connection(
    address: SocketAddress,
    timeout: float | None = _DEFAULT_TIMEOUT,
    source_address: tuple[str, int] | None = None,
    *,
    all_errors: bool = False,
    proxy: ProxyLike = None,
) -> socket:
    """As `socket.create_connection`, through `proxy`.

    Parameters: `address` and `proxy` as for `connect`; `timeout`, in seconds, for the whole
    operation, which the socket then keeps (default: `socket.getdefaulttimeout()`);
    `source_address`, ("host", port), the local end of the connection to the proxy;
    `all_errors`, where a name is looked up here and no address can be reached, raises an
    ExceptionGroup of all the errors.

    Returns a drop-in `socket`; raises as `connect` does.
    """
    target = Address.from_tuple(address)
    route = find_route(proxy)
    if timeout is _DEFAULT_TIMEOUT:
        timeout = _stdlib.getdefaulttimeout()
    if route is DIRECT:
        plain = _stdlib.create_connection(target, timeout, source_address, all_errors=all_errors)
        return _adopt(plain, plain, timeout)
    sock, wire, reply = open_tunnel(
        route,
        target,
        Deadline.after(timeout),
        source_address=source_address,
        all_errors=all_errors,
        make=_make,
    )
    if not isinstance(sock, socket):  # the plain end of a bridge
        sock = _adopt(sock, wire, timeout)
        sock._wire = wire
    elif sock.gettimeout() != timeout:
        sock.settimeout(timeout)
    sock._proxied, sock._peer, sock._reply = True, address, reply
    return sock


def _make(family: int) -> socket:
    """A socket of the class whose fd is no stand-in, to be connected to a proxy."""
    sock = socket.__new__(socket)
    _stdlib.socket.__init__(sock, family)
    return sock


def _adopt(sock: _stdlib.socket, like: _stdlib.socket, timeout: float | None) -> socket:
    """A drop-in socket on the fd of `sock`, which looks like `like`."""
    try:
        adopted = socket(like.family, like.type, like.proto, sock.fileno())
    except BaseException:
        sock.close()
        raise
    sock.detach()
    adopted.settimeout(timeout)  # non-blocking mode is the kernel socket's, and came along
    return adopted


def _stand_in(family: int, type: int) -> int:
    """The fd of a socket that cannot be connected to an internet address."""
    if hasattr(_stdlib, "AF_UNIX"):
        family = _stdlib.AF_UNIX
    return _stdlib.socket(family, type).detach()


def _sockaddr(address: Address) -> tuple[str, int] | tuple[str, int, int, int]:
    """In the shape that the system gives: IPv6 has four."""
    if address.type is AddressType.IPV6:
        return address.host, address.port, 0, 0
    return address.host, address.port
