"""What `patch()` sets on the class `socket.socket`.

`send`, `recv` and `recv_into` are not among it: a connected TCP socket is the kernel's own.
"""

from __future__ import annotations

import _socket
import errno
import os
import socket
from operator import attrgetter, index
from typing import TYPE_CHECKING

from .._plain import CHANGEABLE, Plain, System, moved
from . import connections
from .datagrams import Datagrams, change_over
from .delegates import StreamDelegate, delegate_of, forget, leave, note_of
from .shim import INTERNET, decoded, in_ascii, numeric

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._socket.stream import socket as DropIn
    from .shim import Shim

_STREAM, _DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
_UDP = (0, socket.IPPROTO_UDP)
# Connects by sending, which nobody else would hear of.
_FASTOPEN = getattr(socket, "MSG_FASTOPEN", 0)
_NEVER_WAITS = getattr(socket, "MSG_DONTWAIT", 0) | getattr(socket, "MSG_ERRQUEUE", 0)


def _reader(name: str) -> Callable[[Any], int]:
    """Reads an attribute of a socket; the class itself would make an enum of it, at a price."""
    if not issubclass(System, _socket.socket):  # gevent's
        return attrgetter(name)
    get: Callable[[Any], int] = getattr(_socket.socket, name).__get__
    return get


_family, _kind, _proto = _reader("family"), _reader("type"), _reader("proto")
_plain: dict[str, Any] = {name: getattr(Plain, name) for name in CHANGEABLE if hasattr(Plain, name)}


def methods(shim: Shim) -> dict[str, Callable[..., Any]]:
    """The methods for the class, by name; they go by `shim` for as long as anybody has them."""
    plain_connect, plain_connect_ex = _plain["connect"], _plain["connect_ex"]

    def connect(self: socket.socket, address: Any, /) -> Any:
        if _family(self) not in INTERNET:
            return plain_connect(self, address)
        worker, address = _worker(shim, self, address, "connect")
        return plain_connect(self, address) if worker is None else worker.connect(address)

    def connect_ex(self: socket.socket, address: Any, /) -> Any:
        try:
            worker, address = _worker(shim, self, address, "connect_ex")
        except socket.gaierror:
            raise
        except OSError as error:
            return error.errno or errno.EIO
        return plain_connect_ex(self, address) if worker is None else worker.connect_ex(address)

    def sendto(self: socket.socket, *args: Any) -> Any:
        if len(args) in (2, 3):
            flags = args[1] if len(args) == 3 else 0
            worker, address = _sender(shim, self, args[-1], flags, "sendto")
            if worker is not None:
                return worker.sendto(*args)
            args = (*args[:-1], address)
        return _plain["sendto"](self, *args)

    def sendmsg(
        self: socket.socket, buffers: Any, ancdata: Any = (), flags: int = 0, address: Any = None, /
    ) -> Any:
        worker, address = _sender(shim, self, address, flags, "sendmsg")
        if worker is not None:
            return worker.sendmsg(buffers, ancdata, flags, address)
        return _plain["sendmsg"](self, buffers, ancdata, flags, address)

    def bind(self: socket.socket, address: Any, /) -> Any:
        if _family(self) not in INTERNET:
            return _plain["bind"](self, address)
        address = _own_address(shim, self, address)
        _plain["bind"](self, address)
        if _kind(self) == _STREAM:
            note_of(self).source = address

    def listen(self: socket.socket, *args: Any) -> Any:
        if shim.bind and _can_have_a_rendezvous(shim, self):
            note = note_of(self)
            note.delegate = StreamDelegate(self, shim, shim.chain, note)
            try:
                return note.delegate.listen(*args)
            except BaseException:
                forget(self)
                raise
        return _plain["listen"](self, *args)

    patched: dict[str, Callable[..., Any]] = {
        "connect": connect,
        "connect_ex": connect_ex,
        "sendto": sendto,
        "sendmsg": sendmsg,
        "bind": bind,
        "listen": listen,
        **_WITHOUT_SETTINGS,
    }
    return {name: method for name, method in patched.items() if name in _plain}


def _worker(shim: Shim, sock: socket.socket, address: Any, call: str) -> tuple[DropIn | None, Any]:
    """Who is to connect `sock`, its delegate or None for the system, and to what."""
    if _family(sock) not in INTERNET:
        return None, address
    if _kind(sock) == _DATAGRAM:
        return _sender(shim, sock, address, 0, call)
    if _kind(sock) != _STREAM:
        return None, address
    chain, target = shim.way(_family(sock), address, call)
    delegate: StreamDelegate | None = delegate_of(sock)
    if chain is None:
        if delegate is not None and delegate.is_idle:
            delegate.become_plain()
            forget(sock)
            delegate = None
        return delegate, target
    if delegate is None:
        _check_unconnected(sock)
        note = note_of(sock)
        note.delegate = delegate = StreamDelegate(sock, shim, chain, note)
    elif delegate.is_idle:
        delegate.follow(sock, chain)
    if delegate.is_idle:
        delegate.hold = shim.placeholders.hold(target.host)
    return delegate, target


def _sender(
    shim: Shim, sock: socket.socket, address: Any, flags: Any, call: str
) -> tuple[DropIn | None, Any]:
    """Who is to send to `address` for `sock`, its delegate or None for the system."""
    if _family(sock) not in INTERNET:
        return None, address
    if isinstance(sock, Datagrams):  # which somebody passes to a method of socket.socket
        return delegate_of(sock), address
    if _kind(sock) != _DATAGRAM or _proto(sock) not in _UDP:
        if _kind(sock) == _STREAM and index(flags) & _FASTOPEN:
            raise OSError(errno.EOPNOTSUPP, "MSG_FASTOPEN: the proxy has to be asked first")
        return None, address
    if address is None:
        return None, None
    chain, target = shim.way(_family(sock), address, call)
    if chain is None:
        return None, target
    _check_open(sock)
    return change_over(sock, shim), address


def _check_open(sock: socket.socket) -> None:
    """The system's error for a closed socket, for which it would look a name up first."""
    if sock.fileno() < 0:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def _check_unconnected(sock: socket.socket) -> None:
    """The system's errors for what is closed, connected already or listens."""
    _check_open(sock)
    try:
        _plain["getpeername"](sock)
    except OSError:
        if not _plain["getsockopt"](sock, socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return
    raise OSError(errno.EISCONN, os.strerror(errno.EISCONN))


def _own_address(shim: Shim, sock: socket.socket, address: Any) -> Any:
    """`address` for the system's `bind`, which would have a name looked up."""
    if not isinstance(address, tuple) or not address:
        return address
    host = address[0]
    if isinstance(host, (bytes, bytearray)):
        host = decoded(host)
    if not isinstance(host, str) or host in ("", "<broadcast>"):
        return address
    if numeric(in_ascii(host)) is not None:
        return address
    if shim.is_direct(host, 0):
        _, (host, *_) = shim.way(_family(sock), (host, 0), "bind")
        return (host, *address[1:])
    raise OSError(errno.EADDRNOTAVAIL, f"{host} is no name of this machine")


def _can_have_a_rendezvous(shim: Shim, sock: socket.socket) -> bool:
    """Whether a listener is for the proxy: not where it is for loopback, or its port was chosen."""
    if _family(sock) not in INTERNET or _kind(sock) != _STREAM:
        return False
    host, port = (note_of(sock).source or ("", 0))[:2]
    return port == 0 and not shim.is_loopback(host)


# What is the same whatever the settings: it asks the delegate, where there is one.


def accept(self: socket.socket) -> tuple[socket.socket, Any]:
    """As in the system; of a rendezvous, its peer."""
    delegate = delegate_of(self)
    if delegate is None:
        accepted: tuple[socket.socket, Any] = _plain["accept"](self)
        return accepted
    delegate.settimeout(self.gettimeout())
    sock, peer = delegate.accept()
    names = connections.Names(peer, sock.getsockname())
    timeout = sock.gettimeout()
    plain = moved(sock, System, sock.family, sock.type, sock.proto)
    plain.settimeout(timeout)
    connections.note(plain, names)
    return plain, peer


def getpeername(self: socket.socket) -> Any:
    """As in the system; through a proxy, whom the program asked for, a name by its placeholder."""
    delegate = delegate_of(self)
    if delegate is not None and not delegate.is_idle:
        return delegate.getpeername()
    names = connections.names_of(self)
    return _plain["getpeername"](self) if names is None else names.peer


def getsockname(self: socket.socket) -> Any:
    """As in the system; through a proxy, what the destination sees, where that is known."""
    delegate = delegate_of(self)
    if delegate is not None:
        return delegate.getsockname()
    names = connections.names_of(self)
    return _plain["getsockname"](self) if names is None else names.own


def getsockopt(self: socket.socket, *args: Any) -> Any:
    """As in the system; after a connect that does not wait, how it ended."""
    delegate = delegate_of(self)
    if delegate is None:
        return _plain["getsockopt"](self, *args)
    return delegate.getsockopt(*args)


def setsockopt(self: socket.socket, *args: Any) -> None:
    """As in the system; before `connect` it is for the connection to the proxy, too."""
    delegate = delegate_of(self)
    if delegate is not None:
        delegate.setsockopt(*args)
        return
    _plain["setsockopt"](self, *args)
    if _family(self) in INTERNET:
        try:
            _plain["getpeername"](self)
        except OSError:
            note_of(self).options.append(args)


def dup(self: socket.socket) -> socket.socket:
    """As in the system."""
    delegate = delegate_of(self)
    if delegate is not None:
        if delegate.is_delicate:
            raise OSError(errno.EOPNOTSUPP, "it cannot be duplicated before it is connected")
        _note_names(self, delegate)
    twin: socket.socket = _plain["dup"](self)
    return twin


def detach(self: socket.socket) -> int:
    """As in the system."""
    delegate = delegate_of(self)
    if delegate is not None:
        _note_names(self, delegate)
        delegate.detach()
        forget(self)
    else:
        leave(self)
    fd: int = _plain["detach"](self)
    return fd


def _real_close(self: socket.socket, *args: Any) -> None:
    forget(self)
    _plain["_real_close"](self, *args)


def __repr__(self: socket.socket) -> str:
    delegate = delegate_of(self)
    is_plain = delegate is None or not delegate.is_delicate
    text: str = _plain["__repr__"](self) if is_plain else delegate.brief(type(self))
    return text


def _wait(sock: socket.socket) -> None:
    """Until something has arrived; an error of what is the proxy's by then is told later."""
    if sock.gettimeout() != 0:
        try:
            Plain.recv(sock, 1, socket.MSG_PEEK)
        except ConnectionRefusedError:
            if not isinstance(sock, Datagrams):
                raise


def _receiver(name: str) -> Callable[..., Any]:
    """Of a UDP socket, which another thread may change over by sending while this waits."""
    system = getattr(Plain, name)
    place = 1 if name == "recvfrom" else 2  # of the flags

    def call(self: socket.socket, *args: Any, **options: Any) -> Any:
        if _kind(self) == _DATAGRAM and _family(self) in INTERNET:
            flags = options.get("flags", args[place] if len(args) > place else 0)
            if not isinstance(self, Datagrams) and not index(flags) & _NEVER_WAITS:
                _wait(self)
            if isinstance(self, Datagrams):
                return getattr(Datagrams, name)(self, *args, **options)
        return system(self, *args, **options)

    call.__name__, call.__doc__ = name, "As in the system."
    return call


def _note_names(sock: socket.socket, delegate: StreamDelegate) -> None:
    """The connection may be somebody else's from now on."""
    if not delegate.is_idle and not delegate.is_delicate:
        peer, own = delegate.getpeername(), delegate.getsockname()
        connections.note(sock, connections.Names(peer, own, delegate.hold))


_WITHOUT_SETTINGS: dict[str, Callable[..., Any]] = {
    "__repr__": __repr__,
    "_real_close": _real_close,
    "accept": accept,
    "detach": detach,
    "dup": dup,
    "getpeername": getpeername,
    "getsockname": getsockname,
    "getsockopt": getsockopt,
    "setsockopt": setsockopt,
    **{
        name: _receiver(name)
        for name in ("recvfrom", "recvfrom_into", "recvmsg", "recvmsg_into")
        if name in _plain
    },
}
