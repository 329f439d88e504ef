"""chrony: a time server that tells this machine's time, and leaves that alone."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .packages import require
from .probes import replies
from .process import LOOPBACK, Server, running, user_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STRATUM = 3

CONFIGURATION = """\
port {port}
bindaddress {host}
allow {host}
local stratum {stratum}
cmdport 0
bindcmdaddress /
pidfile {folder}/chronyd.pid
"""

# Version 4, mode 3 (client), and nothing more: RFC 5905, section 7.3.
REQUEST = b"\x23".ljust(48, b"\x00")
SERVER_MODE = 4


@dataclass(frozen=True)
class TimeServer:
    """A running NTP server."""

    host: str
    port: int
    stratum: int = STRATUM
    servers: tuple[Server, ...] = field(default=(), repr=False, compare=False)


@contextmanager
def chrony(folder: Path) -> Iterator[TimeServer]:
    """Run chronyd as the user that runs the tests, without control of the clock."""
    binary = require("chronyd")

    def prepare(port: int) -> list[str]:
        text = CONFIGURATION.format(host=LOOPBACK, port=port, stratum=STRATUM, folder=folder)
        (folder / "chrony.conf").write_text(text)
        # -d: here, and its log too; -x: the clock; -U: whoever it is.
        return [binary, "-d", "-x", "-U", "-u", user_name(), "-f", str(folder / "chrony.conf")]

    kinds = (socket.SOCK_DGRAM,)
    with running("chronyd", folder, prepare, kinds=kinds, answers=_answers) as server:
        host, port = server.addresses[0]
        yield TimeServer(host, port, servers=(server,))


def _answers(host: str, port: int) -> bool:
    return replies(host, port, REQUEST, lambda reply: reply[0] & 7 == SERVER_MODE)
