"""The reference server, spoken to with bare sockets and with programs that others wrote."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
import trustme

from tests import server_fixture as fixture
from tests.server_fixture import CATALOGUE, Fault, Server
from tests.server_fixture.__main__ import parse_fault, print_request

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
OFFER_NONE = b"\x05\x01\x00"
OFFER_PASSWORD = b"\x05\x01\x02"
SUCCESS = b"\x05\x00\x00\x01"
HELLO = b"hello"


def require(binary: str, package: str) -> str:
    """The path of a foreign client; without it the test is skipped, but fails under CI."""
    path = shutil.which(binary)
    if path is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"{binary} is missing: install Debian's {package}")
    return path


class Client:
    """A bare socket with exact reads."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.settimeout(10)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count and (chunk := self.sock.recv(count - len(data))):
            data += chunk
        return data

    def read_all(self) -> bytes:
        """Until EOF."""
        data = bytearray()
        while chunk := self.sock.recv(1 << 18):
            data += chunk
        return bytes(data)

    def connect(self, address: tuple[str, int], offer: bytes = OFFER_NONE) -> bytes:
        """Method selection and request; returns a reply's first 10 bytes."""
        self.send(offer)
        assert self.read(2) == b"\x05\x00"
        self.send(request(address))
        return self.read(10)


def dial(server: Server) -> Client:
    return Client(socket.create_connection(server.address, timeout=10))


def request(address: tuple[str, int], command: int = 1) -> bytes:
    host, port = address
    head = bytes([5, command, 0])
    tail = struct.pack("!H", port)
    if ":" in host:
        return head + b"\x04" + socket.inet_pton(socket.AF_INET6, host) + tail
    if host[-1].isdigit():
        return head + b"\x01" + socket.inet_aton(host) + tail
    return head + b"\x03" + bytes([len(host)]) + host.encode() + tail


def credentials(username: str, password: str) -> bytes:
    name, word = username.encode(), password.encode()
    return b"\x01" + bytes([len(name)]) + name + bytes([len(word)]) + word


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@pytest.fixture
def origin() -> Iterator[socket.socket]:
    """A listener; the tests accept from it themselves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        yield listener


def at(listener: socket.socket) -> tuple[str, int]:
    address: tuple[str, int] = listener.getsockname()[:2]
    return address


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(HELLO)))
        self.end_headers()
        self.wfile.write(HELLO)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[int]:
    """The port of an HTTP server at 127.0.0.1."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        yield httpd.server_address[1]
        httpd.shutdown()
        thread.join()


# Methods and authentication.


@pytest.mark.parametrize(
    ("arguments", "offer", "selection"),
    [
        ({}, b"\x05\x01\x00", b"\x05\x00"),
        ({}, b"\x05\x03\x01\x02\x00", b"\x05\x00"),
        ({}, b"\x05\x01\x02", b"\x05\xff"),
        ({"users": {"u": "p"}}, b"\x05\x02\x00\x02", b"\x05\x02"),
        ({"users": {"u": "p"}}, b"\x05\x01\x00", b"\x05\xff"),
        ({"methods": (0, 2)}, b"\x05\x02\x02\x00", b"\x05\x00"),
        ({"methods": (2, 0)}, b"\x05\x02\x00\x02", b"\x05\x02"),
        ({}, b"\x05\xff" + bytes(range(1, 255)) + b"\x00", b"\x05\x00"),
    ],
)
def test_method_selection(arguments: dict[str, Any], offer: bytes, selection: bytes) -> None:
    with Server(**arguments) as server:
        with dial(server) as client:
            client.send(offer)
            assert client.read(2) == selection
            if selection[1] == 0xFF:
                assert client.read_all() == b""
        server.wait_idle()
        (exchange,) = server.exchanges
        assert exchange.methods == tuple(offer[2:])
        assert (exchange.method, exchange.stage) == (selection[1], "method")
        assert exchange.received == offer
        assert (exchange.error is None) == (selection[1] != 0xFF)
        assert server.requests == []


@pytest.mark.parametrize(
    ("username", "password", "status"),
    [
        ("alice", "secret", 0),
        ("alice", "wrong", 1),
        ("nobody", "secret", 1),
        ("empty", "", 0),
        ("alice", "", 1),
        ("ü" * 127, "€" * 85, 0),
    ],
)
def test_username_and_password(username: str, password: str, status: int) -> None:
    users = {"alice": "secret", "empty": "", "ü" * 127: "€" * 85}
    with Server(users=users) as server:
        with dial(server) as client:
            client.send(OFFER_PASSWORD)
            assert client.read(2) == b"\x05\x02"
            client.send(credentials(username, password))
            assert client.read(2) == bytes([1, status])
            if status:
                assert client.read_all() == b""
        server.wait_idle()
        (exchange,) = server.exchanges
        assert exchange.stage == "auth"
        assert exchange.authenticated is (status == 0)
        assert exchange.username == username.encode()
        assert exchange.password == password.encode()
        assert password == "" or password not in repr(exchange)


def test_without_users_any_credentials_will_do() -> None:
    with Server(methods=(2,)) as server, dial(server) as client:
        client.send(OFFER_PASSWORD + credentials("any", "thing"))
        assert client.read(4) == b"\x05\x02\x01\x00"


def test_only_implemented_methods_can_be_accepted() -> None:
    with pytest.raises(ValueError, match="not implemented"):
        Server(methods=(0, 0x80))


def test_only_implemented_commands_can_be_supported() -> None:
    with pytest.raises(ValueError, match="not implemented"):
        Server(commands=(1, 0xF0))


# Requests.


@pytest.mark.parametrize(
    ("destination", "atyp"),
    [
        (("127.0.0.1", None), 1),
        (("localhost", None), 3),
        (("origin.test", None), 3),
        (("ORIGIN.test", None), 3),
        (("redirected.test", 80), 3),
        (("192.0.2.1", 80), 1),
        (("2001:db8::1", 443), 4),
        (("routed.test", 80), 3),
    ],
)
def test_destinations(
    origin: socket.socket, destination: tuple[str, int | None], atyp: int
) -> None:
    host, port = destination
    port = port or at(origin)[1]
    names: dict[str, str | tuple[str, int]] = {
        "origin.test": "127.0.0.1",
        "redirected.test": at(origin),
    }
    routes = {key: at(origin) for key in (("192.0.2.1", 80), ("2001:db8::1", 443))}
    routes["routed.test", 80] = at(origin)
    with Server(names=names, routes=routes) as server:
        with dial(server) as client:
            reply = client.connect((host, port))
            accepted, peer = origin.accept()
            with accepted:
                bound = socket.inet_aton(peer[0]) + struct.pack("!H", peer[1])
                assert reply == SUCCESS + bound, "BND is the outgoing connection's own address"
                client.send(HELLO)
                accepted.sendall(b"goodbye")
                assert accepted.recv(9) == HELLO
                assert client.read(7) == b"goodbye"
        server.wait_idle()
        (exchange,) = server.requests
        assert (exchange.command, exchange.atyp) == (1, atyp)
        assert (exchange.host, exchange.port) == (host, port)
        assert exchange.target == at(origin)
        assert (exchange.reply_code, exchange.stage, exchange.error) == (0, "data", None)
        assert (exchange.bytes_up, exchange.bytes_down) == (5, 7)
        assert exchange.received == OFFER_NONE + request((host, port))
        assert exchange.closed


def test_ipv6_listener_and_destination() -> None:
    with (
        socket.create_server(("::1", 0), family=socket.AF_INET6) as origin,
        Server("::1") as server,
        dial(server) as client,
    ):
        client.send(OFFER_NONE + request(at(origin)))
        head = client.read(2 + 4)
        accepted, peer = origin.accept()
        accepted.close()
        assert head == b"\x05\x00\x05\x00\x00\x04"
        bound = client.read(18)
        assert bound == socket.inet_pton(socket.AF_INET6, "::1") + struct.pack("!H", peer[1])


@pytest.mark.parametrize(
    ("bound", "encoded"),
    [
        (("bound.test", 99), b"\x03\x0abound.test\x00\x63"),
        (("", 0), b"\x03\x00\x00\x00"),
        (("::", 1), b"\x04" + bytes(16) + b"\x00\x01"),
    ],
)
def test_bound_address_of_choice(
    origin: socket.socket, bound: tuple[str, int], encoded: bytes
) -> None:
    with Server(bound=bound) as server, dial(server) as client:
        client.send(OFFER_NONE + request(at(origin)))
        assert client.read(5 + len(encoded)) == b"\x05\x00\x05\x00\x00" + encoded


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return at(listener)[1]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (request(("unknown.test", 80)), 4),
        (request(("net.test", 80)), 3),
        (request(("192.0.2.1", 80)), 4),
        (request(("slow.test", 80)), 6),
        (request(("acl.test", 80)), 2),
        (request(("odd.test", 80)), 1),
        pytest.param(request(("127.0.0.1", unused_port())), 5, id="refused"),
        (request(("127.0.0.1", 80), command=2), 7),
        (request(("127.0.0.1", 80), command=3), 7),
        (request(("127.0.0.1", 80), command=0xF0), 7),
        (b"\x05\x01\x00\x09", 8),
        (b"\x05\x01\x01\x01" + bytes(6), 1),
        (b"\x05\x01\x00\x03\x00\x00\x50", 1),
    ],
)
def test_failure_replies(message: bytes, code: int) -> None:
    routes = {
        ("net.test", 80): OSError(errno.ENETUNREACH, "unreachable"),
        ("192.0.2.1", 80): OSError(errno.EHOSTUNREACH, "unreachable"),
        ("slow.test", 80): TimeoutError(errno.ETIMEDOUT, "timed out"),
        ("acl.test", 80): PermissionError(errno.EACCES, "no"),
        ("odd.test", 80): OSError(errno.EIO, "odd"),
    }
    with Server(routes=routes, commands=[1]) as server:
        with dial(server) as client:
            client.send(OFFER_NONE + message + b"surplus that must not turn the FIN into RST")
            assert client.read_all() == b"\x05\x00" + bytes([5, code, 0, 1]) + bytes(6)
        server.wait_idle()
        (exchange,) = server.exchanges
        assert (exchange.reply_code, exchange.stage) == (code, "reply")
        assert exchange.error


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        (b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00", "method offer: version 0x04"),
        (b"GET / HTTP/1.1\r\n\r\n", "method offer: version 0x47"),
        (b"\x05\x00", "method offer: no methods"),
        (b"\x05\x01\x02\x05\x01a\x01b", "credentials: version 0x05"),
        (b"\x05\x01\x00\x04\x01\x00\x01", "request: version 0x04"),
    ],
)
def test_malformed_messages(messages: bytes, error: str) -> None:
    with Server(methods=(0, 2)) as server:
        with dial(server) as client:
            client.send(messages)
            client.read_all()
        server.wait_idle()
        (exchange,) = server.exchanges
        assert exchange.error == error
        assert exchange.received == messages


def test_hang_up_within_a_message() -> None:
    with Server() as server:
        with dial(server) as client:
            client.send(b"\x05\x03\x00")
        server.wait_idle()
        with dial(server) as client:
            reset(client.sock)
        server.wait_for(lambda server: len(server.exchanges) == 2)
        server.wait_idle()
        first, second = server.exchanges
        assert first.error == "the client hung up 1 bytes into a message"
        assert first.received == b"\x05\x03\x00"
        assert second.error is not None
        assert "reset" in second.error


# The relay.


def test_half_close_both_ways(origin: socket.socket) -> None:
    with Server() as server:
        for client_first in (True, False):
            with dial(server) as client:
                client.connect(at(origin))
                accepted, _ = origin.accept()
                with Client(accepted) as far:
                    one, other = (client, far) if client_first else (far, client)
                    one.send(b"question")
                    one.sock.shutdown(socket.SHUT_WR)
                    assert other.read_all() == b"question"
                    other.send(b"answer")
                    other.sock.shutdown(socket.SHUT_WR)
                    assert one.read_all() == b"answer"
            server.wait_idle()


def test_data_and_eof_sent_ahead_of_the_reply(origin: socket.socket) -> None:
    with Server() as server, dial(server) as client:
        client.send(OFFER_NONE + request(at(origin)) + b"early")
        client.sock.shutdown(socket.SHUT_WR)
        accepted, _ = origin.accept()
        with Client(accepted) as far:
            assert far.read_all() == b"early"
            far.send(b"late")
        assert client.read_all()[12:] == b"late"
        assert server.requests[0].received == OFFER_NONE + request(at(origin))


@pytest.mark.parametrize("from_client", [True, False])
def test_reset_is_passed_on(origin: socket.socket, from_client: bool) -> None:
    with Server() as server:
        with dial(server) as client:
            client.connect(at(origin))
            accepted, _ = origin.accept()
            with Client(accepted) as far:
                source, sink = (client, far) if from_client else (far, client)
                source.send(HELLO)
                assert sink.read(5) == HELLO
                reset(source.sock)
                with pytest.raises(ConnectionResetError):
                    sink.read(1)
        server.wait_idle()
        assert (server.requests[0].error or "").startswith("relay: ")


@pytest.mark.parametrize("downwards", [True, False])
def test_large_transfer(origin: socket.socket, downwards: bool) -> None:
    data = os.urandom(1 << 20) * 20
    with Server() as server:
        with dial(server) as client:
            client.connect(at(origin))
            accepted, _ = origin.accept()
            with Client(accepted) as far:
                source, sink = (far, client) if downwards else (client, far)

                def send() -> None:
                    source.send(data)
                    source.sock.shutdown(socket.SHUT_WR)

                sender = threading.Thread(target=send)
                sender.start()
                assert sink.read_all() == data
                sender.join()
        server.wait_idle()
        (exchange,) = server.requests
        assert (exchange.bytes_down if downwards else exchange.bytes_up) == len(data)


def test_back_pressure(origin: socket.socket) -> None:
    """A source whose sink does not read is stopped after some buffers' worth of data."""
    with Server() as server, dial(server) as client:
        client.connect(at(origin))
        accepted, _ = origin.accept()
        with accepted:
            client.sock.settimeout(0.5)
            with pytest.raises(TimeoutError):
                client.send(bytes(1 << 26))
            assert server.requests[0].bytes_up < 1 << 25


def test_many_connections_at_once(origin: socket.socket) -> None:
    with Server() as server:
        clients = [dial(server) for _ in range(100)]
        ports = [client.sock.getsockname()[1] for client in clients]
        for client in clients:
            client.send(OFFER_NONE + request(at(origin)))
        for client in clients:
            assert client.read(12)[:6] == b"\x05\x00" + SUCCESS
            client.sock.close()
            origin.accept()[0].close()
        server.wait_idle()
        assert [exchange.peer for exchange in server.exchanges] == [
            ("127.0.0.1", port) for port in ports
        ]


# Other transports, life and death.


def test_unix_socket(origin: socket.socket, tmp_path: Path) -> None:
    path = tmp_path / "proxy"
    with Server(host=None, unix_path=path) as server:
        with Client(socket.socket(socket.AF_UNIX)) as client:
            client.sock.connect(str(path))
            assert client.connect(at(origin))[:4] == SUCCESS
            origin.accept()[0].close()
            assert client.read_all() == b""
        server.wait_idle()
        assert server.exchanges[0].peer is None
        with pytest.raises(RuntimeError, match="TCP"):
            _ = server.port
    assert not path.exists()


def tls_contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's and the client's."""
    authority = trustme.CA()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(serving)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    return serving, trusting


@pytest.fixture
def tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return tls_contexts()


def test_tls(origin: socket.socket, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with Server(ssl_context=tls[0]) as server:
        raw = socket.create_connection(server.address, timeout=10)
        with Client(tls[1].wrap_socket(raw, server_hostname="127.0.0.1")) as client:
            assert client.connect(at(origin))[:4] == SUCCESS
            accepted, _ = origin.accept()
            with Client(accepted) as far:
                client.send(HELLO)
                assert far.read(5) == HELLO
                far.send(bytes(1 << 20))
                far.sock.shutdown(socket.SHUT_WR)
                assert len(client.read_all()) == 1 << 20
        server.wait_idle()


def test_tls_handshake_failure_and_hang_up(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with Server(ssl_context=tls[0]) as server:
        with dial(server) as client:
            client.send(OFFER_NONE + bytes(10))
            client.read_all()
        with dial(server):
            pass
        server.wait_for(lambda server: len(server.exchanges) == 2)
        server.wait_idle()
        assert all(exchange.error for exchange in server.exchanges)


@pytest.mark.parametrize("secure", [True, False])
def test_exit_closes_whatever_is_open(
    origin: socket.socket, tls: tuple[ssl.SSLContext, ssl.SSLContext], secure: bool
) -> None:
    """Connections before TLS, in the handshake, stalled, relaying: none holds up the exit."""
    with Server(ssl_context=tls[0] if secure else None) as server:
        clients = [dial(server) for _ in range(3)]
        if not secure:
            clients[1].send(b"\x05")
            clients[2].connect(at(origin))
        server.wait_for(lambda server: len(server.exchanges) == 3)
        with pytest.raises(TimeoutError, match="idle"):
            server.wait_idle(timeout=0.05)
    server.wait_idle()
    for client in clients:
        with client, contextlib.suppress(ConnectionResetError):  # what was sent went unread
            assert client.read_all() == b""


def test_wait_for() -> None:
    with Server() as server:
        with pytest.raises(TimeoutError, match="condition"):
            server.wait_for(lambda server: server.exchanges, timeout=0.01)
        with dial(server):
            assert server.wait_for(lambda server: server.exchanges)[0].stage == "accept"


# Faults. A session: none or password, CONNECT, then the origin says HELLO.

MESSAGES = {"method": b"\x05\x02", "auth": b"\x01\x00", "reply": b"\x05\x00\x00\x01"}
HANDSHAKE = OFFER_PASSWORD + credentials("u", "p")


def start(client: Client, origin: socket.socket, stage: str) -> None:
    """Send everything at once and read up to where the fault strikes."""
    client.send(HANDSHAKE + request(at(origin)))
    before = {"accept": 0, "method": 0, "auth": 2, "reply": 4, "data": 14}[stage]
    assert len(client.read(before)) == before


def ends_in_reset(server: Server, origin: socket.socket, stage: str) -> bool:
    """At "accept" the RST may come while connect() or send() is under way."""
    try:
        with dial(server) as client:
            start(client, origin, stage)
            client.read(1)
    except (ConnectionResetError, BrokenPipeError):
        return True
    return False


def faulty(*faults: Fault) -> Server:
    return Server(users={"u": "p"}, faults=faults)


@pytest.mark.parametrize("stage", [stage for stage in fixture.STAGES if stage != "second-reply"])
def test_close_reset_and_stall(origin: socket.socket, stage: fixture.faults.Stage) -> None:
    actions = (fixture.close(), fixture.reset(), fixture.stall())
    plan = [Fault(stage, action, connections={i}) for i, action in enumerate(actions)]
    with faulty(*plan) as server:
        with dial(server) as client:
            start(client, origin, stage)
            assert client.read_all() == b""
        assert ends_in_reset(server, origin, stage)
        with dial(server) as client:
            start(client, origin, stage)
            client.sock.settimeout(0.1)
            with pytest.raises(TimeoutError):
                client.read(1)
            assert not server.exchanges[2].closed
        server.wait_idle()


@pytest.mark.parametrize("stage", ["method", "auth", "reply"])
def test_truncate_split_drip_append_and_replace(
    origin: socket.socket, stage: fixture.faults.Stage
) -> None:
    message = MESSAGES[stage]
    actions = {
        fixture.truncate(1): message[:1],
        fixture.replace(b"other", "close"): b"other",
        fixture.replace(lambda right, exchange: right[::-1][-2:], "close"): message[1::-1],
        fixture.append(b"surplus", "close"): None,
    }
    plan = [Fault(stage, action, connections={i}) for i, action in enumerate(actions)]
    with faulty(*plan) as server:
        for expected in actions.values():
            with dial(server) as client:
                start(client, origin, stage)
                data = client.read_all()
                if expected is None:
                    assert data.startswith(message)
                    assert data.endswith(b"surplus")
                else:
                    assert data == expected
        server.wait_idle()
    with faulty(Fault(stage, fixture.truncate(1, "reset"))) as server, dial(server) as client:
        start(client, origin, stage)
        assert client.read(1) == message[:1]
        with pytest.raises(ConnectionResetError):
            client.read(1)


@pytest.mark.parametrize(
    ("action", "least"),
    [
        (fixture.split(4, pause=0.02), 0.04),
        (fixture.drip(0.01), 0.09),
        (fixture.delay(0.05), 0.05),
    ],
)
def test_pace(origin: socket.socket, action: fixture.Action, least: float) -> None:
    with faulty(Fault("reply", action)) as server, dial(server) as client:
        begin = time.monotonic()
        start(client, origin, "reply")
        assert client.read(10).startswith(SUCCESS)
        assert time.monotonic() - begin >= least * 0.99


class Writes:
    """A `Line` that notes what is written in one piece: a receiver may see two as one."""

    def __init__(self) -> None:
        self.exchange = fixture.Exchange(0, None)
        self.notes: list[bytes | float] = []

    async def write(self, data: bytes) -> None:
        self.notes.append(data)

    async def pause(self, seconds: float) -> None:
        self.notes.append(seconds)

    async def end(self, how: str) -> NoReturn:
        raise NotImplementedError

    async def first_data(self) -> bytes:
        return HELLO


@pytest.mark.parametrize(
    ("action", "notes"),
    [
        (fixture.split(), [b"a", 0.0, b"b", 0.0, b"c"]),
        (fixture.split(2, 0.5), [b"ab", 0.5, b"c"]),
        (fixture.drip(1), [b"a", 1, b"b", 1, b"c"]),
        (fixture.append(b"d"), [b"abcd"]),
        (fixture.coalesce(), [b"abc" + HELLO]),
        (fixture.delay(3), [3, b"abc"]),
    ],
)
def test_pieces(action: fixture.Action, notes: list[bytes | float]) -> None:
    line = Writes()
    asyncio.run(action.send(line, b"abc"))
    assert line.notes == notes


def test_split_without_pause_sends_all(origin: socket.socket) -> None:
    plan = [Fault(stage, fixture.split()) for stage in fixture.STAGES]
    with faulty(*plan) as server, dial(server) as client:
        start(client, origin, "data")
        assert server.requests[0].sent[:8] == b"\x05\x02\x01\x00" + SUCCESS


def test_a_client_that_leaves_ends_a_pause(origin: socket.socket) -> None:
    with faulty(Fault("method", fixture.delay(600))) as server:
        with dial(server) as client:
            client.send(HANDSHAKE)
            server.wait_for(lambda server: server.exchanges and server.exchanges[0].received)
        server.wait_idle()
        assert server.exchanges[0].received == HANDSHAKE


def test_coalesce(origin: socket.socket) -> None:
    with faulty(Fault("reply", fixture.coalesce())) as server, dial(server) as client:
        start(client, origin, "reply")
        accepted, _ = origin.accept()
        with Client(accepted) as far:
            far.send(HELLO)
            assert client.sock.recv(100)[10:] == HELLO
            far.send(HELLO)
            assert client.read(5) == HELLO
            assert server.requests[0].bytes_down == 10


def test_coalesce_with_a_silent_destination(origin: socket.socket) -> None:
    with faulty(Fault("reply", fixture.coalesce())) as server:
        with dial(server) as client:
            start(client, origin, "reply")
        server.wait_idle()


def test_data_in_place_of_relaying(origin: socket.socket) -> None:
    fault = Fault("data", fixture.replace(b"not yours", "close"))
    with faulty(fault) as server, dial(server) as client:
        start(client, origin, "data")
        assert client.read_all() == b"not yours"


def test_faults_for_some(origin: socket.socket) -> None:
    """`connections` by index, `times` by count; the first fault that applies is taken."""
    plan = (
        Fault("method", fixture.close(), connections={1}),
        Fault("reply", CATALOGUE["reply-code-2"].action, times=2),
    )
    with faulty(*plan) as server:
        codes = []
        for _ in range(4):
            with dial(server) as client:
                client.send(HANDSHAKE + request(at(origin)))
                codes.append(client.read(6)[5:])
        assert codes == [b"\x02", b"", b"\x02", b"\x00"]
    with pytest.raises(ValueError, match="no such stage"):
        Fault("later", fixture.close())  # type: ignore[arg-type]


WIRE = {
    "method-not-offered": b"\x05\x80",
    "no-acceptable": b"\x05\xff",
    "wrong-version-method": b"\x04\x02",
    "wrong-version-auth": b"\x07\x00",
    "wrong-version-reply": b"\x04\x00\x00\x01",
    "auth-failed": b"\x01\x01",
    "auth-version-5": b"\x05\x00",
    "unknown-atyp": b"\x05\x00\x00\x09",
    "garbage-accept": b"SSH-2.0-",
    "garbage-method": b"HTTP/1.1 400",
    "garbage-auth": b"HTTP/1.1 400",
    "garbage-reply": b"HTTP/1.1 400",
    "short-failure": b"\x05\x05\x00",
    "short-failure-2": b"\x05\x05",
    "bound-name": b"\x05\x00\x00\x03\x0abound.test\x10\xe1",
    "zero-length-name": b"\x05\x00\x00\x03\x00\x00\x00",
    **{f"reply-code-{n}": bytes([5, n, 0, 1]) + bytes(6) for n in (1, 5, 9, 0xF0, 255)},
}


@pytest.mark.parametrize("name", WIRE)
def test_catalogue(origin: socket.socket, name: str) -> None:
    fault = CATALOGUE[name]
    with faulty(fault) as server:
        with dial(server) as client:
            start(client, origin, fault.stage)
            assert client.read(len(WIRE[name])) == WIRE[name]
            if name.startswith("short"):
                assert client.read_all() == b""
        origin.close()  # resets what nobody accepted
        server.wait_idle()
        (exchange,) = server.exchanges
        if fault.stage == "reply":
            assert exchange.reply_code == WIRE[name][1]


def test_catalogue_is_covered() -> None:
    """But for the second replies of BIND, which have tests of their own."""
    names = {name for name, fault in CATALOGUE.items() if fault.stage != "second-reply"}
    assert {name for name in names if not name.startswith("reply-code-")} < WIRE.keys()


def test_method_not_offered_when_0x80_is() -> None:
    with faulty(CATALOGUE["method-not-offered"]) as server, dial(server) as client:
        client.send(b"\x05\x02\x80\x02")
        assert client.read(2) == b"\x05\x81"


def test_accept_faults_come_before_tls(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    faults = (CATALOGUE["garbage-accept"],)
    with Server(ssl_context=tls[0], faults=faults) as server, dial(server) as client:
        assert client.read_all().startswith(b"SSH-")


# Alone, as a process.


class Alone:
    """`python -m tests.server_fixture` in an isolated interpreter without site-packages."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-S", "-W", "error", "-m", "tests.server_fixture"]
        self.process = subprocess.Popen(
            [*command, "--port", "0", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("listening on 127.0.0.1:"), line
        self.address = ("127.0.0.1", int(line.rpartition(":")[2]))

    def stop(self, number: int) -> str:
        """Exit status 0 and nothing on stderr; returns the rest of stdout."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=10)
        assert (self.process.returncode, err) == (0, "")
        return out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_alone(origin: socket.socket, number: int) -> None:
    alone = Alone("--user", "u", "--password", "p", "--fault", "reply:split=3", "--log")
    with Client(socket.create_connection(alone.address)) as client:
        client.send(HANDSHAKE + request(("localhost", at(origin)[1])))
        assert client.read(14)[:8] == b"\x05\x02\x01\x00" + SUCCESS
        peer = client.sock.getsockname()
        out = alone.stop(number)
    line = f"127.0.0.1:{peer[1]} CONNECT localhost:{at(origin)[1]} user='u' reply=0\n"
    assert out == line


def test_alone_with_bind_and_udp() -> None:
    """What the options say: BIND gives up at once, fragments are dropped and never sent."""
    options = ("--bind-timeout", "0", "--check-peer", "--udp-fragment-size", "1", "--no-fragments")
    alone = Alone("--log", *options)
    with Client(socket.create_connection(alone.address)) as client:
        client.send(OFFER_NONE + request(("127.0.0.1", 0), command=2))
        assert client.read_all()[12:14] == b"\x05\x06"
    with (
        Client(socket.create_connection(alone.address)) as client,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        client.send(OFFER_NONE + request(("0.0.0.0", 0), command=3))
        relay = ("127.0.0.1", int.from_bytes(client.read(12)[10:]))
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)
        header = request(at(sock))[3:]
        for frag in (b"\x81", b"\0"):  # to itself, by way of the relay
            sock.sendto(b"\0\0" + frag + header + frag + HELLO, relay)
        outside = sock.recvfrom(100)
        assert outside[0] == b"\0" + HELLO
        sock.sendto(HELLO, outside[1])
        message, source = sock.recvfrom(100)
        assert source == relay
        assert message == b"\0\0\0" + header + HELLO
        out = alone.stop(signal.SIGTERM).splitlines()
    assert [line.split()[1:] for line in out] == [
        ["BIND", "127.0.0.1:0", "reply=0"],
        ["UDP-ASSOCIATE", "0.0.0.0:0", "reply=0"],
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("method:close", Fault("method", fixture.close())),
        ("accept:reset", Fault("accept", fixture.reset())),
        ("reply:drip=0.5", Fault("reply", fixture.drip(0.5))),
        ("reply:truncate=3", Fault("reply", fixture.truncate(3))),
        ("data:replace=6869", Fault("data", fixture.replace(b"hi"))),
        ("method:wrong-version", CATALOGUE["wrong-version-method"]),
        ("second-reply:garbage", CATALOGUE["garbage-second-reply"]),
        ("second-reply:second-reply-refused", CATALOGUE["second-reply-refused"]),
        ("method:no-acceptable", CATALOGUE["no-acceptable"]),
        ("reply:reply-code=5", CATALOGUE["reply-code-5"]),
        ("reply:short-failure-2", CATALOGUE["short-failure-2"]),
    ],
)
def test_fault_option(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize("text", ["", "close", "later:close", "reply:drip=x", "auth:short-failure"])
def test_fault_option_errors(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        parse_fault(text)


def test_log_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    exchange = fixture.Exchange(0, None, command=1, host="a\nb\x1b\udcff", port=80, reply_code=4)
    print_request(exchange)
    assert capsys.readouterr().out == "unix CONNECT a\\nb\\x1b\\udcff:80 reply=4\n"


# Programs that others wrote.


def run(command: list[str], stdin: bytes = b"") -> bytes:
    """Its stdout; no proxy setting of the environment's has a say."""
    environment = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    done = subprocess.run(
        command, input=stdin, capture_output=True, timeout=30, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("remote", [True, False])
@pytest.mark.parametrize("users", [None, {"alice": "s3cret"}])
def test_curl(web: int, remote: bool, users: dict[str, str] | None) -> None:
    curl = require("curl", "curl")
    with Server(users=users, names={"origin.test": "127.0.0.1"}) as server:
        option = "--socks5-hostname" if remote else "--socks5"
        host = "origin.test" if remote else "127.0.0.1"
        command = [curl, "-q", "-sS", "-m", "20", option, "{}:{}".format(*server.address)]
        if users:
            command += ["--proxy-user", "alice:s3cret"]
        assert run([*command, f"http://{host}:{web}/"]) == HELLO
        (exchange,) = server.requests
        assert (exchange.atyp, exchange.host) == (3 if remote else 1, host)
        assert exchange.username == (b"alice" if users else None)


def test_curl_ipv6_destination(web: int) -> None:
    curl = require("curl", "curl")
    with Server(routes={("2001:db8::1", 80): ("127.0.0.1", web)}) as server:
        proxy = "{}:{}".format(*server.address)
        url = "http://[2001:db8::1]/"
        assert run([curl, "-q", "-sS", "-m", "20", "--socks5", proxy, url]) == HELLO
        assert server.requests[0].atyp == 4


def test_curl_wrong_password(web: int) -> None:
    curl = require("curl", "curl")
    with Server(users={"alice": "s3cret"}) as server:
        proxy = "socks5h://alice:wrong@{}:{}".format(*server.address)
        command = [curl, "-q", "-sS", "-m", "20", "-x", proxy, f"http://127.0.0.1:{web}/"]
        with pytest.raises(AssertionError, match="rejected"):
            run(command)
        assert server.exchanges[0].authenticated is False


def test_netcat(web: int) -> None:
    nc = require("nc", "netcat-openbsd")
    with Server(names={"origin.test": "127.0.0.1"}) as server:
        proxy = "{}:{}".format(*server.address)
        command = [nc, "-X", "5", "-x", proxy, "origin.test", str(web)]
        answer = run(command, b"GET / HTTP/1.0\r\n\r\n")
        assert answer.endswith(b"\r\n\r\n" + HELLO)
        assert server.requests[0].host == "origin.test"


@pytest.mark.parametrize("users", [None, {"alice": "s3cret"}])
def test_proxychains(web: int, users: dict[str, str] | None, tmp_path: Path) -> None:
    proxychains, curl = require("proxychains4", "proxychains4"), require("curl", "curl")
    with Server(users=users, names={"origin.test": "127.0.0.1"}) as server:
        user = " alice s3cret" if users else ""
        conf = tmp_path / "proxychains.conf"
        conf.write_text(
            "strict_chain\nproxy_dns\n[ProxyList]\nsocks5 {} {}{}\n".format(*server.address, user)
        )
        url = f"http://origin.test:{web}/"
        assert run([proxychains, "-q", "-f", str(conf), curl, "-q", "-sS", "-4", url]) == HELLO
        (exchange,) = server.requests
        assert (exchange.atyp, exchange.host) == (3, "origin.test")
        assert exchange.username == (b"alice" if users else None)
