"""Real protocols over UDP through the drop-in sockets, with no patching: DNS, TFTP, STUN."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import sys
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import pytest

import socks5client
from examples import tftp_get
from tests import real_servers
from tests.server_fixture import Server, duplicate, lose
from tests.standalone import run_example

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.real_servers import NameServer, RealProxy, StunServer, TftpServer

PROMPTLY = 5.0
UDP_ASSOCIATE = 3
DATA, ACK = 3, 4


@pytest.fixture(scope="module")
def danted_for_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProxy]:
    """danted whose relay takes datagrams from anybody, not only from where it sends to."""
    module = sys.modules["tests.real_servers.danted"]
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "CONFIGURATION", "udp.connectdst: no\n" + module.CONFIGURATION)
            folder = tmp_path_factory.mktemp("danted-for-all")
            proxy = stack.enter_context(real_servers.danted(folder))
        yield proxy


@pytest.fixture(params=["danted_for_all", "reference"])
def proxy_for_all(request: pytest.FixtureRequest) -> str:
    """The URL of a proxy whose relay takes datagrams from anybody."""
    return request.getfixturevalue(request.param).url


def datagrams(proxy: str, family: int = socket.AF_INET) -> socks5client.DatagramSocket:
    sock = socks5client.socket(family, socket.SOCK_DGRAM, proxy=proxy)
    assert isinstance(sock, socks5client.DatagramSocket)
    sock.settimeout(30)
    return sock


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """The address of somebody who never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()


# DNS. dnspython wants sockets that do not block.


def texts(answer: dns.message.Message) -> list[str]:
    return [record.to_text().strip('"') for record in answer.answer[0]]


@pytest.mark.parametrize("beforehand", [False, True], ids=["first use", "associated"])
@pytest.mark.parametrize("kind", ["A", "AAAA", "PTR", "TXT"])
def test_dns(full_proxy: str, name_server: NameServer, kind: str, beforehand: bool) -> None:
    name, expected = {
        "A": ("name.test", name_server.names["name.test"]),
        "AAAA": ("name.test", name_server.names6["name.test"]),
        "PTR": ("7.2.0.192.in-addr.arpa", "name.test."),
        "TXT": ("small.test", "hello"),
    }[kind]
    with datagrams(full_proxy) as sock:
        if beforehand:
            sock.associate()
        sock.setblocking(False)
        query = dns.message.make_query(name, kind)
        answer = dns.query.udp(query, name_server.host, 10, port=name_server.port, sock=sock)
        assert texts(answer) == [expected]
        assert sock.dropped == 0


def test_dns_many_over_one_socket(reference: Server, name_server: NameServer) -> None:
    with datagrams(reference.url) as sock:
        sock.setblocking(False)
        for name, address in [*name_server.names.items()] * 20:
            query = dns.message.make_query(name, "A")
            answer = dns.query.udp(query, name_server.host, 10, port=name_server.port, sock=sock)
            assert texts(answer) == [address]
    [exchange] = reference.requests
    assert exchange.command == UDP_ASSOCIATE
    assert len(exchange.datagrams_down) == 20 * len(name_server.names)


@pytest.mark.parametrize("name", ["big.test", "small.test"])
def test_dns_falls_back_to_tcp(full_proxy: str, name_server: NameServer, name: str) -> None:
    address = (name_server.host, name_server.port)
    with datagrams(full_proxy) as udp, socks5client.connect(address, proxy=full_proxy) as tcp:
        udp.setblocking(False)
        tcp.setblocking(False)
        answer, by_tcp = dns.query.udp_with_fallback(
            dns.message.make_query(name, "TXT"),
            name_server.host,
            10,
            port=name_server.port,
            udp_sock=udp,
            tcp_sock=tcp,
        )
    assert by_tcp == (name == "big.test")
    [record] = answer.answer[0]
    assert tuple(part.decode() for part in record.strings) == name_server.texts[name]


def test_dns_source_is_what_the_header_says(name_server: NameServer) -> None:
    """dnspython compares it with where the query went, which here is no address of this machine."""
    real = (name_server.host, name_server.port)
    with Server(routes={("192.0.2.53", 53): real, ("2001:db8::53", 53): real}) as server:
        for where in ("192.0.2.53", "2001:db8::53"):
            family = socket.AF_INET6 if ":" in where else socket.AF_INET
            with datagrams(server.url, family) as sock:
                sock.setblocking(False)
                query = dns.message.make_query("name.test", "A")
                answer = dns.query.udp(query, where, 10, sock=sock)
                assert texts(answer) == [name_server.names["name.test"]]


def test_dns_answer_from_elsewhere(proxy_for_all: str, tftp_server: TftpServer) -> None:
    """A TFTP server answers from another port; what begins with 1 is a request to it."""
    with datagrams(proxy_for_all) as sock:
        sock.setblocking(False)
        query = dns.message.make_query("name.test", "A", id=1)
        with pytest.raises(dns.query.UnexpectedSource, match=r"127\.0\.0\.1"):
            dns.query.udp(query, tftp_server.host, 10, port=tftp_server.port, sock=sock)


@pytest.mark.parametrize("blocking", [False, True])
def test_dns_times_out(full_proxy: str, silent: tuple[str, int], blocking: bool) -> None:
    with datagrams(full_proxy) as sock:
        sock.associate()
        query = dns.message.make_query("name.test", "A")
        started = time.monotonic()
        if blocking:  # then the socket's own timeout is what there is
            sock.settimeout(0.2)
            with pytest.raises(TimeoutError):
                dns.query.udp(query, silent[0], 10, port=silent[1], sock=sock)
        else:
            sock.setblocking(False)
            with pytest.raises(dns.exception.Timeout):
                dns.query.udp(query, silent[0], 0.2, port=silent[1], sock=sock)
        assert 0.2 <= time.monotonic() - started < PROMPTLY


def test_dns_refusal_reaches_the_caller(microsocks: RealProxy, name_server: NameServer) -> None:
    """The association fails aside, while dnspython waits for the socket to be readable."""
    with datagrams(microsocks.url) as sock:
        sock.setblocking(False)
        started = time.monotonic()
        with pytest.raises(socks5client.CommandNotSupported):
            query = dns.message.make_query("name.test", "A")
            dns.query.udp(query, name_server.host, 30, port=name_server.port, sock=sock)
        assert time.monotonic() - started < PROMPTLY


# TFTP.


class Recorded:
    """A UDP socket, and what went through: (direction, opcode, block, payload size, port)."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.packets: list[tuple[str, int, int, int, int]] = []
        self.settimeout = sock.settimeout

    def sendto(self, data: bytes, address: tuple[str, int]) -> int:
        self._note(">", data, address)
        return self.sock.sendto(data, address)

    def recvfrom(self, size: int) -> tuple[bytes, Any]:
        data, address = self.sock.recvfrom(size)
        self._note("<", data, address)
        return data, address

    def _note(self, direction: str, data: bytes, address: tuple[str, int]) -> None:
        opcode, block = struct.unpack_from("!HH", data)
        self.packets.append((direction, opcode, block, len(data) - 4, address[1]))


BLOCKS = 700
CONTENT = hashlib.shake_256(b"a file").digest(512 * BLOCKS)


@pytest.fixture(params=["danted_for_all", "reference", "none"])
def either(request: pytest.FixtureRequest) -> Callable[[], socket.socket]:
    """Makes a UDP socket: a drop-in one, or for comparison one of the system's."""
    if request.param == "none":
        return lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    url = request.getfixturevalue(request.param).url
    return lambda: datagrams(url)


def test_tftp(either: Callable[[], socket.socket], tftp_server: TftpServer) -> None:
    """The file ends with an empty block; all blocks come from a port that is not the server's."""
    real_servers.publish(tftp_server.root / "large", CONTENT)
    with either() as sock:
        recorded: Any = Recorded(sock)
        got = tftp_get.fetch(recorded, (tftp_server.host, tftp_server.port), "large", timeout=5)
    assert hashlib.sha256(got).digest() == hashlib.sha256(CONTENT).digest()
    request, *others = recorded.packets
    assert request[:2] == (">", tftp_get.RRQ)
    assert request[4] == tftp_server.port
    port = others[0][4]
    assert port != tftp_server.port
    expected = []
    for block in range(1, BLOCKS + 2):
        size = 512 if block <= BLOCKS else 0
        expected += [("<", DATA, block, size, port), (">", ACK, block, 0, port)]
    assert others == expected


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513])
def test_tftp_sizes(proxy_for_all: str, tftp_server: TftpServer, size: int) -> None:
    real_servers.publish(tftp_server.root / f"file{size}", CONTENT[:size])
    with datagrams(proxy_for_all) as sock:
        address = (tftp_server.host, tftp_server.port)
        assert tftp_get.fetch(sock, address, f"file{size}") == CONTENT[:size]


def test_tftp_several_files_over_one_socket(proxy_for_all: str, tftp_server: TftpServer) -> None:
    with datagrams(proxy_for_all) as sock:
        for size in (5000, 700, 0):
            real_servers.publish(tftp_server.root / f"file{size}", CONTENT[:size])
            address = ("localhost", tftp_server.port)  # the proxy's affair
            assert tftp_get.fetch(sock, address, f"file{size}") == CONTENT[:size]


def test_tftp_missing_file(either: Callable[[], socket.socket], tftp_server: TftpServer) -> None:
    with either() as sock, pytest.raises(tftp_get.TransferError, match="File not found"):
        tftp_get.fetch(sock, (tftp_server.host, tftp_server.port), "missing")


def test_tftp_survives_lost_and_doubled_packets(tftp_server: TftpServer) -> None:
    real_servers.publish(tftp_server.root / "file", CONTENT[: 512 * 20])
    faults = [lose(7, times=1), duplicate()]
    with Server(relay_faults=faults) as server, datagrams(server.url) as sock:
        sock.associate()
        recorded: Any = Recorded(sock)
        address = (tftp_server.host, tftp_server.port)
        assert tftp_get.fetch(recorded, address, "file", timeout=0.5) == CONTENT[: 512 * 20]
    sent = [packet for packet in recorded.packets if packet[0] == ">"]
    assert len(sent) > len(set(sent)) > 20  # some were sent again


def test_tftp_takes_no_block_from_elsewhere() -> None:
    server, transfer, stranger = (("127.0.0.1", port) for port in (69, 5000, 5001))

    class Scripted:
        sent: ClassVar[list[tuple[bytes, tuple[str, int]]]] = []
        first = b"\0\3\0\1" + CONTENT[:512], transfer
        script = iter([first, (b"\0\3\0\2wrong", stranger), (b"\0\3\0\2right", transfer)])

        def recvfrom(self, size: int) -> tuple[bytes, tuple[str, int]]:
            return next(self.script)

        def sendto(self, data: bytes, address: tuple[str, int]) -> None:
            self.sent.append((data, address))

        def settimeout(self, timeout: float) -> None: ...

    sock: Any = Scripted()
    assert tftp_get.fetch(sock, server, "file") == CONTENT[:512] + b"right"
    assert sock.sent[1:] == [(b"\0\4\0\1", transfer), (b"\0\4\0\2", transfer)]


def test_tftp_gives_up(proxy_for_all: str, silent: tuple[str, int]) -> None:
    with datagrams(proxy_for_all) as sock:
        sock.associate()
        started = time.monotonic()
        with pytest.raises(TimeoutError, match="no block 1, asked 5 times"):
            tftp_get.fetch(sock, silent, "file", timeout=0.05)
    assert 0.25 <= time.monotonic() - started < PROMPTLY


run = partial(run_example, "tftp_get")


def test_tftp_command(proxy_for_all: str, tftp_server: TftpServer) -> None:
    real_servers.publish(tftp_server.root / "large", CONTENT)
    done = run(proxy_for_all, f"{tftp_server.host}:{tftp_server.port}", "large")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == CONTENT


def test_tftp_command_finds_the_usual_port_by_name(tftp_server: TftpServer) -> None:
    real_servers.publish(tftp_server.root / "named", b"123")
    routes = {("tftp.test", 69): (tftp_server.host, tftp_server.port)}
    with Server(routes=routes) as server:
        done = run(server.url, "tftp.test", "named")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"123", b"")


def test_tftp_command_says_what_is_wrong(
    reference: Server, microsocks: RealProxy, tftp_server: TftpServer
) -> None:
    address = f"{tftp_server.host}:{tftp_server.port}"
    done = run(reference.url, address, "missing")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == "tftp_get: File not found\n"
    done = run(microsocks.url, address, "missing")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"tftp_get: [Errno 95] command not supported by the proxy")
    assert done.stderr.count(b"\n") == 1


# STUN.

COOKIE = 0x2112A442


def outside_address(sock: socket.socket, server: tuple[str, int]) -> tuple[str, int]:
    """Where the server of RFC 5389 sees us: the XOR-MAPPED-ADDRESS of its answer."""
    head = struct.pack("!HHI", 0x0001, 0, COOKIE)
    transaction = os.urandom(12)
    sock.sendto(head + transaction, server)
    answer, source = sock.recvfrom(2048)
    assert source == server
    kind, length, cookie = struct.unpack_from("!HHI", answer)
    assert (kind, length, cookie) == (0x0101, len(answer) - 20, COOKIE)
    assert answer[8:20] == transaction
    attributes, rest = {}, answer[20:]
    while rest:
        kind, length = struct.unpack_from("!HH", rest)
        attributes[kind] = rest[4 : 4 + length]
        rest = rest[4 + (length + 3) // 4 * 4 :]
    family, port, host = struct.unpack("!xBHI", attributes[0x0020])
    assert family == 1
    return socket.inet_ntoa(struct.pack("!I", host ^ COOKIE)), port ^ (COOKIE >> 16)


def test_stun(full_proxy: str, stun_server: StunServer) -> None:
    """It sees the relay, not the client; over the same association always the same address."""
    address = (stun_server.host, stun_server.port)
    with datagrams(full_proxy) as sock:
        host, port = outside_address(sock, address)
        assert host == "127.0.0.1"
        assert port != sock.getsockname()[1]
        assert outside_address(sock, address) == (host, port)


def test_stun_without_proxy(stun_server: StunServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(30)
        found = outside_address(sock, (stun_server.host, stun_server.port))
        assert found == ("127.0.0.1", sock.getsockname()[1])


def test_stun_through_the_reference_server(reference: Server, stun_server: StunServer) -> None:
    with datagrams(reference.url) as sock:
        _, port = outside_address(sock, (stun_server.host, stun_server.port))
        outside = reference.requests[0].outside
        assert outside is not None
        assert port == outside[1]
