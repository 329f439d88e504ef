"""Where a connection really goes: --connect-to, --resolve, --dns tunnel."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from .exitcodes import Exit, TransferError
from .options import UsageError
from .urls import is_ipv6_literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .options import Options


@dataclass(frozen=True)
class Targets:
    """The rules of an operation.

    `elsewhere`: (host, port) -> (host, port), "" for any host and its own; `addresses`: what
    --resolve says of names that are looked up here, ("*", port) for all names.
    """

    elsewhere: tuple[tuple[tuple[str, int], tuple[str, int]], ...]
    addresses: dict[tuple[str, int], tuple[str, ...]]

    @classmethod
    def of(cls, options: Options) -> Targets:
        """Raises TransferError (49, as curl) for a --resolve that cannot be understood."""
        elsewhere = tuple(
            parsed for rule in options.connect_to if (parsed := _connect_to(rule)) is not None
        )
        return cls(elsewhere, _resolve(options.resolve))

    def place(self, host: str, port: int) -> tuple[str, int]:
        """Where to connect to in place of `host` and `port`: the first rule that fits."""
        for (from_host, from_port), (to_host, to_port) in self.elsewhere:
            if from_host in ("", host.lower()) and from_port in (0, port):
                return to_host or host, to_port or port
        return host, port

    def known(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses that --resolve gives a name; none: it is to be looked up."""
        host = host.lower()
        return self.addresses.get((host, port)) or self.addresses.get(("*", port)) or ()


def _connect_to(rule: str) -> tuple[tuple[str, int], tuple[str, int]] | None:
    """HOST1:PORT1:HOST2:PORT2, each of which may be empty; None: it says nothing."""
    parts = _split(rule)
    if len(parts) != 4:
        raise UsageError("option --connect-to: expected HOST1:PORT1:HOST2:PORT2")
    (from_host, from_port, to_host, to_port) = parts
    if not to_host and not to_port:
        return None
    return (from_host.lower(), _port(from_port)), (to_host, _port(to_port))


def _port(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or not 0 < int(text[:6]) <= 0xFFFF:
        raise UsageError("option --connect-to: a port is a number up to 65535")
    return int(text)


def _resolve(rules: Sequence[str]) -> dict[tuple[str, int], tuple[str, ...]]:
    found: dict[tuple[str, int], tuple[str, ...]] = {}
    for rule in rules:
        # curl's + means that the entry may grow old; a command does not live that long.
        removes, text = rule.startswith("-"), rule.removeprefix("-").removeprefix("+")
        host, _, rest = host_of(text)
        port, colon, addresses = rest.partition(":")
        if not host or not (port.isascii() and port.isdigit()):
            raise _not_understood(rule)
        if removes:
            found.pop((host.lower(), int(port)), None)
            continue
        given = tuple(address.strip("[]") for address in addresses.split(",") if address)
        if not colon or not given or not all(map(is_literal, given)):
            raise _not_understood(rule)
        found[host.lower(), int(port)] = given
    return found


def _not_understood(rule: str) -> TransferError:
    return TransferError(
        Exit.SETTING_REFUSED, f"--resolve {rule!r} is not HOST:PORT:ADDRESS[,ADDRESS]..."
    )


def _split(rule: str) -> list[str]:
    """At the colons, but those in brackets; the brackets are gone."""
    parts, rest = [], rule
    while True:
        part, colon, rest = host_of(rest)
        parts.append(part)
        if not colon:
            return parts


def host_of(text: str) -> tuple[str, str, str]:
    """What stands before the first colon that is not in brackets, the colon, and the rest."""
    if text.startswith("["):
        literal, bracket, rest = text[1:].partition("]")
        if bracket and rest[:1] in ("", ":"):
            return literal, rest[:1], rest[1:]
    return text.partition(":")


def is_literal(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return is_ipv6_literal(text)
    return True
