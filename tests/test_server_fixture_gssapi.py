"""RFC 1961 at the reference server, spoken to with python-gssapi on bare sockets."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

import pytest

from tests.server_fixture import Server
from tests.test_server_fixture import HELLO, SUCCESS, Client, at, reset, tls_contexts
from tests.test_server_fixture import origin as origin
from tests.test_server_fixture import request as socks_request

if TYPE_CHECKING:
    from tests.real_servers import Realm

ABORT = b"\x01\xff"
OFFER = b"\x05\x01\x01"
CLEAR, INTEGRITY, CONFIDENTIALITY, SELECTIVE = range(4)
PROTECTING = [INTEGRITY, CONFIDENTIALITY, SELECTIVE]
BIG = bytes(range(256)) * 4000


@pytest.fixture(autouse=True)
def realm(kerberos: Realm) -> Realm:
    return kerberos


def message(kind: int, token: bytes) -> bytes:
    return struct.pack("!BBH", 1, kind, len(token)) + token


class Initiator:
    """The client's part on a connected socket."""

    def __init__(self, address: tuple[str, int], target: str = "rcmd@localhost") -> None:
        import gssapi

        self.gssapi, self.raw = gssapi, gssapi.raw
        self.client = Client(socket.create_connection(address, timeout=10))
        self.name = gssapi.Name(target, gssapi.NameType.hostbased_service)
        flag = gssapi.RequirementFlag
        self.context: Any = gssapi.SecurityContext(
            name=self.name,
            usage="initiate",
            flags=flag.mutual_authentication | flag.replay_detection,
        )
        self.level = CLEAR
        self.confidential = False

    def __enter__(self) -> Initiator:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.client.sock.close()

    def read_message(self, kind: int) -> bytes:
        head = self.client.read(4)
        assert head[:2] == bytes([1, kind])
        return self.client.read(int.from_bytes(head[2:]))

    def offer(self) -> None:
        self.client.send(OFFER)
        assert self.client.read(2) == b"\x05\x01"

    def send_token(self) -> None:
        self.client.send(message(1, self.context.step()))

    def establish(self) -> None:
        self.offer()
        self.send_token()
        assert not self.context.step(self.read_message(1))
        assert self.context.complete

    def propose(self, level: int, nec: bool = False) -> None:
        octet = bytes([level])
        self.client.send(message(2, octet if nec else self.wrap(octet)))

    def agree(self, level: int, nec: bool = False) -> int:
        """Also what came before it; the level that the server answers is used."""
        self.establish()
        self.propose(level, nec)
        answer = self.read_message(2)
        if not nec:
            answer = self.raw.unwrap(self.context, answer).message
        (self.level,) = answer
        self.confidential = self.level == CONFIDENTIALITY
        return self.level

    def wrap(self, plain: bytes, confidential: bool = False) -> bytes:
        token: bytes = self.raw.wrap(self.context, plain, confidential).message
        return token

    def seal(self, plain: bytes) -> bytes:
        return message(3, self.wrap(plain, self.confidential)) if self.level else plain

    def send(self, plain: bytes) -> None:
        self.client.send(self.seal(plain))

    def open(self, token: bytes) -> bytes:
        plain, encrypted, _ = self.raw.unwrap(self.context, token)
        assert encrypted == self.confidential
        return bytes(plain)

    def receive(self, count: int) -> bytes:
        """Of the plaintext, which ends where a message does."""
        if not self.level:
            return self.client.read(count)
        data = b""
        while len(data) < count:
            data += self.open(self.read_message(3))
        return data

    def connect(self, address: tuple[str, int]) -> bytes:
        self.send(socks_request(address))
        return self.receive(10)


def connected(server: Server, origin: socket.socket, level: int) -> tuple[Initiator, socket.socket]:
    initiator = Initiator(server.address)
    initiator.agree(level)
    assert initiator.connect(at(origin))[:4] == SUCCESS
    far, _ = origin.accept()
    far.settimeout(10)
    return initiator, far


@pytest.mark.parametrize("nec", [False, True])
@pytest.mark.parametrize("level", [CLEAR, *PROTECTING])
def test_connect(origin: socket.socket, realm: Realm, level: int, nec: bool) -> None:
    with Server(methods=(1,), gss_nec=nec) as server:
        with Initiator(server.address) as initiator:
            assert initiator.agree(level, nec) == level
            assert initiator.connect(at(origin))[:4] == SUCCESS
            far, _ = origin.accept()
            with far:
                initiator.send(HELLO)
                assert Client(far).read(len(HELLO)) == HELLO
                far.sendall(BIG)
                assert initiator.receive(len(BIG)) == BIG
                for start in range(0, len(BIG), 50_000):
                    initiator.send(BIG[start : start + 50_000])
                assert Client(far).read(len(BIG)) == BIG
        server.wait_idle()
        (exchange,) = server.requests
        assert exchange.error is None
        assert exchange.authenticated
        assert (exchange.gss_level_wanted, exchange.gss_level) == (level, level)
        assert exchange.gss_principal == realm.user
        assert exchange.gss_rounds == 1
        assert exchange.gss_flags & initiator.gssapi.RequirementFlag.mutual_authentication
        assert exchange.received.endswith(socks_request(at(origin)))
        assert exchange.sent[-10:-6] == SUCCESS
        assert exchange.bytes_down == len(BIG)
        assert exchange.bytes_up == len(BIG) + len(HELLO)
        sealed = 2 + -(-len(BIG) // 50_000)
        counts = {CLEAR: (0, 0), CONFIDENTIALITY: (0, sealed)}
        assert (exchange.gss_integrity, exchange.gss_confidential) == counts.get(level, (sealed, 0))


# How the bytes may lie.


@pytest.mark.parametrize("level", PROTECTING)
def test_any_split_and_any_coalescence(origin: socket.socket, level: int) -> None:
    with Server(methods=(1,)) as server:
        initiator, far = connected(server, origin, level)
        with initiator, far:
            data = b"".join(initiator.seal(bytes([n]) * 100) for n in range(20))
            for byte in data[:500]:
                initiator.client.send(bytes([byte]))
            initiator.client.send(data[500:])
            assert Client(far).read(2000) == b"".join(bytes([n]) * 100 for n in range(20))


def test_context_and_request_byte_by_byte(origin: socket.socket) -> None:
    with Server(methods=(1,)) as server, Initiator(server.address) as initiator:
        whole = initiator.client.send

        def send_each(data: bytes) -> None:
            for byte in data:
                whole(bytes([byte]))

        initiator.client.send = send_each  # type: ignore[method-assign]
        initiator.agree(CONFIDENTIALITY)
        assert initiator.connect(at(origin))[:4] == SUCCESS


def test_data_right_behind_the_request(origin: socket.socket) -> None:
    """Optimistic data, in a message of its own."""
    with Server(methods=(1,)) as server, Initiator(server.address) as initiator:
        initiator.agree(CONFIDENTIALITY)
        request = initiator.seal(socks_request(at(origin)))
        initiator.client.send(request + initiator.seal(HELLO))
        assert initiator.receive(10)[:4] == SUCCESS
        far, _ = origin.accept()
        with far:
            assert Client(far).read(len(HELLO)) == HELLO


@pytest.mark.parametrize("tail", [b"", HELLO])
def test_a_request_fills_exactly_one_message(origin: socket.socket, tail: bytes) -> None:
    with Server(methods=(1,)) as server:
        with Initiator(server.address) as initiator:
            initiator.agree(INTEGRITY)
            request = socks_request(at(origin)) + tail
            if not tail:
                initiator.send(request[:3])
            initiator.send(request if tail else request[3:])
            assert initiator.client.read_all() == b""
        server.wait_idle()
        assert "in a message of" in (server.exchanges[0].error or "")
        assert server.exchanges[0].stage == "auth"


def test_tokens_of_the_largest_size(origin: socket.socket) -> None:
    with Server(methods=(1,)) as server:
        initiator, far = connected(server, origin, CONFIDENTIALITY)
        with initiator, far:
            size = initiator.raw.wrap_size_limit(initiator.context, 65535, True)
            initiator.send(BIG[:size])
            assert Client(far).read(size) == BIG[:size]
            initiator.send(b"")
            far.sendall(BIG)
            lengths, left = [], len(BIG)
            while left:
                token = initiator.read_message(3)
                lengths.append(len(token))
                left -= len(initiator.open(token))
            assert max(lengths) > 60_000  # several reads of the server's become few tokens


def test_back_pressure(origin: socket.socket) -> None:
    """Nobody reads: the sender stalls, and nothing is lost when reading begins."""
    with Server(methods=(1,)) as server:
        initiator, far = connected(server, origin, INTEGRITY)
        with initiator, far:
            far.settimeout(0.3)
            sent = 0
            with pytest.raises(TimeoutError):
                while sent < 1 << 26:
                    sent += far.send(BIG[sent % len(BIG) :])
            expected = (BIG * (sent // len(BIG) + 1))[:sent]
            far.close()
            same = initiator.receive(sent) == expected
            assert same  # or pytest would look for the difference
            assert initiator.client.read_all() == b""


@pytest.mark.parametrize("level", [INTEGRITY, CONFIDENTIALITY])
def test_half_close_each_way(origin: socket.socket, level: int) -> None:
    with Server(methods=(1,)) as server:
        initiator, far = connected(server, origin, level)
        with initiator, far:
            initiator.send(HELLO)
            initiator.client.sock.shutdown(socket.SHUT_WR)
            assert Client(far).read_all() == HELLO
            far.sendall(HELLO)
            far.close()
            assert initiator.receive(len(HELLO)) == HELLO
            assert initiator.client.read_all() == b""
        server.wait_idle()
        assert server.requests[0].error is None


def test_reset_passes_over(origin: socket.socket) -> None:
    with Server(methods=(1,)) as server:
        initiator, far = connected(server, origin, INTEGRITY)
        with initiator:
            reset(far)
            with pytest.raises(ConnectionResetError):
                initiator.client.read_all()
        server.wait_idle()


def test_stop_in_the_middle_leaves_nothing(origin: socket.socket) -> None:
    with Server(methods=(1,)) as server:
        initiator, far = connected(server, origin, CONFIDENTIALITY)
        established, connecting = Initiator(server.address), Initiator(server.address)
        established.establish()
        connecting.offer()
        initiator.client.send(initiator.seal(HELLO)[:10])
    for client in (initiator.client, established.client, connecting.client, Client(far)):
        with client:
            try:
                assert client.read_all() == b""
            except ConnectionResetError:
                pass
    assert all(exchange.closed for exchange in server.exchanges)


def test_hang_up(origin: socket.socket) -> None:
    with Server(methods=(1,)) as server:
        initiator, far = connected(server, origin, CONFIDENTIALITY)
        with initiator, far:
            server.hang_up(server.exchanges[0], "reset")
            with pytest.raises(ConnectionResetError):
                initiator.client.read_all()


def test_over_tls(origin: socket.socket) -> None:
    own, clients = tls_contexts()
    with Server(methods=(1,), ssl_context=own) as server, Initiator(server.address) as initiator:
        sock = initiator.client.sock
        initiator.client.sock = clients.wrap_socket(sock, server_hostname="127.0.0.1")
        initiator.agree(CONFIDENTIALITY)
        assert initiator.connect(at(origin))[:4] == SUCCESS
        far, _ = origin.accept()
        with far:
            far.sendall(BIG)
            assert initiator.receive(len(BIG)) == BIG
            initiator.send(HELLO)
            assert Client(far).read(len(HELLO)) == HELLO
