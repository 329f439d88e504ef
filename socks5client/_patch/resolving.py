"""The resolver's functions under `patch()`: nothing is looked up here that is not to be.

They take and return what those of the C module `_socket` do; the ones of `socket` call these.
"""

from __future__ import annotations

import _socket
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from .._plain import getaddrinfo as plain_getaddrinfo
from .._plain import read_literal
from .shim import INTERNET, family_of, ip_of, is_onion, numeric, valid

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .shim import Shim

# What the system would make of the networks of this machine is of no account at the proxy.
_OF_THIS_MACHINE = socket.AI_ADDRCONFIG | socket.AI_V4MAPPED | socket.AI_ALL

_plain: dict[str, Any] = {
    name: getattr(_socket if plain_getaddrinfo is _socket.getaddrinfo else socket, name)
    for name in (
        "getaddrinfo",
        "gethostbyaddr",
        "gethostbyname",
        "gethostbyname_ex",
        "getnameinfo",
    )
}


def functions(shim: Shim) -> dict[Any, Callable[..., Any]]:
    """What to put in the place of which function."""

    def getaddrinfo(
        host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> Any:
        name = _name(host)
        if name is None:
            if host is not None:
                flags |= socket.AI_NUMERICHOST
            return _plain["getaddrinfo"](host, port, family, type, proto, flags)
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, f"{name!r} is no IP literal")
        literals = _literals(shim, name, port, family)
        if literals is None:
            infos = _plain["getaddrinfo"](host, port, family, type, proto, flags)
            shim.note_direct(name, [str(ip_of(info[4][0])) for info in infos])
            return infos
        wanted = flags & ~_OF_THIS_MACHINE & ~socket.AI_CANONNAME
        infos = []
        for literal in literals:
            infos += read_literal(literal, port, family, type, proto, wanted)
        if flags & socket.AI_CANONNAME:
            infos[0] = (*infos[0][:3], name, infos[0][4])
        return infos

    def gethostbyname(name: Any, /) -> Any:
        return gethostbyname_ex(name)[2][0]

    def gethostbyname_ex(name: Any, /) -> Any:
        text = _name(name)
        literals = None if text is None else _literals(shim, text, 0, socket.AF_INET)
        if literals is not None:
            assert text is not None
            return text, [], literals
        found = _plain["gethostbyname_ex"](name)
        if text is not None:
            shim.note_direct(text, found[2])
        return found

    def gethostbyaddr(address: Any, /) -> Any:
        text = _name(address)
        if text is not None:
            literals = _literals(shim, text, 0, 0)
            return _plain["gethostbyaddr"](address) if literals is None else (text, [], literals)
        literal = numeric(address) if isinstance(address, str) else None
        if literal is None:
            return _plain["gethostbyaddr"](address)  # an error of its type
        name = _reverse(shim, literal)
        if name is _ASK:
            return _plain["gethostbyaddr"](literal)
        if name is None:
            raise socket.herror(1, f"Unknown host: {literal} has no name at the proxy")
        return name, [], [literal]

    def getnameinfo(sockaddr: Any, flags: int, /) -> Any:
        literal = None
        if isinstance(sockaddr, tuple) and sockaddr and isinstance(sockaddr[0], str):
            literal = numeric(sockaddr[0])
        if literal is None:
            return _plain["getnameinfo"](sockaddr, flags)  # an error
        name = None if flags & socket.NI_NUMERICHOST else _reverse(shim, literal)
        if name is _ASK:
            return _plain["getnameinfo"](sockaddr, flags)
        if name is None and flags & socket.NI_NAMEREQD:
            raise socket.gaierror(socket.EAI_NONAME, f"{literal} has no name at the proxy")
        return name or literal, _service(sockaddr[1], flags)

    patched = (getaddrinfo, gethostbyaddr, gethostbyname, gethostbyname_ex, getnameinfo)
    return {_plain[function.__name__]: function for function in patched}


def _service(port: int, flags: int) -> str:
    if not flags & socket.NI_NUMERICSERV:
        with suppress(OSError):
            return socket.getservbyport(port, "udp" if flags & socket.NI_DGRAM else "tcp")
    return str(port)


_ASK = "?"  # no host has it in its name


def _reverse(shim: Shim, literal: str) -> str | None:
    """The name of an address: None for none, `_ASK` where the system is to be asked."""
    name = shim.placeholders.name_of(literal)
    if name is not None:
        return name
    ip = ip_of(literal)
    if shim.this_machine and ip.is_loopback:
        return "localhost"
    if shim.dns == "local" or shim.is_direct(literal, 0):
        return _ASK
    return None if shim.resolver is None else shim.resolver.name_of(str(ip))


def _name(host: Any) -> str | None:
    """`host` as a text, where it is something that would be looked up."""
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii", "surrogateescape")
    return host if isinstance(host, str) and numeric(host) is None else None


def _literals(shim: Shim, name: str, port: Any, family: int) -> list[str] | None:
    """The addresses of `name` of a family, 0 for any; None where the system is to be asked.

    Raises gaierror.
    """
    if family and family not in INTERNET:
        raise socket.gaierror(socket.EAI_FAMILY, f"family {family} is not for {name!r}")
    if shim.is_this_machine(name):
        found = [host for host in shim.own_addresses(name) if family in (0, family_of(host))]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, f"{name!r} has no address of the family")
        return found
    if shim.rules.matches(name, port if isinstance(port, int) else 0):
        return None
    host = valid(name, 0).host
    if shim.dns == "remote" or is_onion(name):
        try:
            v4, v6 = shim.placeholders.addresses(host)
        except MemoryError as error:
            raise socket.gaierror(socket.EAI_MEMORY, str(error)) from None
        # One is enough: two would be tried in turn, and come to the same.
        return [v6 if family == socket.AF_INET6 else v4]
    if shim.dns == "local":
        return None
    assert shim.resolver is not None
    return shim.resolver.addresses(host, family)
