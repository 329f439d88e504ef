"""An HTTP/2 server without TLS whose answers are at fault."""

from __future__ import annotations

import socket
import threading
from typing import Self

import h2.config
import h2.connection
import h2.errors
import h2.events

BODY = b"0123456789"


class FaultyHttp2:
    """Answers with 20 bytes, or as `fault` says."""

    def __init__(self, fault: str) -> None:
        self._fault = fault
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://origin.test:{self._listener.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()
        assert not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(10)
            with sock:
                try:
                    self._serve(sock)
                    sock.shutdown(socket.SHUT_WR)
                    while sock.recv(65536):
                        pass  # what is unread when it is closed would make a reset of it
                except OSError:
                    pass  # the client has had enough

    def _serve(self, sock: socket.socket) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        while True:
            sock.sendall(connection.data_to_send())
            data = sock.recv(65536)
            if not data:
                return
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived) and self._answer(
                    connection, event.stream_id
                ):
                    sock.sendall(connection.data_to_send())
                    return

    def _answer(self, connection: h2.connection.H2Connection, stream: int) -> bool:
        """Returns whether the connection ends."""
        internal = h2.errors.ErrorCodes.INTERNAL_ERROR
        if self._fault == "reset":
            connection.reset_stream(stream, internal)
            return False
        if self._fault == "goaway":
            connection.close_connection(internal)
            return True
        if self._fault == "close":
            return True
        connection.send_headers(stream, [(":status", "200"), ("content-length", "20")])
        connection.send_data(stream, BODY, end_stream=self._fault == "short")
        if self._fault == "reset later":
            connection.reset_stream(stream, internal)
        elif self._fault == "goaway later":
            connection.close_connection(internal)
        elif self._fault != "short" and self._fault != "close later":
            connection.send_data(stream, BODY, end_stream=True)
        return self._fault in ("goaway later", "close later")
