"""The far ends of the measured connections, in processes of their own.

A child says its port and ends with its standard input, so that it outlives nobody.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = "127.0.0.1"
STOP_SECONDS = 5.0
_PIECE = bytes(1 << 20)


@contextmanager
def listener() -> Iterator[tuple[str, int]]:
    """The address of a server that accepts and closes."""
    with child("benchmarks.children", "closes") as address:
        yield address


@contextmanager
def source(megabytes: int) -> Iterator[tuple[str, int]]:
    """The address of a server that sends so many MB (10^6 bytes) and closes."""
    with child("benchmarks.children", "sends", str(megabytes)) as address:
        yield address


@contextmanager
def keeper() -> Iterator[tuple[str, int]]:
    """The address of a server that accepts, and closes when the client does."""
    with child("benchmarks.children", "keeps") as address:
        yield address


@contextmanager
def echo() -> Iterator[tuple[str, int]]:
    """The address, TCP and UDP, of a relay that sends every packet back as it came.

    So it is an echo server for a plain socket, and to a client of SOCKS it is proxy, relay and
    peer in one: what answers has the very header that the question had.
    """
    with child("benchmarks.children", "echoes") as address:
        yield address


@contextmanager
def child(module: str, *arguments: str) -> Iterator[tuple[str, int]]:
    """The address that `python -m module arguments` says it listens at."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{module} {arguments[0]} did not start")
        yield LOOPBACK, int(line)
    finally:
        process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _serve(megabytes: int) -> None:
    with socket.create_server((LOOPBACK, 0), backlog=4096) as server:
        print(server.getsockname()[1], flush=True)
        threading.Thread(target=_end_with_input, daemon=True).start()
        while True:
            connection, _ = server.accept()
            with connection, contextlib.suppress(ConnectionError):
                _send(connection, megabytes * 10**6)


def _keep() -> None:
    with socket.create_server((LOOPBACK, 0), backlog=4096) as server, select.epoll() as ready:
        print(server.getsockname()[1], flush=True)
        threading.Thread(target=_end_with_input, daemon=True).start()
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        kept = {}
        ready.register(server, select.EPOLLIN)
        while True:
            for fd, _ in ready.poll():
                if fd != server.fileno():
                    kept.pop(fd).close()
                    continue
                connection, _ = server.accept()
                kept[connection.fileno()] = connection
                ready.register(connection, select.EPOLLIN)


def _send(connection: socket.socket, left: int) -> None:
    while left:
        piece = _PIECE[:left] if left < len(_PIECE) else _PIECE
        connection.sendall(piece)
        left -= len(piece)


def _echo() -> None:
    with (
        socket.create_server((LOOPBACK, 0)) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets,
    ):
        packets.bind(server.getsockname())
        print(server.getsockname()[1], flush=True)
        threading.Thread(target=_end_with_input, daemon=True).start()
        threading.Thread(target=_associate, args=(server,), daemon=True).start()
        while True:
            packets.sendto(*packets.recvfrom(65535))


def _associate(server: socket.socket) -> None:
    """Answers UDP ASSOCIATE without authentication, and keeps the connections open."""
    connections = []
    port = server.getsockname()[1].to_bytes(2, "big")
    while True:
        connection, _ = server.accept()
        connections.append(connection)
        connection.recv(3, socket.MSG_WAITALL)
        connection.sendall(b"\5\0")
        connection.recv(10, socket.MSG_WAITALL)
        connection.sendall(b"\5\0\0\1\x7f\0\0\1" + port)


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[1] == "echoes":
        _echo()
    if sys.argv[1] == "keeps":
        _keep()
    _serve(0 if sys.argv[1] == "closes" else int(sys.argv[2]))
