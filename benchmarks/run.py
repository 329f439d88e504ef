"""What every benchmark gets and gives."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tests import real_servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.real_servers import Origin, RealProxy


class LeftOutError(Exception):
    """A benchmark cannot run here; the message says what is missing."""


@dataclass(frozen=True)
class Settings:
    """How much to measure: `rounds`, None for each benchmark's own number; `quick`, hardly any."""

    rounds: int | None = None
    quick: bool = False

    def rounds_or(self, default: int) -> int:
        """How many rounds."""
        if self.rounds is not None:
            return self.rounds
        return 1 if self.quick else default

    def size_or(self, default: int, quick: int) -> int:
        """How much in each."""
        return quick if self.quick else default


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for a server's files, gone in the end."""
    with tempfile.TemporaryDirectory(prefix="socks5client-benchmark-") as name:
        yield Path(name)


def need_programs(*names: str) -> None:
    """Raises LeftOutError where one is not installed."""
    packages = real_servers.packages.debian_packages()
    for name in names:
        if real_servers.find(name) is None:
            raise LeftOutError(f"{name} is not installed (Debian package {packages[name]})")


@contextmanager
def proxy_and_origin(module: str) -> Iterator[tuple[RealProxy, Origin]]:
    """danted and nginx, for the HTTP client `module`. Raises LeftOutError where one is missing."""
    for needed in (module, "trustme"):
        if find_spec(needed) is None:
            raise LeftOutError(f"{needed} is not installed")
    need_programs("danted", "nginx")
    with (
        folder() as files,
        real_servers.danted(files) as proxy,
        folder() as place,
        real_servers.nginx(place) as origin,
    ):
        yield proxy, origin


def missing(**modules: str) -> list[str]:
    """A note for each contestant (module="its package") that is not installed."""
    return [
        f"{package} is left out: it is not installed"
        for module, package in modules.items()
        if find_spec(module) is None
    ]
