"""An HTTP server that answers what a test says, and keeps what it was sent."""

from __future__ import annotations

import re
import socket
import struct
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
RESET = b"<reset>"
HOLD = b"<hold>"  # at the end of an answer: the connection stays open until the test ends

Answer = bytes


def redirect(location: str, status: int = 302, body: bytes = b"moved") -> bytes:
    head = f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("latin-1") + body


class Origin:
    """One request for each connection. `answer`: the bytes to send, or a function of the request.

    `requests` are whole, bodies included; read them once the client is done.
    """

    def __init__(self, answer: Answer | Callable[[bytes], Answer] = OK) -> None:
        self._answer = answer
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        """By the name that the proxy of these tests knows."""
        return f"http://origin.test:{self.port}/"

    @property
    def lines(self) -> list[str]:
        """Request line and headers of the last request."""
        return self.requests[-1].partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")

    @property
    def body(self) -> bytes:
        return self.requests[-1].partition(b"\r\n\r\n")[2]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()
        for sock in self._held:
            sock.close()
        assert not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(10)
            try:
                self._serve(sock)
            except OSError:
                pass  # the client has had enough
            if sock not in self._held:
                sock.close()

    def _serve(self, sock: socket.socket) -> None:
        data = read_request(sock)
        if not data:
            return
        self.requests.append(data)
        answer = self._answer(data) if callable(self._answer) else self._answer
        if answer == RESET:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif answer.endswith(HOLD):
            self._held.append(sock)
            sock.sendall(answer.removesuffix(HOLD))
        else:
            sock.sendall(answer)


def read_request(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    if b"expect: 100-continue" in head.lower():
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head.lower())
    chunked = b"transfer-encoding: chunked" in head.lower()
    while (length and len(body) < int(length[1])) or (chunked and not body.endswith(b"0\r\n\r\n")):
        piece = sock.recv(65536)
        if not piece:
            break
        body += piece
    return head + b"\r\n\r\n" + body
