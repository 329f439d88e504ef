"""The proxies of a row: where its fault is, and what leads there."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from socks5client import GSSAPI, Proxy
from tests.fault_matrix.rows import FIXTURE_STAGES
from tests.origins import unused_address
from tests.server_fixture import Fault, Server
from tests.test_server_fixture import tls_contexts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fault_matrix.rows import Chopped, Row
    from tests.server_fixture.faults import Stage as FixtureStage

USERS = {"alice": "secret"}

contexts = cache(tls_contexts)  # for the proxy, and for those who trust it


@dataclass
class Scene:
    proxy: Any
    """What a driver is given."""
    faulty: Proxy
    """The last of it, or all."""
    server: Server | None
    """That one, where it runs."""
    before: Server | None
    """The one before it, in a chain."""
    password: bool
    gss: bool
    silent: bool
    """Whether nothing is heard of it, so that in a chain the one before does not answer."""

    def blamed(self, target: tuple[str, int]) -> tuple[Proxy, tuple[str, int]]:
        """The proxy that the errors are about, and what it was asked for."""
        if self.silent and self.before is not None:
            return Proxy(*self.before.address), (self.faulty.host, self.faulty.port)
        return self.faulty, target


@contextmanager
def scene(
    row: Row,
    full: tuple[str, int],
    *,
    password: bool = False,
    gss: bool = False,
    chain: bool = False,
) -> Iterator[Scene]:
    """The proxies of `row`; those that run are idle in the end.

    `full` is an address that takes no connection; with `password` and `gss` the proxy asks for
    one, or for a ticket; with `chain` there is a good one before it.
    """
    password = password or row.needs_password
    with ExitStack() as stack:
        server = None
        if row.place == "unused" and row.stage == "TCP":
            address = unused_address()
        elif row.place == "full":
            address = full
        else:
            server = stack.enter_context(_server(row, password, gss))
            address = server.address
            if row.chopped is not None:
                address = stack.enter_context(chopper(address, row.chopped))
        auth = GSSAPI(hostname="localhost") if gss else None
        user_info = "alice:secret@" if password else ""
        faulty = Proxy.from_url(
            "socks5h{}://{}{}:{}".format("+tls" if row.tls else "", user_info, *address),
            auth=auth,
            ssl_context=contexts()[1] if row.tls and row.trusted else None,
        )
        # It goes on connecting, although nobody waits for it any more.
        before = stack.enter_context(Server(connect_timeout=0.4)) if chain else None
        proxy = [before.url, faulty] if before is not None else faulty
        yield Scene(proxy, faulty, server, before, password, gss, row.place == "full")
        for each in (server, before):
            if each is not None:
                each.wait_idle()


def _server(row: Row, password: bool, gss: bool) -> Server:
    faults = list(row.also)
    if row.action is not None:
        last: FixtureStage = "auth" if password else "method"
        faults.append(Fault(FIXTURE_STAGES.get(row.stage, last), row.action))
    options = dict(row.server)
    if row.place == "unused":  # UDP's
        options["bound"] = ("127.0.0.1", unused_port())
    return Server(
        users=USERS,
        methods=(1,) if gss else (2, 0),
        faults=faults,
        ssl_context=contexts()[0] if row.tls else None,
        relay_faults=row.relay_faults,
        **options,
    )


def unused_port() -> int:
    """A port of UDP that nobody listens at."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def chopper(server: tuple[str, int], how: Chopped) -> Iterator[tuple[str, int]]:
    """In front of `server`: passes on what it says byte by byte; yields where that is.

    One client after the other.
    """

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, socket.create_connection(server) as upstream:
                try:
                    pass_on(client, upstream)
                except OSError:
                    pass  # either may go whenever it likes

    def pass_on(client: socket.socket, upstream: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        count = 0
        while True:
            readable, _, _ = select.select([client, upstream], [], [])
            if client in readable:
                if not (data := client.recv(65536)):
                    return
                upstream.sendall(data)
            if upstream in readable:
                if not (data := upstream.recv(65536)):
                    return
                for byte in data:
                    if count == how.limit:
                        return
                    client.sendall(bytes((byte,)))
                    count += 1

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
            thread.join(10)


class Destination:
    """Listens, and is asked in the end who came: the kernel takes the connections by itself."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self._listener.settimeout(5)
        self.address: tuple[str, int] = self._listener.getsockname()
        self.close = self._listener.close

    def accept(self) -> socket.socket:
        """Who came, or comes now."""
        visitor, _ = self._listener.accept()
        visitor.settimeout(5)
        return visitor

    def visits(self) -> list[bytes]:
        """What each of those who came, and have gone, had to say."""
        self._listener.setblocking(False)
        said = []
        try:
            while True:
                visitor, _ = self._listener.accept()
                with visitor:
                    visitor.settimeout(5)
                    try:
                        said.append(visitor.recv(65536))
                    except ConnectionResetError:
                        said.append(b"")
        except BlockingIOError:
            return said
        finally:
            self._listener.settimeout(5)
