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
    _exactly(connection, 3)
    connection.sendall(b"\5\1")
    context = gssapi.SecurityContext(usage="accept")
    while not context.complete:
        connection.sendall(_message(1, context.step(_token(connection)) or b""))
    level = context.unwrap(_token(connection)).message
    connection.sendall(_message(2, context.wrap(level, False).message))
    encrypts = level == b"\2"
    context.unwrap(_token(connection))
    connection.sendall(_message(3, context.wrap(b"\5\0\0\1" + bytes(6), encrypts).message))
    return context, encrypts


def _swallow(connection: socket.socket, context: Any, encrypts: bool, size: int) -> None:
    while size > 0:
        size -= len(context.unwrap(_token(connection)).message)
    connection.sendall(_message(3, context.wrap(b"!", encrypts).message))
    connection.recv(1)


def _send(connection: socket.socket, context: Any, encrypts: bool, size: int) -> None:
    piece = bytes(context.get_wrap_size_limit(65535, encrypts))
    while size > 0:
        connection.sendall(_message(3, context.wrap(piece[:size], encrypts).message))
        size -= len(piece)
    connection.recv(1)


def _message(kind: int, token: bytes) -> bytes:
    return bytes((1, kind)) + len(token).to_bytes(2, "big") + token


def _token(connection: socket.socket) -> bytes:
    return _exactly(connection, int.from_bytes(_exactly(connection, 4)[2:], "big"))


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = connection.recv(size, socket.MSG_WAITALL)
    if len(data) < size:
        raise ConnectionError("the client has ended")
    return data


if __name__ == "__main__":
    serve(int(sys.argv[2]), sys.argv[1] == "sends")
