"""microsocks: a small proxy that does CONNECT, with or without a password."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from .packages import require
from .process import LOOPBACK, running
from .proxy import RealProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FEATURES = frozenset({"connect", "names", "ipv6", "failures"})


@contextmanager
def microsocks(
    folder: Path, user: str | None = None, password: str | None = None
) -> Iterator[RealProxy]:
    """Run microsocks; with a user it refuses clients that do not authenticate.

    Its relay delays small replies on kept-alive connections by 40 ms (Nagle): it is
    no proxy to measure keep-alive through.
    """
    binary = require("microsocks")
    credentials = [] if user is None else ["-u", user, "-P", password or ""]
    features = FEATURES if user is None else FEATURES | {"password"}

    def prepare(port: int) -> list[str]:
        return [binary, "-i", LOOPBACK, "-p", str(port), *credentials]

    with running("microsocks", folder, prepare) as server:
        host, port = server.addresses[0]
        yield RealProxy("microsocks", host, port, features, user, password, (server,))
