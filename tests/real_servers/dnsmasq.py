"""dnsmasq: a name server that knows a few names, and asks nobody about others."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .packages import require
from .probes import accepts, replies
from .process import LOOPBACK, Server, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# Addresses for documentation, which are nobody's, and one where something may listen.
NAMES = {"name.test": "192.0.2.7", "other.test": "192.0.2.8", "loopback.test": LOOPBACK}
NAMES6 = {"name.test": "2001:db8::7"}
POINTERS = {"7.2.0.192.in-addr.arpa": "name.test"}
# Too much for UDP, with EDNS as well: whoever wants all of it must ask again by TCP.
TEXTS = {"big.test": tuple(letter * 250 for letter in "abcdefghij"), "small.test": ("hello",)}

QUESTION = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04name\x04test\x00\x00\x01\x00\x01"
OPTIONS = (
    "--keep-in-foreground",  # not --no-daemon, which serves one at a time
    "--conf-file=/dev/null",
    "--pid-file=",
    "--log-facility=-",
    "--log-queries",
    "--no-resolv",
    "--no-hosts",
    f"--listen-address={LOOPBACK}",
    "--bind-interfaces",
    "--local=/test/",  # there are no other names
)


@dataclass(frozen=True)
class NameServer:
    """A running name server, UDP and TCP, and all it knows; another name below test has none.

    What it was asked is in the log of its process.
    """

    host: str
    port: int
    names: Mapping[str, str]  # A
    names6: Mapping[str, str]  # AAAA
    pointers: Mapping[str, str]  # PTR
    texts: Mapping[str, tuple[str, ...]]  # TXT; "big.test" is truncated over UDP
    servers: tuple[Server, ...] = field(default=(), repr=False, compare=False)


@contextmanager
def dnsmasq(folder: Path) -> Iterator[NameServer]:
    """Run dnsmasq as the user that runs the tests."""
    binary = require("dnsmasq")
    records = [
        *(f"--address=/{name}/{address}" for name, address in (*NAMES.items(), *NAMES6.items())),
        *(f"--ptr-record={name},{target}" for name, target in POINTERS.items()),
        *(f"--txt-record={','.join((name, *strings))}" for name, strings in TEXTS.items()),
    ]
    # Root's would become another user, who cannot read the folder.
    user = ["--user=root", "--group=root"] if os.getuid() == 0 else []

    def prepare(port: int) -> list[str]:
        return [binary, f"--port={port}", *OPTIONS, *user, *records]

    kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM)
    with running("dnsmasq", folder, prepare, kinds=kinds, answers=_answers) as server:
        host, port = server.addresses[0]
        yield NameServer(host, port, NAMES, NAMES6, POINTERS, TEXTS, servers=(server,))


def _answers(host: str, port: int) -> bool:
    def is_reply(reply: bytes) -> bool:
        return reply[:2] == QUESTION[:2] and len(reply) > len(QUESTION)

    return accepts(host, port) and replies(host, port, QUESTION, is_reply)
