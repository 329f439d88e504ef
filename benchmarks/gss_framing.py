"""RFC 1961's messages, as the shortest code that reads and writes them."""

from __future__ import annotations

import socket


def message(kind: int, token: bytes) -> bytes:
    """VER, MTYP, LEN, TOKEN."""
    return bytes((1, kind)) + len(token).to_bytes(2, "big") + token


def read_token(connection: socket.socket) -> bytes:
    """The token of the next message. Raises ConnectionError where the other side has ended."""
    return exactly(connection, int.from_bytes(exactly(connection, 4)[2:], "big"))


def exactly(connection: socket.socket, size: int) -> bytes:
    """So many bytes. Raises ConnectionError where the other side has ended."""
    data = connection.recv(size, socket.MSG_WAITALL)
    if len(data) < size:
        raise ConnectionError("the other side has ended")
    return data
