"""GSSAPI with a real realm: each scenario over every driver, protection level and command."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trustme

import socks5client
from socks5client import GSSAPI, Proxy, UsernamePassword
from socks5client.httpx import Socks5Transport
from tests.origins import Echo, UdpEcho, read_exactly, unused_address, web_server
from tests.server_fixture import Fault, Server, coalesce, gss_faults, split

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.drivers import BindDriver, Driver, UdpDriver
    from tests.real_servers import Realm

pytestmark = pytest.mark.usefixtures("kerberos")

LEVELS = {"clear": 0, "integrity": 1, "confidentiality": 2, "selective": 3}


@pytest.fixture(params=list(LEVELS))
def level(request: pytest.FixtureRequest) -> str:
    text: str = request.param
    return text


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    with Echo(greeting=b"220 welcome\r\n") as origin:
        yield origin


def gss_server(**options: Any) -> Server:
    return Server(methods=(1,), **options)


def through(server: Server, **options: Any) -> Proxy:
    return Proxy(server.host, server.port, auth=GSSAPI(hostname="localhost", **options))


def check_echo(connection: Any, data: bytes = b"ping") -> None:
    try:
        connection.sendall(data)
        assert read_exactly(connection, len(data)) == data
    finally:
        connection.close()


# CONNECT


def test_levels(connect: Driver, echo: Echo, level: str, kerberos: Realm) -> None:
    with gss_server() as server:
        connection = connect(echo.address, through(server, protection=level))
        assert read_exactly(connection, 13) == b"220 welcome\r\n"
        check_echo(connection, os.urandom(300_000))
        server.wait_idle()
        (exchange,) = server.requests
        assert exchange.methods == (1,)
        assert exchange.gss_level == LEVELS[level]
        assert exchange.gss_principal == kerberos.user
        assert (exchange.gss_integrity > 0) == (level == "integrity")
        assert (exchange.gss_confidential > 0) == (level in ("confidentiality", "selective"))
        assert exchange.authenticated


@pytest.mark.parametrize("stage", ["method", "reply"])
def test_split_anywhere(connect: Driver, echo: Echo, stage: Any) -> None:
    with gss_server(faults=[Fault(stage, split(1))]) as server:
        connection = connect(echo.address, through(server))
        assert read_exactly(connection, 13) == b"220 welcome\r\n"
        check_echo(connection)


def test_messages_split_anywhere(connect: Driver, echo: Echo) -> None:
    faults = [gss_faults.chopped(1, "reply"), gss_faults.chopped(7, "data")]
    with gss_server(gss_faults=faults) as server:
        connection = connect(echo.address, through(server))
        assert read_exactly(connection, 13) == b"220 welcome\r\n"
        check_echo(connection, b"x" * 1000)


def test_data_behind_the_reply_is_the_users(connect: Driver, echo: Echo) -> None:
    with gss_server(faults=[Fault("reply", coalesce())]) as server:
        connection = connect(echo.address, through(server))
        assert read_exactly(connection, 13) == b"220 welcome\r\n"
        check_echo(connection)


def test_nec(connect: Driver, echo: Echo) -> None:
    with gss_server(gss_nec=True) as server:
        connection = connect(echo.address, through(server, nec=True))
        assert read_exactly(connection, 13) == b"220 welcome\r\n"
        check_echo(connection)


def test_full_principal(connect: Driver, echo: Echo, kerberos: Realm) -> None:
    with gss_server() as server:
        auth = GSSAPI(f"rcmd/localhost@{kerberos.name}", principal=kerberos.user)
        connection = connect(echo.address, Proxy(server.host, server.port, auth=auth))
        assert read_exactly(connection, 13) == b"220 welcome\r\n"
        check_echo(connection)


def test_of_two_methods_the_proxy_chooses(connect: Driver, echo: Echo) -> None:
    auth = [GSSAPI(hostname="localhost"), UsernamePassword("alice", "secret")]
    for methods in ((1, 2), (2, 1)):
        with Server(users={"alice": "secret"}, methods=methods) as server:
            connection = connect(echo.address, Proxy(server.host, server.port, auth=auth))
            assert read_exactly(connection, 13) == b"220 welcome\r\n"
            check_echo(connection)
            assert server.requests[0].method == methods[0]


def test_chain(connect: Driver, echo: Echo) -> None:
    """A context with each proxy, one inside the other."""
    with gss_server() as first, gss_server() as second:
        chain = [through(first), through(second, protection="integrity")]
        connection = connect(echo.address, chain)
        assert read_exactly(connection, 13) == b"220 welcome\r\n"
        check_echo(connection, os.urandom(200_000))
        assert [server.requests[0].gss_level for server in (first, second)] == [2, 1]


def test_failure_replies_travel_protected(connect: Driver) -> None:
    with gss_server() as server, pytest.raises(socks5client.ConnectionRefused):
        connect(unused_address(), through(server))


# What is agreed on


@pytest.mark.parametrize(
    ("asked", "require", "answer", "works"),
    [
        ("confidentiality", None, 1, False),
        ("confidentiality", None, 0, False),
        ("confidentiality", None, 3, False),
        ("confidentiality", "integrity", 1, True),
        ("confidentiality", "clear", 0, True),
        ("integrity", None, 2, True),
        ("integrity", None, 0, False),
        ("integrity", "clear", 0, True),
        ("selective", None, 1, False),
        ("selective", None, 2, True),
        ("clear", None, 1, True),
    ],
)
def test_what_the_proxy_answers_must_be_allowed(
    connect: Driver, echo: Echo, asked: str, require: str | None, answer: int, works: bool
) -> None:
    with gss_server(gss_answer=answer) as server:
        proxy = through(server, protection=asked, require=require)
        if works:
            connection = connect(echo.address, proxy)
            assert read_exactly(connection, 13) == b"220 welcome\r\n"
            check_echo(connection)
            assert server.requests[0].gss_level == answer
        else:
            with pytest.raises(socks5client.AuthenticationError, match="is required"):
                connect(echo.address, proxy)
            assert server.requests == []  # the request has not left


def test_an_answer_of_nonsense(connect: Driver, echo: Echo) -> None:
    with gss_server(gss_answer=9) as server:
        with pytest.raises(socks5client.RemoteProtocolError, match="protection level"):
            connect(echo.address, through(server))
        assert server.requests == []


BAD_MESSAGES = {
    "unprotected": gss_faults.unprotected,
    "unwrapped": gss_faults.unwrapped,
    "weaker": gss_faults.weaker,
    "tampered": gss_faults.tampered,
    "wrong header": gss_faults.wrong_header,
    "aborted": gss_faults.aborted,
    "empty token": gss_faults.empty_token,
}


@pytest.mark.parametrize("name", [*BAD_MESSAGES])
def test_a_bad_reply_is_no_reply(connect: Driver, echo: Echo, name: str) -> None:
    fault = BAD_MESSAGES[name](at="reply", **({"version": 9} if name == "wrong header" else {}))
    with gss_server(gss_faults=[fault]) as server:
        with pytest.raises(socks5client.SocksError):
            connect(echo.address, through(server), 2)
        server.wait_idle()


@pytest.mark.parametrize("name", [*BAD_MESSAGES, "replayed"])
def test_bad_data_ends_the_connection(echo: Echo, name: str) -> None:
    """What came before it is received; then it is a reset, not an end."""
    table: dict[str, Any] = {**BAD_MESSAGES, "replayed": gss_faults.replayed}
    options: dict[str, Any] = {"version": 9} if name == "wrong header" else {}
    with gss_server(gss_faults=[table[name](skip=1, **options)]) as server:
        with socks5client.connect(echo.address, proxy=through(server), timeout=5) as sock:
            sock.settimeout(5)
            assert read_exactly(sock, 13) == b"220 welcome\r\n"
            sock.sendall(b"question")
            received = b""
            with pytest.raises(ConnectionResetError):
                while True:
                    received += sock.recv(100)
            assert received == (b"question" if name == "replayed" else b"")
        server.wait_idle()


def test_truncated_data(echo: Echo) -> None:
    """The wire's end in the middle of a message is no end of the data."""
    with (
        gss_server(gss_faults=[gss_faults.truncated(20, skip=1)]) as server,
        socks5client.connect(echo.address, proxy=through(server), timeout=5) as sock,
    ):
        sock.settimeout(5)
        assert read_exactly(sock, 13) == b"220 welcome\r\n"
        sock.sendall(b"question")
        with pytest.raises(ConnectionResetError):
            sock.recv(100)


# Credentials


def test_no_credentials(
    connect: Driver, echo: Echo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRB5CCNAME", str(tmp_path / "none"))
    with gss_server() as server:
        with pytest.raises(socks5client.AuthenticationError, match=r"GSSAPI: .*[Cc]redential"):
            connect(echo.address, through(server))
        server.wait_idle()


@pytest.mark.parametrize(
    ("spoil", "match"),
    [("expired", r"GSSAPI: .*expired"), ("skewed", r"GSSAPI: .*Clock skew")],
)
def test_bad_tickets(
    connect: Driver,
    echo: Echo,
    kerberos: Realm,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: str,
    match: str,
) -> None:
    monkeypatch.setenv("KRB5CCNAME", str(getattr(kerberos, spoil)(tmp_path / spoil)))
    with gss_server() as server:
        with pytest.raises(socks5client.AuthenticationError, match=match):
            connect(echo.address, through(server))
        server.wait_idle()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"service": "nobody"}, "not found in Kerberos database"),
        ({"service": "rcmd/localhost@OTHER.TEST"}, "GSSAPI: .*OTHER.TEST|realm"),
        ({"principal": "stranger"}, "GSSAPI: .*"),
    ],
)
def test_what_kerberos_does_not_know(
    connect: Driver, echo: Echo, options: dict[str, str], match: str
) -> None:
    with gss_server() as server:
        with pytest.raises(socks5client.AuthenticationError, match=match) as caught:
            connect(echo.address, through(server, **options))
        assert caught.value.errno == errno.EACCES
        server.wait_idle()


# The other commands


def test_bind(bind: BindDriver, level: str) -> None:
    with gss_server() as server:
        meeting = bind(proxy=through(server, protection=level))
        with socket.create_connection(meeting.address[:2]) as peer:
            peer.sendall(b"from the peer")
            sock, address = meeting.accept(5)
            assert address == peer.getsockname()
            assert read_exactly(sock, 13) == b"from the peer"
            sock.sendall(b"from us")
            assert read_exactly(peer, 7) == b"from us"
            sock.close()
            assert peer.recv(1) == b""
        meeting.close()
        server.wait_idle()


def test_udp(open_udp: UdpDriver, udp_echo: UdpEcho, level: str) -> None:
    with (
        gss_server() as server,
        open_udp(through(server, protection=level), udp_echo.address) as udp,
    ):
        for payload in (b"question", b"", os.urandom(udp.sock.max_datagram_size)):
            udp.send(payload)
            assert udp.receive() == (payload, udp_echo.address)
        with pytest.raises(OSError) as caught:
            udp.send(bytes(65508))
        assert caught.value.errno == errno.EMSGSIZE
        # RFC 1928 section 7: the space is less by the header and by what the method adds.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
            whole = plain.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        less = whole - udp.sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        assert less == 65507 - udp.sock.max_datagram_size
        assert (less in (10, 262)) == (level == "clear")
        (exchange,) = server.requests
        assert exchange.gss_level == LEVELS[level]
        assert (exchange.gss_confidential > 3) == (level in ("confidentiality", "selective"))
        assert exchange.dropped == []


def test_udp_fragments(open_udp: UdpDriver, udp_echo: UdpEcho) -> None:
    with (
        gss_server(udp_fragment_size=300) as server,
        open_udp(through(server), udp_echo.address, fragment_size=200) as udp,
    ):
        payload = os.urandom(1000)
        udp.send(payload)
        assert udp.receive()[0] == payload
        assert server.requests[0].datagrams_up[0].fragments == 5


@pytest.mark.parametrize("name", ["unprotected", "unwrapped", "weaker", "tampered", "replayed"])
def test_bad_datagrams_are_dropped_and_counted(
    open_udp: UdpDriver, udp_echo: UdpEcho, name: str
) -> None:
    table: dict[str, Any] = {**BAD_MESSAGES, "replayed": gss_faults.replayed}
    fault = table[name](at="datagram", times=1)
    with (
        gss_server(gss_faults=[fault]) as server,
        open_udp(through(server), udp_echo.address) as udp,
    ):
        udp.send(b"one")
        server.wait_for(lambda server: server.requests[0].datagrams_down)
        udp.send(b"two")
        received = [udp.receive()[0]]
        if name == "replayed":
            received.append(udp.receive()[0])
        assert received == ([b"one", b"two"] if name == "replayed" else [b"two"])
        assert udp.sock.dropped == 1


def test_peek_is_no_replay(udp_echo: UdpEcho) -> None:
    with gss_server() as server, socks5client.associate(proxy=through(server), timeout=5) as sock:
        sock.settimeout(5)
        sock.sendto(b"question", udp_echo.address)
        with sock.dup() as twin:
            assert sock.recv(9, socket.MSG_PEEK) == b"question"
            assert twin.recv(9, socket.MSG_PEEK) == b"question"
            assert sock.recv(9) == b"question"
            assert (sock.dropped, twin.dropped) == (0, 0)


def test_udp_through_a_chain(udp_echo: UdpEcho) -> None:
    with gss_server() as first, gss_server() as second:
        chain = [through(first), through(second, protection="integrity")]
        with socks5client.associate(proxy=chain, timeout=5) as sock:
            sock.settimeout(5)
            for payload in (b"one", bytes(sock.max_datagram_size)):
                sock.sendto(payload, udp_echo.address)
                assert sock.recvfrom(65535) == (payload, udp_echo.address)


# The socket


def test_half_close(echo: Echo) -> None:
    with gss_server() as server:
        with socks5client.connect(echo.address, proxy=through(server), timeout=5) as sock:
            sock.settimeout(5)
            sock.sendall(b"last words")
            sock.shutdown(socket.SHUT_WR)
            received = b""
            while piece := sock.recv(100):
                received += piece
            assert received == b"220 welcome\r\nlast words"
        server.wait_idle()


def test_a_page_by_tls_inside_gss(kerberos: Realm) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("origin.test").configure_cert(context)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with web_server(tls=context) as address, gss_server(names={"origin.test": address}) as server:
        transport = Socks5Transport(through(server), verify=trust)
        with httpx.Client(transport=transport) as client:
            for _ in range(2):
                assert client.get(f"https://origin.test:{address[1]}/").text == "a page"
        server.wait_idle()
        assert [one.gss_level for one in server.requests] == [2]


def test_asyncio_on_the_socket(echo: Echo) -> None:
    async def talk(sock: socket.socket) -> bytes:
        reader, writer = await asyncio.open_connection(sock=sock)
        writer.write(b"question")
        await writer.drain()
        answer = await reader.readexactly(13 + 8)
        writer.close()
        await writer.wait_closed()
        return answer

    with gss_server() as server:
        sock = socks5client.connect(echo.address, proxy=through(server), timeout=5)
        sock.setblocking(False)
        assert asyncio.run(talk(sock)) == b"220 welcome\r\nquestion"


def threads() -> int:
    """How many of ours there are."""
    return [thread.name for thread in threading.enumerate()].count("socks5client")


def test_one_thread_for_many(echo: Echo) -> None:
    with gss_server() as server:
        check_echo(socks5client.connect(echo.address, proxy=through(server)), b"")  # starts it
        before = threads()
        socks = [
            socks5client.connect(echo.address, proxy=through(server), timeout=5) for _ in range(20)
        ]
        assert threads() == before
        for sock in socks:
            read_exactly(sock, 13)
            check_echo(sock)
        server.wait_idle()


AT_EXIT = """
import socks5client, sys
from socks5client import GSSAPI, Proxy
proxy = Proxy(sys.argv[1], int(sys.argv[2]), auth=GSSAPI(hostname="localhost"))
sock = socks5client.connect((sys.argv[3], int(sys.argv[4])), proxy=proxy, timeout=10)
for _ in range(10):
    sock.sendall(bytes(range(250)) * 4000)
"""


def test_what_was_written_is_delivered_at_exit() -> None:
    """10 MB, of which much is still in the buffers when the program ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener, gss_server() as server:
        listener.settimeout(10)
        arguments = [*server.address, *listener.getsockname()]
        with subprocess.Popen([sys.executable, "-c", AT_EXIT, *map(str, arguments)]) as program:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(10)
                received = bytearray()
                while piece := connection.recv(1 << 16):
                    received += piece
            assert program.wait(10) == 0
        assert len(received) == 10_000_000
        assert received == bytes(range(250)) * 40_000
        server.wait_idle()


def test_the_command_line(kerberos: Realm) -> None:
    with web_server() as address, gss_server() as server:
        result = subprocess.run(
            [
                sys.executable,
                *("-m", "socks5client.cli", "-sS", "--socks5-gssapi"),
                *("--socks5-gssapi-service", f"rcmd/localhost@{kerberos.name}"),
                *("--socks5-gssapi-protection", "integrity"),
                *("-x", server.url),
                "http://{}:{}/".format(*address),
            ],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (result.returncode, result.stdout, result.stderr) == (0, "a page", "")
        assert server.requests[0].gss_level == 1
