"""The sockets that connections are made of: -4, -6, --interface, --local-port, keepalive."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING

from .._plain import Plain
from .exitcodes import Exit, TransferError
from .targets import is_literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from .options import Options

_KEEPALIVE = 60  # seconds, as curl's
_TO_DEVICE = getattr(socket, "SO_BINDTODEVICE", None)  # Linux has it
_VERSIONS = {4: socket.AF_INET, 6: socket.AF_INET6}


def maker(
    options: Options, made: Callable[[socket.socket], None]
) -> Callable[[int], socket.socket]:
    """Makes an unconnected TCP socket of a family, as `socks5client.tunnel.open_tunnel` wants it.

    `made` is called with each of them. Raises OSError for a family that is not wanted,
    TransferError where the local end cannot be had.
    """

    def make(family: int) -> socket.socket:
        wanted = _VERSIONS.get(options.ip_version or 0)
        if wanted is not None and family not in (wanted, _UNIX):
            raise OSError(errno.EAFNOSUPPORT, f"no IPv{options.ip_version} address to connect to")
        sock = Plain(family, socket.SOCK_STREAM)
        try:
            if family != _UNIX:
                _prepare(sock, options)
        except BaseException:
            sock.close()
            raise
        made(sock)
        return sock

    return make


_UNIX = getattr(socket, "AF_UNIX", -1)


def _prepare(sock: socket.socket, options: Options) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, options.tcp_nodelay)
    if options.keepalive:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
            if hasattr(socket, name):
                seconds = options.keepalive_time or _KEEPALIVE
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), seconds)
    host = "" if options.interface is None else _local_host(sock, options.interface)
    if host or options.local_port is not None:
        _bind(sock, host, options.local_port)


def _local_host(sock: socket.socket, name: str) -> str:
    """The local address; "" where the socket is bound to an interface, whatever its address."""
    only_interface, only_host = name.startswith("if!"), name.startswith("host!")
    name = name.removeprefix("if!").removeprefix("host!")
    if is_literal(name):
        return name
    if not only_host and _is_interface(name):
        try:
            if _TO_DEVICE is None:
                raise OSError
            sock.setsockopt(socket.SOL_SOCKET, _TO_DEVICE, os.fsencode(name) + b"\0")
        except OSError as error:
            raise _no_local_end(f"to the interface {name}", error) from None
        return ""
    if only_interface:
        raise _no_local_end(f"to the interface {name}", OSError(errno.ENODEV, "No such device"))
    try:
        found = socket.getaddrinfo(name, None, sock.family, socket.SOCK_STREAM)
    except OSError as error:
        raise _no_local_end(f"to {name}", error) from None
    return str(found[0][4][0])


def _is_interface(name: str) -> bool:
    try:
        socket.if_nametoindex(name)
    except OSError:
        return False
    return True


def _bind(sock: socket.socket, host: str, ports: str | None) -> None:
    if host and (":" in host) != (sock.family == socket.AF_INET6):
        raise OSError(errno.EAFNOSUPPORT, "the address of --interface is of the other family")
    first, _, last = (ports or "0").partition("-")
    failure: OSError | None = None
    for port in range(int(first), int(last or first) + 1):
        try:
            sock.bind((host, port))
        except OSError as error:
            failure = error
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                break
        else:
            return
    assert failure is not None
    raise _no_local_end(f"to {host or 'any address'}, port {ports or 'any'}", failure)


def _no_local_end(where: str, error: OSError) -> TransferError:
    reason = error.strerror or "not possible on this system"
    return TransferError(Exit.INTERFACE_FAILED, f"cannot bind {where}: {reason}")
