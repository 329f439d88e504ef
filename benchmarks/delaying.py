"""A forwarder that delays: what loopback lacks. `python -m benchmarks.delaying HOST PORT MS`.

Every byte leaves so many milliseconds after it came, in both directions; order and ends are kept.
The handshake of TCP itself is the kernel's, and cannot be delayed from here.
"""

from __future__ import annotations

import queue
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING

from .children import LOOPBACK, _end_with_input

if TYPE_CHECKING:
    from collections.abc import Callable


def serve(there: tuple[str, int], delay: float) -> None:
    """Forwards each connection to the address `there`; `delay` is in seconds, each way."""
    with socket.create_server((LOOPBACK, 0), backlog=128) as server:
        print(server.getsockname()[1], flush=True)
        _start(_end_with_input)
        while True:
            near, _ = server.accept()
            far = socket.create_connection(there)
            for sock in (near, far):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _start(_forward, near, far, delay)
            _start(_forward, far, near, delay)


def _forward(source: socket.socket, sink: socket.socket, delay: float) -> None:
    pieces: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
    _start(_send, pieces, sink)
    data = b"?"
    while data:
        try:
            data = source.recv(65536)
        except OSError:
            data = b""
        pieces.put((time.monotonic() + delay, data))


def _send(pieces: queue.SimpleQueue[tuple[float, bytes]], sink: socket.socket) -> None:
    """Both ways end with the end of either: enough for handshakes."""
    try:
        while True:
            due, data = pieces.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if not data:
                break
            sink.sendall(data)
        sink.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the other way has ended it


def _start(target: Callable[..., object], *args: object) -> None:
    threading.Thread(target=target, args=args, daemon=True).start()


if __name__ == "__main__":
    serve((sys.argv[1], int(sys.argv[2])), float(sys.argv[3]) / 1000)
