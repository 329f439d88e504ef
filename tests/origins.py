"""Destinations of the tests' own, on loopback."""

from __future__ import annotations

import socket
import socketserver
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class Echo:
    """Sends `greeting`, then echoes until the client has half-closed, then closes.

    A context manager; `address` is where it listens, `clients` the addresses of those who came,
    in order.
    """

    def __init__(self, greeting: bytes = b"", host: str = "127.0.0.1") -> None:
        self.clients: list[Any] = []
        origin = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                origin.clients.append(self.client_address)
                try:
                    self.request.sendall(greeting)
                    while data := self.request.recv(65536):
                        self.request.sendall(data)
                except ConnectionError:
                    pass  # the client's right

        class Listener(socketserver.ThreadingTCPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
            allow_reuse_address = True
            request_queue_size = 128
            daemon_threads = True

        self._listener = Listener((host, 0), Handler)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.01,))

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._listener.server_address[:2]
        return str(host), port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()


def unused_address() -> tuple[str, int]:
    """An address of loopback where nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        host, port = sock.getsockname()
        return host, port
