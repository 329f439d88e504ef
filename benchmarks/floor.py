"""The floor: the handshake of RFC 1928 as the shortest code that performs it."""

from __future__ import annotations

import socket


def connect(
    proxy: tuple[str, int], target: tuple[str, int], timeout: float | None = None
) -> socket.socket:
    """A connection to `target`, an IPv4 literal and a port, through `proxy`.

    No error is handled but a refusal, and a reply that comes in pieces is not awaited.
    """
    sock = socket.socket()
    if timeout is not None:
        sock.settimeout(timeout)
    sock.connect(proxy)
    sock.sendall(b"\x05\x01\x00")
    selection = sock.recv(2)
    host, port = target
    sock.sendall(b"\x05\x01\x00\x01" + socket.inet_aton(host) + port.to_bytes(2, "big"))
    reply = sock.recv(10)
    if selection != b"\x05\x00" or reply[:2] != b"\x05\x00":
        sock.close()
        raise OSError(f"the proxy answered {selection!r}, {reply!r}")
    return sock


def connect_with_password(
    proxy: tuple[str, int], target: tuple[str, int], user: bytes, password: bytes
) -> socket.socket:
    """The same with RFC 1929's sub-negotiation."""
    sock = socket.socket()
    sock.connect(proxy)
    sock.sendall(b"\x05\x01\x02")
    selection = sock.recv(2)
    sock.sendall(bytes((1, len(user))) + user + bytes((len(password),)) + password)
    status = sock.recv(2)
    host, port = target
    sock.sendall(b"\x05\x01\x00\x01" + socket.inet_aton(host) + port.to_bytes(2, "big"))
    reply = sock.recv(10)
    if selection != b"\x05\x02" or status[1:] != b"\x00" or reply[:2] != b"\x05\x00":
        sock.close()
        raise OSError(f"the proxy answered {selection!r}, {status!r}, {reply!r}")
    return sock
