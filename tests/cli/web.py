"""A server that keeps its connections, with TLS or without."""

from __future__ import annotations

import socket
import struct
import threading
from typing import TYPE_CHECKING, Self

from .origin import HOLD, RESET, read_request

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

CLOSE = b"<close>"  # at the end of an answer: the connection ends there


class Web:
    """Answers each request of each connection by what `answer` makes of it.

    `requests` are whole; `connections` says on which of them, from 0 on, each one came. `failures`
    are those of TLS. Read them once the client is done.
    """

    def __init__(
        self, answer: Callable[[bytes], bytes], context: ssl.SSLContext | None = None
    ) -> None:
        self._answer = answer
        self._context = context
        self.requests: list[bytes] = []
        self.connections: list[int] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        scheme = "http" if self._context is None else "https"
        return f"{scheme}://origin.test:{self.port}/"

    def clear(self) -> None:
        self.requests.clear()
        self.connections.clear()

    def __enter__(self) -> Self:
        self._start(self._run)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(10)
        self._listener.close()
        with self._lock:
            for sock in self._open:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self) -> None:
        number = 0
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(20)
            with self._lock:
                self._open.append(sock)
            self._start(self._serve, sock, number)
            number += 1

    def _serve(self, plain: socket.socket, number: int) -> None:
        sock = plain
        try:
            if self._context is not None:
                sock = self._context.wrap_socket(plain, server_side=True)
                with self._lock:
                    self._open.append(sock)
            while self._serve_one(sock, number):
                pass
        except OSError:
            pass  # the client has had enough
        finally:
            with self._lock:
                self._open = [each for each in self._open if each not in (sock, plain)]
            sock.close()

    def _serve_one(self, sock: socket.socket, number: int) -> bool:
        data = read_request(sock)
        if not data:
            return False
        with self._lock:
            self.requests.append(data)
            self.connections.append(number)
        answer = self._answer(data)
        if answer == RESET:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        sock.sendall(answer.removesuffix(CLOSE).removesuffix(HOLD))
        if answer.endswith(HOLD):
            sock.recv(1)  # until the client goes, or the test ends
            return False
        return not answer.endswith(CLOSE)
