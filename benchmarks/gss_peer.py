"""A proxy that knows GSSAPI and nothing else, in a process of its own: it swallows or it sends.

`python -m benchmarks.gss_peer swallows|sends MEGABYTES`; the Kerberos keytab is the environment's.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from typing import Any

import gssapi

from .children import LOOPBACK, _end_with_input
from .gss_framing import exactly, message, read_token


def serve(megabytes: int, sends: bool) -> None:
    """One client after the other: the handshake, then so many MB (10^6 bytes) one way."""
    with socket.create_server((LOOPBACK, 0)) as server:
        print(server.getsockname()[1], flush=True)
        threading.Thread(target=_end_with_input, daemon=True).start()
        while True:
            connection, _ = server.accept()
            with connection, contextlib.suppress(ConnectionError):
                context, encrypts = _greet(connection)
                transfer = _send if sends else _swallow
                transfer(connection, context, encrypts, megabytes * 10**6)


def _greet(connection: socket.socket) -> tuple[Any, bool]:
    exactly(connection, 3)
    connection.sendall(b"\5\1")
    context = gssapi.SecurityContext(usage="accept")
    while not context.complete:
        connection.sendall(message(1, context.step(read_token(connection)) or b""))
    level = context.unwrap(read_token(connection)).message
    connection.sendall(message(2, context.wrap(level, False).message))
    encrypts = level == b"\2"
    context.unwrap(read_token(connection))
    connection.sendall(message(3, context.wrap(b"\5\0\0\1" + bytes(6), encrypts).message))
    return context, encrypts


def _swallow(connection: socket.socket, context: Any, encrypts: bool, size: int) -> None:
    while size > 0:
        size -= len(context.unwrap(read_token(connection)).message)
    connection.sendall(message(3, context.wrap(b"!", encrypts).message))
    connection.recv(1)


def _send(connection: socket.socket, context: Any, encrypts: bool, size: int) -> None:
    piece = bytes(context.get_wrap_size_limit(65535, encrypts))
    while size > 0:
        connection.sendall(message(3, context.wrap(piece[:size], encrypts).message))
        size -= len(piece)
    connection.recv(1)


if __name__ == "__main__":
    serve(int(sys.argv[2]), sys.argv[1] == "sends")
