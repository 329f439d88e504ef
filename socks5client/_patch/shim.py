"""What one `patch()` decides: which way a destination goes, and which names mean what."""

from __future__ import annotations

import errno
import socket
from _thread import allocate_lock
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from operator import index
from typing import TYPE_CHECKING

from .._fakeip import Forgotten
from ..protocol import Address

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
        self._host_name = socket.gethostname().lower()
        self._ways: dict[Any, Way] = {}
        # The names that are reached directly, by the addresses that they were found to have.
        self._direct: dict[str, frozenset[str]] = {}
        self._lock = allocate_lock()

    def way(self, family: int, address: Any, call: str) -> Way:
        """Which way `address`, as `call` was given it on a socket of `family`, goes.

        Raises what the system would raise of an address that cannot be, but no TypeError: of
        what has no such shape the system is to say so. OSError for a forgotten placeholder.
        """
        try:
            return self._ways[address]
        except (KeyError, TypeError):
            return self._decide(family, address, call)

    def is_direct(self, host: str, port: int) -> bool:
        """Whether `host`, a name or an IP literal, is to be reached without the proxy."""
        literal = numeric(host)
        if literal is None:
            return self.is_this_machine(host) or self.rules.matches(host, port)
        ip = ip_of(literal)
        return (
            (self.this_machine and (ip.is_loopback or ip.is_unspecified))
            or self.rules.matches(str(ip), port)
            or any(self.rules.matches(name, port) for name in self._direct.get(str(ip), ()))
        )

    def is_loopback(self, host: Any) -> bool:
        """Whether `host`, a name or an IP literal to bind, is for this machine alone."""
        literal = numeric(host) if isinstance(host, str) else None
        if literal is None:
            return isinstance(host, str) and self.is_this_machine(host)
        return self.this_machine and ip_of(literal).is_loopback

    def is_this_machine(self, name: str) -> bool:
        """Whether `name` is one of this machine's, which is not asked for anywhere."""
        last = name.removesuffix(".").lower().rpartition(".")[2]
        return self.this_machine and (last == "localhost" or self._is_own(name))

    def _is_own(self, name: str) -> bool:
        return name.removesuffix(".").lower() == self._host_name

    def own_addresses(self, name: str) -> list[str]:
        """Those of one of this machine's names: as its file of hosts says, else of loopback."""
        found = _in_hosts_file(self._host_name if self._is_own(name) else "localhost")
        # In the order of the system, which would ask a resolver for the family that is missing.
        return sorted(found, key=family_of, reverse=True) or ["127.0.0.1"]

    def may_look_up(self, host: str) -> bool:
        """Whether the system's resolver may be asked for a name, or the name of an address."""
        return (
            (self.dns == "local" and not is_onion(host))
            or host == self.chain[0].host
            or self.is_this_machine(host)
            or self.rules.matches(host, 0)
        )

    def note_direct(self, name: str, hosts: list[str]) -> None:
        """A name that is reached directly was found to have the addresses `hosts`."""
        with self._lock:
            for host in hosts:
                names = self._direct.pop(host, frozenset())
                self._direct[host] = names | {name}
            while len(self._direct) > _MOST_DIRECT:
                del self._direct[next(iter(self._direct))]
            self._ways.clear()

    def _decide(self, family: int, address: Any, call: str) -> Way:
        if not isinstance(address, tuple) or not 2 <= len(address) <= 4:
            return None, address
        host, port = address[:2]
        if isinstance(host, (bytes, bytearray)):
            host = _decoded(host)
        try:
            port = index(port)
        except TypeError:
            return None, address
        if not isinstance(host, str):
            return None, address
        if not 0 <= port <= 0xFFFF:
            raise OverflowError(f"{call}(): port must be 0-65535, not {port}")
        if host == "" and self.this_machine:
            host = _EVERYTHING[socket.AddressFamily(family)]
        elif host == _BROADCAST:
            host = "255.255.255.255"
        literal = numeric(host)
        if literal is None:
            return self._way_to_name(family, host, port)
        name = self._name_behind(literal)
        if name is not None:
            return self._way_to_name(family, name, port)
        way: Way = (None, address)
        if not self.is_direct(literal, port):
            way = self.chain, valid(str(ip_of(literal)), port)
        with suppress(TypeError), self._lock:
            if len(self._ways) >= _MOST_WAYS:
                self._ways.clear()
            self._ways[address] = way
        return way

    def _way_to_name(self, family: int, name: str, port: int) -> Way:
        if self.is_this_machine(name):
            wanted = [host for host in self.own_addresses(name) if family_of(host) == family]
            return None, (wanted[0] if wanted else _LOOPBACK[socket.AddressFamily(family)], port)
        if self.rules.matches(name, port):
            return None, (name, port)
        target = valid(name, port)
        if self.dns == "remote" or is_onion(name):
            return self.chain, target
        if self.dns == "local":
            return self._local_chain, target
        assert self.resolver is not None
        return self.chain, valid(self.resolver.addresses(name)[0], port)

    def _name_behind(self, literal: str) -> str | None:
        try:
            return self.placeholders.name_of(literal)
        except Forgotten as error:
            raise OSError(errno.EADDRNOTAVAIL, f"{error}: look the name up again") from None


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


def family_of(host: str) -> int:
    """The family of an IP literal."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def is_onion(name: str) -> bool:
    """Whether no resolver may be asked for `name` (RFC 7686 section 2)."""
    return name.removesuffix(".").lower().endswith(".onion")


def valid(host: str, port: int) -> Address:
    """`host` and `port` for a proxy; gaierror, as the system says of a host that cannot be."""
    try:
        return Address(host, port)
    except ValueError as error:
        raise socket.gaierror(socket.EAI_NONAME, str(error)) from None


def _decoded(host: bytes | bytearray) -> str:
    try:
        return host.decode("ascii")
    except UnicodeDecodeError:
        raise socket.gaierror(
            socket.EAI_NONAME, f"host {bytes(host)!r} is not ASCII; pass a str"
        ) from None


def _in_hosts_file(name: str) -> list[str]:
    """The addresses that this machine's own file gives `name`; no resolver is asked."""
    found: list[str] = []
    with suppress(OSError), open("/etc/hosts", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            host, *names = line.partition("#")[0].split() or [""]
            if name in map(str.lower, names) and numeric(host) is not None:
                found.append(host)
    return found
