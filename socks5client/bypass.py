"""NO_PROXY: which destinations the user wants to reach without the proxy."""

from __future__ import annotations

import os
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Network, IPv6Network
    from typing import Self


class Bypass:
    """Rules in the form that curl reads from NO_PROXY.

    Parameter: `text`, entries separated by commas or spaces. An entry is a name (it and all
    names below it match, with or without a leading dot), an IP literal, or a network such as
    10.0.0.0/8; a name or literal may have a port behind a colon, and then matches only that.
    A lone `*` matches everything. What is none of these matches nothing, so that the proxy
    is used: an error here would fail closed.
    """

    __slots__ = ("_everything", "_names", "_networks", "text")

    def __init__(self, text: str = "") -> None:
        self.text = text
        self._everything = text.strip() == "*"
        self._names: list[tuple[str, int | None]] = []
        self._networks: list[tuple[IPv4Network | IPv6Network, int | None]] = []
        for entry in text.replace(",", " ").split():
            host, port = _split(entry)
            try:
                _, slash, prefix = host.partition("/")
                if slash and not prefix.isdigit():
                    raise ValueError("a netmask in place of a prefix length")
                self._networks.append((ip_network(host, strict=False), port))
            except ValueError:
                name = host.removeprefix(".").removesuffix(".").lower()
                if name and "/" not in name:
                    self._names.append((name, port))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """The rules in `no_proxy`, else in `NO_PROXY`, as curl looks them up; else none.

        `environ` is the environment, by default the process's own.
        """
        environ = os.environ if environ is None else environ
        return cls(environ.get("no_proxy") or environ.get("NO_PROXY") or "")

    def matches(self, host: str, port: int) -> bool:
        """Whether `host` (a name or an IP literal, brackets allowed) is to be reached directly.

        `port` counts where a rule has one. Names are compared as text: none is looked up.
        """
        if self._everything:
            return True
        host = host.removeprefix("[").removesuffix("]")
        address = _literal(host)
        if address is not None:
            return any(
                wanted in (None, port) and address in network for network, wanted in self._networks
            )
        name = host.removesuffix(".").lower()
        return any(
            wanted in (None, port) and (name == suffix or name.endswith("." + suffix))
            for suffix, wanted in self._names
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bypass) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Bypass({self.text!r})"


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _split(entry: str) -> tuple[str, int | None]:
    """An entry's host and port; a bare IPv6 literal has colons of its own."""
    host, colon, port = entry.rpartition(":")
    if colon and port.isascii() and port.isdigit() and (host.endswith("]") or ":" not in host):
        return host.removeprefix("[").removesuffix("]"), int(port)
    return entry.removeprefix("[").removesuffix("]"), None
