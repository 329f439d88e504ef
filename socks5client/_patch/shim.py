"""What one `patch()` decides: which way a destination goes, and which names mean what."""

from __future__ import annotations

import errno
import os
import socket
from _thread import allocate_lock
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from operator import index
from typing import TYPE_CHECKING

from .._fakeip import Forgotten
from .._plain import Plain, family_of
from ..protocol import Address
from .hosts import Host, Hosts

if TYPE_CHECKING:
    from ipaddress import IPv4Address
    from typing import Any, Protocol, TypeAlias

    from .._fakeip import Placeholders
    from ..bypass import Bypass
    from ..route import Chain

    # The proxies to go through, None for none; and the address to give them, or the system.
    Way: TypeAlias = tuple[Chain | None, Any]

    class Names(Protocol):
        """What a `socks5client.dns.Resolver` does here."""

        def addresses(self, name: str, family: int = 0) -> list[str]: ...
        def name_of(self, address: str) -> str | None: ...


INTERNET = (socket.AF_INET, socket.AF_INET6)
MODES = ("remote", "tunnel", "local")

_BROADCAST = "<broadcast>"
_LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
_EVERYTHING = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}
_MOST_WAYS = 4096
_MOST_DIRECT = 4096
_MOST_NAMES = 8  # of one address, where many have it

_noting = allocate_lock()


class Shim:
    """The settings of one `patch()`, and what follows from them.

    Parameters: `chain`, the proxies; `dns`, one of `MODES`; `rules`, what is reached directly,
    besides this machine itself unless `this_machine` is False; `placeholders`, for "remote",
    and for names that no resolver may hear of; `resolver`, for "tunnel".
    """

    def __init__(
        self,
        chain: Chain,
        dns: str,
        rules: Bypass,
        *,
        this_machine: bool,
        placeholders: Placeholders,
        resolver: Names | None = None,
        strict: bool = False,
        bind: bool = False,
    ) -> None:
        self.dns = dns
        self.rules = rules
        self.this_machine = this_machine
        self.placeholders = placeholders
        self.resolver = resolver
        self.strict = strict
        self.bind = bind
        # Names that come so far are the last proxy's affair, whatever its URL says.
        self.chain = (*chain[:-1], chain[-1].replace(remote_dns=True))
        self._local_chain = (*chain[:-1], chain[-1].replace(remote_dns=False))
        self.hosts = Hosts()
        self._host_name = socket.gethostname().lower()
        self._ways: dict[Any, Way] = {}
        # The names that are reached directly, by the addresses that they were found to have.
        self._direct: dict[str, tuple[str, ...]] = {}

    def way(self, family: int, address: Any, call: str) -> Way:
        """Which way `address`, as `call` was given it on a socket of `family`, goes.

        Raises what the system would raise of an address that cannot be; where it has no such
        shape, the system may be left to say so. OSError for a forgotten placeholder.
        """
        try:
            return self._ways[family, type(address[1]), address]
        except (KeyError, TypeError, IndexError):
            return self._decide(family, address, call)

    def is_direct(self, host: str, port: int) -> bool:
        """Whether `host`, a name or an IP literal, is to be reached without the proxy."""
        literal = numeric(in_ascii(host))
        if literal is None:
            return self.is_this_machine(host) or self.is_bypassed(host, port)
        ip = ip_of(literal)
        return (
            (self.this_machine and (ip.is_loopback or ip.is_unspecified))
            or self.rules.matches(str(ip), port)
            or any(self.is_direct(name, port) for name in self._direct.get(str(ip), ()))
        )

    def is_bypassed(self, name: str, port: int) -> bool:
        """Whether the rules want `name` looked up, and reached, without the proxy.

        Never that of an onion service (RFC 7686 section 2), not even if they say everything.
        """
        host = in_ascii(name)
        if is_onion(host):
            return False
        return self.rules.matches(name, port) or (host != name and self.rules.matches(host, port))

    def is_loopback(self, host: Any) -> bool:
        """Whether `host`, a name or an IP literal to bind, is for this machine alone."""
        literal = numeric(host) if isinstance(host, str) else None
        if literal is None:
            return isinstance(host, str) and self.is_this_machine(host)
        return self.this_machine and ip_of(literal).is_loopback

    def is_this_machine(self, name: str) -> bool:
        """Whether `name` is one of this machine's, which is not asked for anywhere.

        These are localhost and what ends in it (RFC 6761 section 6.3), the host name, and those
        to which the file of hosts gives addresses of loopback only.
        """
        if not self.this_machine:
            return False
        name = _plain_name(in_ascii(name))
        if name.rpartition(".")[2] == "localhost" or name == self._host_name:
            return True
        host = self.hosts.by_name(name)
        return host is not None and all(ip_of(each).is_loopback for each in host.addresses)

    def own(self, name: str, family: int = 0) -> Host:
        """What one of this machine's names means: as its file of hosts says, else loopback.

        With addresses of `family` only, 0 for any; perhaps there are none. They are direct.
        """
        plain = _plain_name(in_ascii(name))
        found = self.hosts.by_name(plain, family)
        if found is None and plain != self._host_name:
            localhost = self.hosts.by_name("localhost", family)
            found = None if localhost is None else Host(name, [], localhost.addresses)
        if found is None:
            return Host(name, [], ["127.0.0.1"] if family in (0, socket.AF_INET) else [])
        elsewhere = [each for each in found.addresses if not ip_of(each).is_loopback]
        if elsewhere:
            self.note_direct(name, elsewhere)
        # In the order of the system, which would ask a resolver for the family that is missing.
        return found._replace(addresses=sorted(found.addresses, key=family_of, reverse=True))

    def may_look_up(self, host: str) -> bool:
        """Whether the system's resolver may be asked for a name, or the name of an address."""
        return (
            (self.dns == "local" and not is_onion(in_ascii(host)))
            or host == self.chain[0].host
            or self.is_this_machine(host)
            or self.is_bypassed(host, 0)
        )

    def shown(self, address: Any, family: int) -> Any:
        """A peer's address for the program: where it is a name, the placeholder of that."""
        if numeric(address[0]) is not None:
            return address
        v4, v6 = self.placeholders.addresses(address[0])
        return Address(v6 if family == socket.AF_INET6 else v4, address[1]).to_tuple()

    def note_direct(self, name: str, hosts: list[str]) -> None:
        """A name that may be reached directly was found to have the addresses `hosts`."""
        with _noting:
            # A copy: who decides meanwhile, without a lock, sees all of the old or of the new.
            direct = self._direct.copy()
            is_new = False
            for host in hosts:
                names = direct.pop(host, ())
                is_new |= name not in names
                others = [other for other in names if other != name]
                direct[host] = (*others[1 - _MOST_NAMES :], name)
            while len(direct) > _MOST_DIRECT:
                del direct[next(iter(direct))]
            self._direct = direct
            if is_new:
                self._ways = {}  # of those, and of whoever is deciding by the old ones

    def _decide(self, family: int, address: Any, call: str) -> Way:
        ways = self._ways  # before all else
        if not isinstance(address, tuple) or not address:
            return None, address
        host = address[0]
        if isinstance(host, (bytes, bytearray)):
            host = decoded(host)
        if not isinstance(host, str):
            return None, address
        if not _is_encodable(host):
            _check(family, address, call)
        literal = numeric(in_ascii(host))
        # Of a name the rest alone: the system would look it up.
        place = _LOOPBACK[socket.AddressFamily(family)] if literal is None else address[0]
        _check(family, (place, *address[1:]), call)
        port = index(address[1])
        if host == "" and self.this_machine:
            literal = _EVERYTHING[socket.AddressFamily(family)]
        elif host == _BROADCAST:
            literal = "255.255.255.255"
        if literal is None:
            return self._way_to_name(family, host, port)
        name = self._name_behind(literal)
        if name is not None:
            return self._way_to_name(family, name, port)
        way: Way = (None, address)
        if not self.is_direct(literal, port):
            way = self.chain, valid(str(ip_of(literal)), port)
        if len(ways) >= _MOST_WAYS:
            ways.clear()
        with suppress(TypeError):
            ways[family, type(address[1]), address] = way  # 80.0 is equal to 80
        return way

    def _way_to_name(self, family: int, name: str, port: int) -> Way:
        if self.is_this_machine(name):
            hosts = self.own(name, family).addresses or [_LOOPBACK[socket.AddressFamily(family)]]
            return None, (hosts[0], port)
        if self.is_bypassed(name, port):
            return None, (name, port)
        target = valid(name, port)
        if self.dns == "remote" or is_onion(target.host):
            return self.chain, target
        if self.dns == "local":
            return self._local_chain, target
        assert self.resolver is not None
        return self.chain, valid(self.resolver.addresses(target.host, family)[0], port)

    def _name_behind(self, literal: str) -> str | None:
        try:
            return self.placeholders.name_of(literal)
        except Forgotten as error:
            raise OSError(errno.EADDRNOTAVAIL, f"{error}: look the name up again") from None


def _check(family: int, address: Any, call: str) -> None:
    """Raises what the system does of an address that is of another shape or family.

    It is given to a closed socket, which goes nowhere with it.
    """
    try:
        _closed(family).bind(address)
    except (TypeError, OverflowError) as error:
        text = str(error).removesuffix(".").replace("bind()", f"{call}()")
        raise type(error)(f"{text}, in {address!r}") from None
    except socket.gaierror:
        raise
    except OSError as error:
        if error.errno not in (errno.EBADF, errno.ENOTSOCK):  # the latter on Windows
            raise


def _is_encodable(host: str) -> bool:
    """Whether the system would get as far as to look `host` up."""
    try:
        return "\0" not in host and (host.isascii() or bool(host.encode("idna")))
    except UnicodeError:
        return False


@lru_cache(maxsize=2)
def _closed(family: int) -> Plain:
    with Plain(family, socket.SOCK_STREAM) as sock:
        return sock


def numeric(host: str) -> str | None:
    """An IP literal in its usual form, for all that the system takes for one; None for a name.

    Not by getaddrinfo(), of which audit hooks hear, ours among them.
    """
    address, percent, zone = host.partition("%")
    try:
        if ":" in address:
            packed = socket.inet_pton(socket.AF_INET6, address)
            return socket.inet_ntop(socket.AF_INET6, packed) + percent + zone
        if percent or not host.isprintable() or " " in host:
            return None  # the system would read only what comes before a space
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, ValueError):  # ValueError: a character that no host has
        return None


def ip_of(literal: str) -> IPv4Address | IPv6Address:
    """An IP literal as an address, without a zone; IPv4 mapped into IPv6 as IPv4."""
    ip = ip_address(literal.partition("%")[0])
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return ip if mapped is None else mapped


def in_ascii(host: str) -> str:
    """`host` as it will be asked for: other characters may be a literal's, or dots.

    Raises gaierror as `valid` does.
    """
    return host if host.isascii() else valid(host, 0).host


def is_onion(name: str) -> bool:
    """Whether no resolver may be asked for `name`, in ASCII (RFC 7686 section 2)."""
    return _plain_name(name).rpartition(".")[2] == "onion"


def _plain_name(name: str) -> str:
    return name.removesuffix(".").lower()


def valid(host: str, port: int) -> Address:
    """`host` and `port` for a proxy; gaierror, as the system says of a host that cannot be."""
    try:
        return Address(host, port)
    except ValueError as error:
        raise socket.gaierror(socket.EAI_NONAME, str(error)) from None


def decoded(host: bytes | bytearray) -> str:
    """A host as text; gaierror for one that is none."""
    try:
        return host.decode("ascii")
    except UnicodeDecodeError:
        raise socket.gaierror(
            socket.EAI_NONAME, f"host {bytes(host)!r} is not ASCII; pass a str"
        ) from None


def _after_fork() -> None:
    global _noting
    _noting = allocate_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
