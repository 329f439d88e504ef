"""The resolver's functions under `patch()`: nothing is looked up here that is not to be.

They take and return what those of the C module `_socket` do; the ones of `socket` call these.
"""

from __future__ import annotations

import _socket
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from .._fakeip import Forgotten
from .._plain import getaddrinfo as plain_getaddrinfo
from .._plain import read_literal
from .hosts import Host
from .shim import INTERNET, in_ascii, ip_of, is_onion, numeric, valid

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .shim import Shim

# As plain numbers: an enum forgets the bits that it has no name for.
_NUMERIC_HOST = int(socket.AI_NUMERICHOST)
# What the system would make of the networks of this machine is of no account at the proxy.
_OF_THIS_MACHINE = int(socket.AI_ADDRCONFIG | socket.AI_V4MAPPED | socket.AI_ALL)

# What `gethostbyname` has an address for, without a look-up; nobody has such a name.
_NOBODY = ("", "<broadcast>")

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
                flags |= _NUMERIC_HOST
            return _plain["getaddrinfo"](host, port, family, type, proto, flags)
        if flags & _NUMERIC_HOST:
            raise socket.gaierror(socket.EAI_NONAME, f"{name!r} is no IP literal")
        found = _look_up(shim, name, port, family)
        if found is None:
            infos = _plain["getaddrinfo"](host, port, family, type, proto, flags)
            shim.note_direct(name, [str(ip_of(info[4][0])) for info in infos])
            return infos
        infos = []
        for address in found.addresses:
            wanted = flags & ~_OF_THIS_MACHINE & ~socket.AI_CANONNAME.value
            infos += read_literal(address, port, family, type, proto, wanted)
        if flags & socket.AI_CANONNAME:
            infos[0] = (*infos[0][:3], found.name, infos[0][4])
        return infos

    def gethostbyname(name: Any, /) -> Any:
        text = _text(name)
        if text is None or text in _NOBODY or _literal(text) is not None:
            return _plain["gethostbyname"](name)
        return gethostbyname_ex(name)[2][0]

    def gethostbyname_ex(name: Any, /) -> Any:
        text = _text(name)
        literal = None if text is None else _literal(text)
        if text is None or (literal is not None and ":" in literal):
            return _plain["gethostbyname_ex"](name)  # an error, of its type or its family
        if literal is not None:
            return text, [], [literal]
        found = _look_up(shim, text, 0, socket.AF_INET)
        if found is None:
            found = _plain["gethostbyname_ex"](name)
            shim.note_direct(text, found[2])
        return tuple(found)

    def gethostbyaddr(address: Any, /) -> Any:
        text = _text(address)
        if text is None:
            return _plain["gethostbyaddr"](address)  # an error of its type
        literal = _literal(text)
        if literal is None:
            found = _look_up(shim, text, 0, 0)
            if found is None:
                return _plain["gethostbyaddr"](address)
            # The system goes from the name to its first address, and from there to its host.
            host = shim.hosts.by_address(found.addresses[0]) if shim.is_this_machine(text) else None
            return tuple(host or found)
        host = _reverse(shim, literal)
        if host is _ASK:
            return _plain["gethostbyaddr"](literal)
        if host is None:
            raise socket.herror(1, f"Unknown host: {literal} has no name at the proxy")
        return host.name, host.aliases, [literal]

    def getnameinfo(sockaddr: Any, flags: int, /) -> Any:
        if not _is_sockaddr(sockaddr):
            return _plain["getnameinfo"](sockaddr, flags | socket.NI_NUMERICHOST)  # an error
        literal = numeric(sockaddr[0])
        assert literal is not None
        host = None if flags & socket.NI_NUMERICHOST else _reverse(shim, literal)
        if host is _ASK:
            return _plain["getnameinfo"](sockaddr, flags)
        if host is None and flags & socket.NI_NAMEREQD:
            raise socket.gaierror(socket.EAI_NONAME, f"{literal} has no name at the proxy")
        return literal if host is None else host.name, _service(sockaddr[1], flags)

    patched = (getaddrinfo, gethostbyaddr, gethostbyname, gethostbyname_ex, getnameinfo)
    return {_plain[function.__name__]: function for function in patched}


def _is_sockaddr(sockaddr: Any) -> bool:
    """Whether the system would find no fault with it."""
    if not isinstance(sockaddr, tuple) or not 2 <= len(sockaddr) <= 4:
        return False
    literal = numeric(sockaddr[0]) if isinstance(sockaddr[0], str) else None
    if literal is None or (len(sockaddr) > 2 and ":" not in literal):
        return False
    # The flow label has 20 bits (RFC 6437 section 2), the zone 32.
    limits = zip(sockaddr[1:], (0xFFFF, 0xFFFFF, 0xFFFFFFFF), strict=False)
    return all(isinstance(number, int) and 0 <= number <= most for number, most in limits)


def _service(port: int, flags: int) -> str:
    if not flags & socket.NI_NUMERICSERV:
        with suppress(OSError):
            return socket.getservbyport(port, "udp" if flags & socket.NI_DGRAM else "tcp")
    return str(int(port))


_ASK = Host("", [], [])


def _reverse(shim: Shim, literal: str) -> Host | None:
    """Whose an address is: None for nobody's, `_ASK` where the system is to be asked."""
    ip = ip_of(literal)
    try:
        name = shim.placeholders.name_of(literal)
    except Forgotten:
        return None
    if name is None and shim.this_machine:
        host = shim.hosts.by_address(str(ip))
        if host is not None:
            return host
        name = "localhost" if ip.is_loopback else None
    if name is None:
        if shim.dns == "local" or shim.is_direct(literal, 0):
            return _ASK
        name = None if shim.resolver is None else shim.resolver.name_of(str(ip))
    return None if name is None else Host(name, [], [literal])


def _text(host: Any) -> str | None:
    """What the system would take for a host, as a text; None for what it would find fault with.

    UnicodeError, as there, for a text that cannot be encoded: it has a label that is too long.
    """
    if isinstance(host, (bytes, bytearray)):
        text = host.decode("ascii", "surrogateescape")
    elif isinstance(host, str):
        text = host
        text.encode("idna")
    else:
        return None
    return None if "\0" in text else text


def _literal(text: str) -> str | None:
    return numeric(in_ascii(text))


def _name(host: Any) -> str | None:
    """`host` as a text, where it is something that would be looked up."""
    text = _text(host)
    return None if text is None or _literal(text) is not None else text


def _look_up(shim: Shim, name: str, port: Any, family: int) -> Host | None:
    """What `name` means, in addresses of a family, 0 for any; None where the system is to be asked.

    Raises gaierror.
    """
    if family and family not in INTERNET:
        raise socket.gaierror(socket.EAI_FAMILY, f"family {family} is not for {name!r}")
    if name in _NOBODY:
        raise socket.gaierror(socket.EAI_NONAME, f"{name!r} is no name")
    if shim.is_this_machine(name):
        found = shim.own(name, family)
        if not found.addresses:
            raise socket.gaierror(socket.EAI_NONAME, f"{name!r} has no address of the family")
        return found
    if shim.is_bypassed(name, port if isinstance(port, int) else 0):
        return None
    host = valid(name, 0).host
    if shim.dns == "remote" or is_onion(host):
        try:
            v4, v6 = shim.placeholders.addresses(host)
        except MemoryError as error:
            raise socket.gaierror(socket.EAI_MEMORY, str(error)) from None
        # One is enough: two would be tried in turn, and come to the same.
        return Host(host, [], [v6 if family == socket.AF_INET6 else v4])
    if shim.dns == "local":
        return None
    assert shim.resolver is not None
    found = Host(host, [], shim.resolver.addresses(host, family))
    shim.note_direct(name, found.addresses)  # for another port it may be
    return found
