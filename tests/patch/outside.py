"""Origins in a process of their own, where nothing is patched: they tell whom they see.

`python -m tests.patch.outside` serves TCP and UDP at one port of 127.0.0.1, which it prints, until
its stdin ends. A TCP client is sent its address, "HOST PORT" and a newline, then what it sends; a
UDP client its address, a newline, and the datagram.
"""

from __future__ import annotations

import socketserver
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"


class Stream(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        try:
            self.request.sendall(told(self.client_address))
            while data := self.request.recv(65536):
                self.request.sendall(data)
        except ConnectionError:
            pass  # the client's right


class Datagram(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data, sock = self.request
        sock.sendto(told(self.client_address) + data, self.client_address)


class Streams(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 1024


def told(address: Any) -> bytes:
    return "{} {}\n".format(*address).encode()


@contextmanager
def outside() -> Iterator[tuple[str, int]]:
    """The address of such a process."""
    command = [sys.executable, "-m", "tests.patch.outside"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield HOST, int(process.stdout.readline())
        process.communicate(timeout=10)


def main() -> None:
    with (
        Streams((HOST, 0), Stream) as streams,
        socketserver.UDPServer(streams.server_address, Datagram) as datagrams,
    ):
        for server in (streams, datagrams):
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        print(streams.server_address[1], flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
