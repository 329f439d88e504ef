"""Destinations of the tests' own, on loopback, and how to read from one."""

from __future__ import annotations

import atexit
import http.server
import itertools
import select
import socket
import socketserver
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
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


class UdpEcho:
    """Sends every datagram back to whom it came from.

    A context manager; `address` is where it listens, `clients` the addresses of those who sent.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.clients: list[Any] = []
        self._sock = socket.socket(family, socket.SOCK_DGRAM)
        self._sock.bind((host, 0))
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._serve)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._sock.getsockname()[:2]
        return str(host), port

    def _serve(self) -> None:
        while True:
            if self._stopped in select.select([self._sock, self._stopped], [], [])[0]:
                return
            payload, client = self._sock.recvfrom(65535)
            self.clients.append(client)
            self._sock.sendto(payload, client)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.close()
        self._thread.join()
        self._stopped.close()
        self._sock.close()


def _bound() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


# They are bound and never listen: nobody else can take their ports, and connecting is refused.
_DEAF = [_bound() for _ in range(8)]
_next = itertools.cycle(_DEAF)


@atexit.register
def _close_them() -> None:
    for sock in _DEAF:
        sock.close()


def unused_address() -> tuple[str, int]:
    """An address of loopback where nobody listens, nor will; there are eight of them."""
    host, port = next(_next).getsockname()
    return host, port


def free_address() -> tuple[str, int]:
    """An address of loopback to bind to, free so far."""
    with _bound() as sock:
        host, port = sock.getsockname()
        return host, port


class Page(http.server.BaseHTTPRequestHandler):
    """Answers every request with `body`; a test's own handler derives from it."""

    protocol_version = "HTTP/1.1"
    body = b"a page"

    def do_GET(self) -> None:
        self.answer(self.body)

    do_HEAD = do_GET

    def answer(self, body: bytes, length: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def web_server(
    handler: type[Page] = Page, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, int]]:
    """A web server, with TLS where a context is given; yields its address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield "127.0.0.1", server.server_port
        finally:
            server.shutdown()
            thread.join()


class Readable(Protocol):
    def recv(self, size: int, /) -> bytes: ...


def read_exactly(connection: Readable, size: int) -> bytes:
    """`size` bytes; fails where the connection ends before."""
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        assert piece, f"ended after {len(data)} of {size} bytes"
        data += piece
    return data
