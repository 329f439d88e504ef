"""tftpd-hpa: a TFTP server, which answers each request from a new port."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from .folders import open_folders
from .packages import require
from .probes import replies
from .process import LOOPBACK, Server, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READ_NOTHING = b"\x00\x01no such file\x00octet\x00"
ERROR = b"\x00\x05"


@dataclass(frozen=True)
class TftpServer:
    """A running TFTP server; it serves what is published in `root`."""

    host: str
    port: int
    root: Path
    uploads: Path  # below `root`: the one folder that takes uploads
    servers: tuple[Server, ...] = field(default=(), repr=False, compare=False)


@contextmanager
def tftpd(folder: Path) -> Iterator[TftpServer]:
    """Run in.tftpd as root; it serves as nobody. For another user the test is skipped."""
    binary = require("in.tftpd")
    if os.getuid() != 0:
        pytest.skip("in.tftpd serves nothing unless root runs it: each transfer changes user")
    root, uploads = folder / "tftp", folder / "tftp" / "upload"
    open_folders(root, uploads)

    def prepare(port: int) -> list[str]:
        return [binary, "-L", "-4", "-a", f"{LOOPBACK}:{port}", "-c", "-s", str(root)]

    kinds = (socket.SOCK_DGRAM,)
    with running("tftpd", folder, prepare, kinds=kinds, answers=_answers, held=False) as server:
        host, port = server.addresses[0]
        yield TftpServer(host, port, root, uploads, servers=(server,))


def _answers(host: str, port: int) -> bool:
    return replies(host, port, READ_NOTHING, lambda reply: reply.startswith(ERROR))
