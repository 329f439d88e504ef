"""uvloop connects, sends and looks up in C: what does so is done by the patched sockets instead."""

from __future__ import annotations

import socket
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from ..shim import INTERNET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..shim import Shim
    from .changes import Changes, Original


def changes(module: Any, shim: Shim, original_of: Original) -> Changes:
    """For `uvloop`: the methods of its loop."""
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
        from ...asyncio.endpoint import start_endpoint

        if sock is None:
            sock = _datagram_socket(local, remote, options)
        sock.setblocking(False)
        with suppress(OSError):  # it is not connected
            peer = remote[4] if remote else sock.getpeername()
        return await start_endpoint(sock, protocol_factory, peer)

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
