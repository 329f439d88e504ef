"""What stays as it is under patch(): servers, pipes, this machine, and what the rules bypass."""

from __future__ import annotations

import asyncio
import bdb
import http.client
import http.server
import io
import logging
import logging.handlers
import multiprocessing
import multiprocessing.connection
import pdb
import pickle
import selectors
import socket
import socketserver
import struct
import sys
import threading
from contextlib import contextmanager
from multiprocessing.managers import BaseManager
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client._patch import delegates
from tests.origins import Echo, Page, read_exactly, web_server
from tests.server_fixture import Server
from tests.standalone import standalone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BIND = 2
WAIT = 10.0


@contextmanager
def patched(**settings: Any) -> Iterator[Server]:
    """In the end nothing is known of any socket."""
    with (
        Server(names={"echo.test": "127.0.0.1"}) as server,
        socks5client.patch(server.url, **settings),
    ):
        yield server
        server.wait_idle()
    assert not delegates._notes


@pytest.fixture
def unasked() -> Iterator[Server]:
    """A proxy that is not asked for anything."""
    with patched() as server:
        yield server
        assert server.exchanges == []


# Servers.


@pytest.mark.parametrize(
    ("family", "host"),
    [
        (socket.AF_INET, ""),
        (socket.AF_INET, "127.0.0.1"),
        (socket.AF_INET, "localhost"),
        (socket.AF_INET, "0.0.0.0"),
        (socket.AF_INET6, "::1"),
        (socket.AF_INET6, "::"),
    ],
)
@pytest.mark.parametrize("timeout", [None, WAIT, 0])
def test_a_listener(family: Any, host: str, timeout: float | None, unasked: Server) -> None:
    loopback = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.create_server((host, 0), family=family) as listener:
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
        assert listener.getsockname()[1] != 0
        listener.settimeout(timeout)
        if timeout == 0:
            with pytest.raises(BlockingIOError):
                listener.accept()
        with socket.socket(family) as client, selectors.DefaultSelector() as selector:
            client.connect((loopback, listener.getsockname()[1]))
            selector.register(listener, selectors.EVENT_READ)
            assert selector.select(WAIT)
            accepted, peer = listener.accept()
            with accepted:
                assert type(accepted) is socket.socket
                assert peer == accepted.getpeername() == client.getsockname()
                assert accepted.getsockname() == client.getpeername()
                client.sendall(b"ping")
                accepted.settimeout(WAIT)
                assert read_exactly(accepted, 4) == b"ping"


@pytest.mark.parametrize("kind", [socketserver.TCPServer, socketserver.ThreadingTCPServer])
def test_socketserver(kind: type[socketserver.TCPServer], unasked: Server) -> None:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(self.rfile.readline() + str(self.client_address[0]).encode())

    with kind(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with socket.create_connection(server.server_address[:2], WAIT) as client:
            client.sendall(b"line\n")
            assert client.makefile("rb").read() == b"line\n127.0.0.1"
        thread.join()


def test_a_udp_server(unasked: Server) -> None:
    class Handler(socketserver.DatagramRequestHandler):
        def handle(self) -> None:
            self.wfile.write(self.rfile.read())

    with (
        socketserver.UDPServer(("127.0.0.1", 0), Handler) as server,
        socket.socket(type=socket.SOCK_DGRAM) as client,
    ):
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        client.settimeout(WAIT)
        client.sendto(b"ping", server.server_address)
        assert client.recvfrom(9) == (b"ping", server.server_address)
        thread.join()


def test_http_server(unasked: Server) -> None:
    with web_server() as (host, port):
        client = http.client.HTTPConnection(host, port, timeout=WAIT)
        client.request("GET", "/")
        assert client.getresponse().read() == Page.body
        client.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", None])
def test_an_asyncio_server(host: str | None, unasked: Server) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, host, 0, family=socket.AF_INET)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("localhost", port)
        writer.write(b"line\n")
        assert await reader.read() == b"line\n"
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    asyncio.run(main())


# What never leaves this machine.


def test_pairs_and_unix_sockets(unasked: Server, tmp_path: Path) -> None:
    for one, other in (socket.socketpair(), socket.socketpair(type=socket.SOCK_DGRAM)):
        with one, other:
            one.send(b"ping")
            assert other.recv(9) == b"ping"
            one.sendmsg([b"pong"])
            assert other.recv(9) == b"pong"
    place = str(tmp_path / "socket")
    with (
        socket.socket(socket.AF_UNIX) as listener,
        socket.socket(socket.AF_UNIX) as client,
        socket.socket(socket.AF_UNIX) as another,
    ):
        assert another.connect_ex(place) != 0
        listener.bind(place)
        listener.listen()
        client.connect(place)
        assert another.connect_ex(place) == 0
        assert client.getpeername() == place
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(place + "2")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"ping", place + "2")
            assert receiver.recvfrom(9) == (b"ping", None)


class Store(BaseManager):
    pass


def make_store() -> dict[str, str]:
    return {"key": "value"}


Store.register("store", make_store)


def send_back(connection: Any) -> None:
    connection.send(connection.recv())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_pipes_and_managers(method: str, unasked: Server) -> None:
    context: Any = multiprocessing.get_context(method)
    ours, theirs = context.Pipe()
    process = context.Process(target=send_back, args=(theirs,))
    process.start()
    ours.send(["ping"])
    assert ours.poll(60)
    assert ours.recv() == ["ping"]
    process.join(60)
    ours.close()
    theirs.close()
    for address in (None, ("127.0.0.1", 0)):
        with Store(address=address, authkey=b"key", ctx=context) as manager:
            assert manager.store().get("key") == "value"  # type: ignore[attr-defined]


@pytest.mark.parametrize("family", ["AF_INET", "AF_UNIX"])
def test_multiprocessing_connections(family: str, unasked: Server) -> None:
    with multiprocessing.connection.Listener(family=family, authkey=b"key") as listener:
        thread = threading.Thread(target=lambda: send_back(listener.accept()))
        thread.start()
        with multiprocessing.connection.Client(listener.address, authkey=b"key") as client:
            client.send("ping")
            assert client.recv() == "ping"
        thread.join()


def test_logging(unasked: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        handler = logging.handlers.SocketHandler(*listener.getsockname())
        handler.emit(logging.makeLogRecord({"msg": "a record"}))
        connection, _ = listener.accept()
        with connection:
            (size,) = struct.unpack(">L", read_exactly(connection, 4))
            assert pickle.loads(read_exactly(connection, size))["msg"] == "a record"
        handler.close()


def test_a_debugger(unasked: Server) -> None:
    """Which listens at loopback, and is spoken to by that."""

    def debug() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("r") as commands, connection.makefile("w") as answers:
            debugger = pdb.Pdb(stdin=commands, stdout=answers, nosigint=True, readrc=False)
            try:
                debugger.runcall(lambda: found.append(1))
            except bdb.BdbQuit:
                pass
            finally:
                sys.settrace(None)

    found: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=debug)
        thread.start()
        with socket.create_connection(listener.getsockname(), WAIT) as client:
            client.sendall(b"p 6 * 7\ncontinue\n")
            text = client.makefile("r").read()
        thread.join()
    assert "(Pdb) 42\n" in text
    assert found == [1]


# Rules.


@pytest.mark.parametrize(
    ("host", "rules", "is_direct"),
    [
        ("127.0.0.1", None, False),
        ("localhost", None, False),
        ("127.0.0.1", "", True),
        ("localhost", "", True),
        ("LocalHost.", "", True),
        ("127.1", "", True),
        ("::ffff:127.0.0.1", "", True),
        ("127.0.0.1", "example.com", True),
    ],
)
def test_this_machine(host: str, rules: str | None, is_direct: bool, echo: Echo) -> None:
    arguments = ["--fault", "reply:reply-code=2"]  # whoever comes to the proxy is refused
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        standalone(*arguments) as url,
        socks5client.patch(url, bypass=rules),
        socket.socket(family) as sock,
    ):
        sock.settimeout(WAIT)
        if is_direct:
            sock.connect((host, echo.address[1]))
            sock.sendall(b"ping")
            assert read_exactly(sock, 4) == b"ping"
        else:
            with pytest.raises(socks5client.NotAllowed):
                sock.connect((host, echo.address[1]))


@pytest.mark.parametrize(
    ("rules", "is_direct"),
    [
        ("127.0.0.0/8", True),
        ("127.0.0.1", True),
        ("127.0.0.2", False),
        ("192.0.2.0/24", False),
        ("*", True),
    ],
)
def test_rules_of_addresses(rules: str, is_direct: bool, echo: Echo) -> None:
    """Where this machine is not bypassed by itself, so that it can stand for others."""
    bypass = socks5client._patch.patching.Bypass(rules)
    arguments = ["--fault", "reply:reply-code=2"]
    with standalone(*arguments) as url, socks5client.patch(url, bypass=None) as patch:
        assert patch._shim is not None
        patch._shim.rules = bypass
        with socket.socket() as sock:
            sock.settimeout(WAIT)
            result = sock.connect_ex(echo.address)
    assert (result == 0) is is_direct


def test_no_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is when patch() is called; and it is asked of the name, before that is looked up."""
    monkeypatch.setenv("NO_PROXY", "direct.test,.inside.test:81")
    with standalone("--no-resolve") as url, socks5client.patch(url) as patch:
        monkeypatch.setenv("NO_PROXY", "*")
        shim = patch._shim
        assert shim is not None
        assert [
            shim.is_direct(*place)
            for place in (
                ("direct.test", 80),
                ("a.direct.test", 80),
                ("a.inside.test", 81),
                ("a.inside.test", 80),
                ("other.test", 80),
            )
        ] == [True, True, True, False, False]


# Rendezvous.


@pytest.mark.parametrize("name", ["danted", "reference"])
def test_a_listener_that_is_a_rendezvous(name: str, request: pytest.FixtureRequest) -> None:
    proxy = request.getfixturevalue(name)
    with socks5client.patch(proxy.url, bind=True), socket.create_server(("", 0)) as listener:
        listener.settimeout(WAIT)
        place = listener.getsockname()
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
        with socket.create_connection(place, WAIT) as peer:
            accepted, who = listener.accept()
            with accepted:
                assert type(accepted) is socket.socket
                assert who == accepted.getpeername() == peer.getsockname()
                assert accepted.getsockname() == place
                peer.sendall(b"ping")
                assert read_exactly(accepted, 4) == b"ping"
                with accepted.dup() as twin:
                    assert twin.getpeername() == who
    if isinstance(proxy, Server):
        assert [exchange.command for exchange in proxy.requests] == [BIND]
        proxy.wait_idle()
    assert not delegates._notes


@pytest.mark.parametrize("place", [("127.0.0.1", 0), ("localhost", 0), "a port"])
def test_listeners_that_are_ordinary(place: Any) -> None:
    with patched(bind=True) as server:
        if place == "a port":
            with socket.create_server(("127.0.0.1", 0)) as sock:
                place = "", sock.getsockname()[1]
        with socket.create_server(place) as listener:
            port = listener.getsockname()[1]
            assert place[1] in (0, port)
            with socket.create_connection(("127.0.0.1", port), WAIT) as client:
                accepted, peer = listener.accept()
                with accepted:
                    assert peer == client.getsockname()
        assert server.exchanges == []


def test_an_asyncio_server_that_is_a_rendezvous() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    async def main() -> None:
        listening = await asyncio.start_server(serve, "0.0.0.0", 0)
        for _ in range(2):  # each of them has a rendezvous of its own
            host, port = listening.sockets[0].getsockname()
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"line\n")
            assert await reader.read() == b"line\n"
            writer.close()
            await writer.wait_closed()
        listening.close()

    with patched(bind=True) as server:
        asyncio.run(asyncio.wait_for(main(), 30))
        assert {exchange.command for exchange in server.requests} == {BIND}


def test_a_rendezvous_that_is_refused() -> None:
    with Server(commands=[1]) as server, socks5client.patch(server.url, bind=True):
        with socket.socket() as sock:
            sock.bind(("", 0))
            with pytest.raises(socks5client.CommandNotSupported):
                sock.listen()
        server.wait_idle()
    assert not delegates._notes


def test_what_is_shown_of_it() -> None:
    """Without asking for anything."""
    with patched(bind=True) as server, socket.create_server(("", 0)) as listener:
        text = io.StringIO()
        print(listener, file=text)
        assert f"laddr={listener.getsockname()}" in text.getvalue()
        assert text.getvalue().startswith("<socket.socket fd=")
        assert len(server.requests) == 1
