"""stund (Vovida's): a STUN server, which tells a client where its datagram came from."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .packages import require
from .probes import replies
from .process import LOOPBACK, Server, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Binding request and response, no attributes in the former: the magic cookie, an id of 12 bytes.
TRANSACTION = b"\x21\x12\xa4\x42is it there?"
REQUEST = b"\x00\x01\x00\x00" + TRANSACTION
RESPONSE = b"\x01\x01"


@dataclass(frozen=True)
class StunServer:
    """A running STUN server; it answers binding requests over UDP."""

    host: str
    port: int
    servers: tuple[Server, ...] = field(default=(), repr=False, compare=False)


@contextmanager
def stunserver(folder: Path) -> Iterator[StunServer]:
    """Run stund as the user that runs the tests, on one address: no second one to answer from."""
    binary = require("stund")

    def prepare(port: int, other_port: int) -> list[str]:
        return [binary, "-v", "-h", LOOPBACK, "-p", str(port), "-o", str(other_port)]

    kinds = (socket.SOCK_DGRAM,)
    with running(
        "stund", folder, prepare, ports=2, kinds=kinds, answers=_answers, held=False
    ) as server:
        host, port = server.addresses[0]
        yield StunServer(host, port, servers=(server,))


def _answers(host: str, port: int) -> bool:
    def is_reply(reply: bytes) -> bool:
        return reply.startswith(RESPONSE) and reply[4:20] == TRANSACTION

    return replies(host, port, REQUEST, is_reply)
