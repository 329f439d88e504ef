"""Proxies and destinations that stop answering at some stage, and how to see that it is reached."""

from __future__ import annotations

import errno
import select
import socket
import ssl
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from tests.server_fixture import Fault, Server, stall

if TYPE_CHECKING:
    from collections.abc import Iterator

# A stage of the handshake -> the last one that the server has reached when it stalls there.
STAGES: dict[Any, str] = {
    "accept": "accept",
    "method": "method",
    "auth": "auth",
    "reply": "request",
}
# Nobody is asked for it: the proxy does not get so far.
SOMEWHERE = ("destination.test", 80)


@contextmanager
def stalled(stage: Any) -> Iterator[tuple[Server, str]]:
    """A proxy that says no more from `stage` on, and its URL; idle in the end."""
    with Server(users={"alice": "secret"}, faults=[Fault(stage, stall())]) as server:
        yield server, server.url_as(user_info="alice:secret@")
        server.wait_idle()


def wait_until_stalled(server: Server, stage: Any) -> None:
    """Blocks until a client waits at `stage`."""
    server.wait_for(
        lambda server: [e for e in server.exchanges if e.stage == STAGES[stage] and not e.closed]
    )


@contextmanager
def deaf(tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, int]]:
    """A destination for one client at a time that reads, and says nothing; yields its address.

    With `tls` it does its part of the handshake.
    """

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                try:
                    hear(client)
                except OSError:
                    pass  # a client may go whenever it likes

    def hear(client: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = None if tls is None else tls.wrap_bio(incoming, outgoing, server_side=True)
        while data := client.recv(65536):
            if server is not None:
                incoming.write(data)
                try:
                    server.do_handshake()
                except ssl.SSLWantReadError:
                    pass
                client.sendall(outgoing.read())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
            thread.join(10)


@contextmanager
def blackhole() -> Iterator[tuple[str, int]]:
    """Where a connection is neither taken nor refused: the queue there is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as stack:
        address = listener.getsockname()
        while True:
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
            if not select.select([], [filler], [], 0.05)[1]:
                break
        yield address
        # Nor was it later; after two minutes the kernel gives up.
        if select.select([], [filler], [], 0)[1]:
            assert filler.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ETIMEDOUT
