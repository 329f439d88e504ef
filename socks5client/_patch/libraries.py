"""Libraries that reach the kernel past the methods of `socket.socket`: trio, and uvloop.

trio keeps the C methods that receive and send, which know of no header; uvloop connects, sends
and looks up in C. Both have classes on which methods can be set, when they have been imported.
"""

from __future__ import annotations

import socket
import sys
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from .datagrams import Datagrams
from .shim import INTERNET

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from .shim import Shim

_shim: Shim | None = None
_originals: list[tuple[type, str, Any]] = []


def install(shim: Shim | None) -> None:
    """From now on `shim` decides, for libraries imported later, too; None for none."""
    global _shim
    _shim = shim
    while _originals:
        cls, name, original = _originals.pop()
        if original is None:
            delattr(cls, name)
        else:
            setattr(cls, name, original)
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    if shim is not None:
        sys.meta_path.insert(0, _finder)
        for name in _PATCHES:
            if name in sys.modules:
                _patch(name, sys.modules[name])


def _patch(name: str, module: ModuleType) -> None:
    if _shim is not None:
        for cls, methods in _PATCHES[name](module, _shim):
            for method, function in methods.items():
                _originals.append((cls, method, vars(cls).get(method)))
                setattr(cls, method, function)


class _Finder:
    """Patches a library as soon as it is imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _PATCHES:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
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

    def method(name: str, wait: Any) -> Callable[..., Any]:
        original = getattr(cls, name)

        @wraps(original)
        async def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(self._sock, Datagrams):
                function = getattr(Datagrams, name)
                return await self._nonblocking_helper(wait, function, *args, **kwargs)
            return await original(self, *args, **kwargs)

        return call

    names = ("recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg", "recvmsg_into")
    methods = {name: method(name, core.wait_readable) for name in names if hasattr(cls, name)}
    return [(cls, {**methods, "send": method("send", core.wait_writable)})]


def _of_uvloop(module: Any, shim: Shim) -> list[tuple[type, dict[str, Any]]]:
    cls = module.Loop

    async def getaddrinfo(loop: Any, host: Any, port: Any, **options: int) -> Any:
        return await loop.run_in_executor(None, partial(socket.getaddrinfo, host, port, **options))

    async def getnameinfo(loop: Any, sockaddr: Any, flags: int = 0) -> Any:
        return await loop.run_in_executor(None, socket.getnameinfo, sockaddr, flags)

    async def create_connection(
        loop: Any, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        if host is None or options.get("sock") is not None or _is_direct(shim, host, port):
            return await cls.__base__.create_connection(
                loop, protocol_factory, host, port, **options
            )
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
            return await cls.__base__.create_connection(
                loop, protocol_factory, sock=sock, **options
            )
        except BaseException:
            sock.close()
            raise

    async def create_datagram_endpoint(
        loop: Any,
        protocol_factory: Any,
        local_addr: Any = None,
        remote_addr: Any = None,
        **options: Any,
    ) -> Any:
        if _stays_here(shim, local_addr, remote_addr, options.get("sock")):
            return await cls.__base__.create_datagram_endpoint(
                loop, protocol_factory, local_addr, remote_addr, **options
            )
        import asyncio

        from ..asyncio.endpoint import DatagramTransport

        sock: Any = options.get("sock")
        peer = None
        if sock is None:
            sock, peer = await _datagram_socket(loop, local_addr, remote_addr, options)
        try:
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


def _stays_here(shim: Shim, local: Any, remote: Any, sock: socket.socket | None) -> bool:
    """Whether datagrams of such an endpoint never leave this machine, or are to go directly."""
    if sock is not None:
        return sock.family not in INTERNET
    if remote is not None:
        return not isinstance(remote, tuple) or _is_direct(shim, *remote[:2])
    if local is None:
        return False
    return not isinstance(local, tuple) or shim.is_loopback(local[0])


async def _datagram_socket(
    loop: Any, local: Any, remote: Any, options: dict[str, Any]
) -> tuple[socket.socket, Any]:
    """A UDP socket as asyncio would make it; and the address of its peer."""
    family, peer = options.get("family") or socket.AF_INET, None
    for place in filter(None, (remote, local)):
        info = (
            await loop.getaddrinfo(
                *place[:2],
                family=options.get("family", 0),
                type=socket.SOCK_DGRAM,
                proto=options.get("proto", 0),
                flags=options.get("flags", 0),
            )
        )[0]
        family = info[0]
        if place is remote:
            peer = info[4]
        else:
            local = info[4]
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if options.get("reuse_port"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if options.get("allow_broadcast"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if local is not None:
            sock.bind(local)
        if peer is not None:
            sock.connect(peer)
    except BaseException:
        sock.close()
        raise
    return sock, peer


def _is_direct(shim: Shim, host: Any, port: Any) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    return isinstance(host, str) and shim.is_direct(host, port if isinstance(port, int) else 0)


_PATCHES: dict[str, Callable[[Any, Shim], list[tuple[type, dict[str, Any]]]]] = {
    "trio._socket": _of_trio,
    "uvloop": _of_uvloop,
}
