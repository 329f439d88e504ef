"""The file of hosts: what names mean on this machine, without anybody being asked."""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from .._plain import family_of

if TYPE_CHECKING:
    from typing import TypeAlias

    # An address with its names, the canonical one first.
    Line: TypeAlias = tuple[str, list[str]]

PATH = "/etc/hosts"


class Host(NamedTuple):
    """What `socket.gethostbyname_ex` returns."""

    name: str
    aliases: list[str]
    addresses: list[str]


class Hosts:
    """What the file at `path` says; read again when it has changed, empty where there is none.

    All methods may be called from any thread. Source: hosts(5).
    """

    def __init__(self, path: str = PATH) -> None:
        self._path = path
        self._index: tuple[object, dict[str, list[Line]]] = None, {}

    def by_name(self, name: str, family: int = 0) -> Host | None:
        """The host of that name, in whatever case, with its addresses of `family`, 0 for any."""
        found = [
            (address, names)
            for address, names in self._lines(name.lower())
            if family in (0, family_of(address))
        ]
        if not found:
            return None
        first, *others = dict.fromkeys(each for _, names in found for each in names)
        return Host(first, others, list(dict.fromkeys(address for address, _ in found)))

    def by_address(self, address: str) -> Host | None:
        """The host at an IP address, which is in its usual form."""
        for _, (name, *aliases) in self._lines(address):
            return Host(name, aliases, [address])
        return None

    def _lines(self, key: str) -> list[Line]:
        """The lines with that name or address."""
        try:
            state = os.stat(self._path)
            version = state.st_mtime_ns, state.st_size, state.st_ino
            if version != self._index[0]:
                self._index = version, _read(self._path)
        except OSError:
            self._index = None, {}
        return self._index[1].get(key, [])


def _read(path: str) -> dict[str, list[Line]]:
    index: dict[str, list[Line]] = {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for text in file:
            host, *names = text.partition("#")[0].split() or [""]
            try:
                line = str(ip_address(host)), names
            except ValueError:
                continue
            if names:
                for key in dict.fromkeys([line[0], *map(str.lower, names)]):
                    index.setdefault(key, []).append(line)
    return index
