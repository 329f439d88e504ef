"""What the tests of names have in common: settings without a patch, and a resolver of their own."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

from socks5client._fakeip import MOST_NAMES, NETWORKS
from socks5client._patch.hosts import Hosts
from socks5client._patch.patching import shim_of
from socks5client._patch.resolving import functions
from socks5client.route import find_route

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from socks5client._patch.shim import Shim

PROXY = "socks5h://127.0.0.1:1080"  # nobody connects


class Resolver:
    """What `dns=` takes, with the answers that it is given; `asked` says what it was asked."""

    def __init__(self, names: dict[str, list[str]] | None = None) -> None:
        self._names = names or {}
        self.asked: list[str] = []

    def addresses(self, name: str, family: int = 0) -> list[str]:
        self.asked.append(name)
        families = (socket.AF_INET, socket.AF_INET6) if not family else (family,)
        found = [
            host
            for host in self._names.get(name, ())
            if (socket.AF_INET6 if ":" in host else socket.AF_INET) in families
        ]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, f"{name}: not here")
        return found

    def name_of(self, address: str) -> str | None:
        self.asked.append(address)
        return next((name for name, hosts in self._names.items() if address in hosts), None)


def shim_for(
    dns: Any = "remote", bypass: str | None = "", most: int = MOST_NAMES, networks: Any = NETWORKS
) -> Shim:
    shim = shim_of(find_route(PROXY), dns, bypass, False, False, None, networks, most)
    assert shim is not None
    return shim


def resolving(shim: Shim) -> dict[str, Callable[..., Any]]:
    """The resolver's functions under `shim`, by name."""
    return {function.__name__: function for function in functions(shim).values()}


def write_hosts(shim: Shim, path: Path, text: str) -> None:
    """The file of hosts says `text`, and the time tells that it has changed."""
    path.write_text(text)
    os.utime(path, ns=(0, len(text)))
    shim.hosts = Hosts(str(path))
