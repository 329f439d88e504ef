"""Libraries that reach the kernel past the methods of `socket.socket`: trio, and uvloop.

trio keeps the C methods that receive and send, which know of no header; uvloop connects, sends
and looks up in C. Both have classes on which methods can be set, when they have been imported.
"""

from __future__ import annotations

import socket
import sys
from contextlib import suppress
from functools import partial, wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .._plain import System
from .datagrams import Datagrams
from .shim import INTERNET

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from .shim import Shim

_shim: Shim | None = None
_originals: dict[tuple[type, str], Any] = {}  # None for what a class inherits


def install(shim: Shim | None) -> None:
    """From now on `shim` decides, for libraries imported later, too; None for none."""
    global _shim
    _shim = shim
    if shim is None:
        if _finder in sys.meta_path:
            sys.meta_path.remove(_finder)
        while _originals:
            (cls, name), original = _originals.popitem()
            if original is None:
                delattr(cls, name)
            else:
                setattr(cls, name, original)
        return
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    for name in _PATCHES:
        if name in sys.modules:
            _patch(name, import_module(name))  # another thread may be about to


def _patch(name: str, module: ModuleType) -> None:
    if _shim is not None:
        for cls, methods in _PATCHES[name](module, _shim):
            for method, function in methods.items():
                _originals.setdefault((cls, method), vars(cls).get(method))
                setattr(cls, method, function)


def _original(cls: type, name: str) -> Any:
    return _originals.get((cls, name)) or getattr(cls, name)


class _Finder:
    """Patches a library as soon as it is imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _PATCHES:
            return None
        for finder in sys.meta_path:
            find: Any = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path, target)
            if spec is not None and spec.loader is not None:
                loader: Any = spec.loader
                loader.exec_module = partial(self._execute, loader.exec_module, name)
                return spec
        return None

    def _execute(self, execute: Callable[[Any], None], name: str, module: ModuleType) -> None:
        execute(module)
        _patch(name, module)


_finder: Any = _Finder()


def _of_trio(module: Any, shim: Shim) -> list[tuple[type, dict[str, Any]]]:
    cls, core = module._SocketType, module._core
    plain_init = _original(cls, "__init__")

    def init(self: Any, sock: socket.socket) -> None:
        kind = type(sock)
        if kind is not Datagrams:
            plain_init(self, sock)
            return
        sock.__class__ = System  # no other would be taken
        try:
            plain_init(self, sock)
        finally:
            sock.__class__ = kind

    def method(name: str, wait: Any) -> Callable[..., Any]:
        original = _original(cls, name)

        def attempt(sock: socket.socket, *args: Any, **kwargs: Any) -> Any:
            return getattr(sock, name)(*args, **kwargs)

        @wraps(original)
        async def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            if self._sock.type != socket.SOCK_DGRAM:
                return await original(self, *args, **kwargs)
            # What class it is of may change while this waits.
            return await self._nonblocking_helper(wait, attempt, *args, **kwargs)

        return call

    names = ("recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg", "recvmsg_into")
    methods = {name: method(name, core.wait_readable) for name in names if hasattr(cls, name)}
    return [(cls, {**methods, "__init__": init, "send": method("send", core.wait_writable)})]


def _of_uvloop(module: Any, shim: Shim) -> list[tuple[type, dict[str, Any]]]:
    cls: Any = module.Loop
    base: Any = cls.__base__

    async def getaddrinfo(loop: Any, host: Any, port: Any, **options: int) -> Any:
        return await loop.run_in_executor(None, partial(socket.getaddrinfo, host, port, **options))

    async def getnameinfo(loop: Any, sockaddr: Any, flags: int = 0) -> Any:
        return await loop.run_in_executor(None, socket.getnameinfo, sockaddr, flags)

    async def create_connection(
        loop: Any, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        if (host is None and port is None) or options.get("sock") is not None:
            return await base.create_connection(loop, protocol_factory, host, port, **options)
        local, family, proto, flags = (
            options.pop(name, default)
            for name, default in (("local_addr", None), ("family", 0), ("proto", 0), ("flags", 0))
        )
        infos = await getaddrinfo(
            loop, host, port, family=family, type=socket.SOCK_STREAM, proto=proto, flags=flags
        )
        sock = await _connected(loop, infos, local)
        if options.get("ssl") and options.get("server_hostname") is None:
            options["server_hostname"] = host
        try:
            return await base.create_connection(loop, protocol_factory, sock=sock, **options)
        except BaseException:
            sock.close()
            raise

    async def create_datagram_endpoint(
        loop: Any,
        protocol_factory: Any,
        local_addr: Any = None,
        remote_addr: Any = None,
        *,
        sock: Any = None,
        **options: Any,
    ) -> Any:
        local = remote = peer = None
        if sock is not None:
            wrong = local_addr or remote_addr or any(options.values())
            stays = wrong or sock.family not in INTERNET or sock.type != socket.SOCK_DGRAM
        else:
            # Here, for it would look names up itself.
            local = await _found(loop, local_addr, options)
            remote = await _found(loop, remote_addr, options)
            stays = _stays_here(shim, local, remote, options)
            local_addr, remote_addr = local and local[4][:2], remote and remote[4][:2]
        if stays:
            return await base.create_datagram_endpoint(
                loop, protocol_factory, local_addr, remote_addr, sock=sock, **options
            )
        import asyncio

        from ..asyncio.endpoint import DatagramTransport

        if sock is None:
            sock = _datagram_socket(local, remote, options)
        try:
            sock.setblocking(False)
            with suppress(OSError):  # it is not connected
                peer = remote[4] if remote else sock.getpeername()
            protocol = protocol_factory()
            transport = DatagramTransport(loop, sock, protocol, peer)
        except BaseException:
            sock.close()
            raise
        try:
            await asyncio.sleep(0)  # connection_made() comes first
        except BaseException:
            transport.abort()
            raise
        return transport, protocol

    return [
        (
            cls,
            {
                "getaddrinfo": getaddrinfo,
                "getnameinfo": getnameinfo,
                "create_connection": create_connection,
                "create_datagram_endpoint": create_datagram_endpoint,
            },
        )
    ]


async def _connected(loop: Any, infos: Sequence[Any], local: Any) -> socket.socket:
    """A socket that is connected to the first of the addresses that can be reached."""
    failure: OSError = OSError("getaddrinfo() returned empty list")
    for family, kind, proto, _, address in infos:
        sock = socket.socket(family, kind, proto)
        try:
            sock.setblocking(False)
            if local is not None:
                sock.bind(local)
            await loop.sock_connect(sock, address)
            return sock
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
    raise failure


async def _found(loop: Any, place: Any, options: dict[str, Any]) -> Any:
    """What `getaddrinfo` finds first for `place`, (host, port), if there is one."""
    if place is None:
        return None
    if not isinstance(place, (tuple, list)) or len(place) != 2:
        raise TypeError(f"{place!r} is no tuple of (host, port)")
    wanted = {name: options.get(name, 0) for name in ("family", "proto", "flags")}
    return (await loop.getaddrinfo(*place, type=socket.SOCK_DGRAM, **wanted))[0]


def _stays_here(shim: Shim, local: Any, remote: Any, options: dict[str, Any]) -> bool:
    """Whether datagrams of such an endpoint never leave this machine, or are to go directly."""
    if remote is not None:
        return shim.is_direct(*remote[4][:2])
    if local is not None:
        return shim.is_loopback(local[4][0])
    return options.get("family") not in INTERNET  # an error


def _datagram_socket(local: Any, remote: Any, options: dict[str, Any]) -> socket.socket:
    """A UDP socket as asyncio would make it."""
    family = (remote or local or [options.get("family")])[0]
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if options.get("reuse_port"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if options.get("allow_broadcast"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if local is not None:
            sock.bind(local[4])
        if remote is not None:
            sock.connect(remote[4])
    except BaseException:
        sock.close()
        raise
    return sock


_PATCHES: dict[str, Callable[[Any, Shim], list[tuple[type, dict[str, Any]]]]] = {
    "trio._socket": _of_trio,
    "uvloop": _of_uvloop,
}
