"""Fetch a file by TFTP (RFC 1350) through a SOCKS5 proxy's UDP relay.

    python -m examples.tftp_get --proxy socks5h://127.0.0.1:1080 tftp.example.com name > name

`fetch` uses nothing but `sendto`, `recvfrom` and `settimeout`, and so works with any UDP socket.
"""

from __future__ import annotations

import argparse
import struct
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import socks5client

if TYPE_CHECKING:
    import socket

RRQ, DATA, ACK, ERROR = 1, 3, 4, 5
BLOCK_SIZE = 512
TRIES = 5

Address = tuple[str, int]


class TransferError(Exception):
    """What the server says is wrong."""


def fetch(sock: socket.socket, server: Address, name: str, *, timeout: float = 1.0) -> bytes:
    """The file `name` of `server`; what is not answered within `timeout` is sent again.

    Raises TransferError, or TimeoutError where the server says no more.
    """
    sock.settimeout(timeout)
    content = bytearray()
    packet = struct.pack("!H", RRQ) + name.encode() + b"\0octet\0"
    number, peer = 1, None
    while True:
        data, peer = exchange(sock, packet, server, peer, number)
        content += data
        packet = struct.pack("!HH", ACK, number)
        if len(data) < BLOCK_SIZE:  # the last block; an empty one where the size is a multiple
            sock.sendto(packet, peer)
            return bytes(content)
        number = (number + 1) & 0xFFFF


def exchange(
    sock: socket.socket, packet: bytes, server: Address, peer: Address | None, number: int
) -> tuple[bytes, Address]:
    """Send `packet` until block `number` comes; returns what it holds, and its source.

    That is `peer` once it is known: the server picks a port of its own for each transfer.
    """
    for _ in range(TRIES):
        sock.sendto(packet, peer or server)
        try:
            while True:
                answer, source = sock.recvfrom(4 + BLOCK_SIZE)
                if len(answer) < 4 or peer not in (None, source):
                    continue
                opcode, value = struct.unpack_from("!HH", answer)
                if opcode == ERROR:
                    raise TransferError(answer[4:].rstrip(b"\0").decode("ascii", "replace"))
                if opcode == DATA and value == number:
                    return answer[4:], source
                break  # an old block: it has not heard of what we sent last
        except TimeoutError:
            pass
    raise TimeoutError(f"no block {number}, asked {TRIES} times")


def main() -> int | str:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--proxy", required=True, metavar="URL")
    parser.add_argument("server", metavar="HOST[:PORT]")
    parser.add_argument("name", metavar="NAME")
    options = parser.parse_args()
    server = urlsplit(f"//{options.server}")
    address = server.hostname or "", server.port or 69
    try:
        with socks5client.associate(proxy=options.proxy, timeout=30) as sock:
            sys.stdout.buffer.write(fetch(sock, address, options.name))
    except (OSError, TransferError) as error:
        return f"tftp_get: {error}"
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
