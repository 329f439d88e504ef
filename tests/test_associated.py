"""The association of the drop-in UDP socket: when it is made, who shares it, how it ends."""

from __future__ import annotations

import asyncio
import errno
import os
import select
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client import DIRECT, DatagramSocket, set_default_proxy
from socks5client.protocol import Reassembler
from tests.origins import UdpEcho, unused_address
from tests.server_fixture import Fault, Server, reply_code, stall
from tests.standalone import standalone

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(names={"origin.test": "127.0.0.1"}) as proxy:
        yield proxy


@pytest.fixture
def url(server: Server) -> str:
    return server.url


def udp(proxy: Any, family: int = socket.AF_INET, kind: int = socket.SOCK_DGRAM) -> DatagramSocket:
    sock = socks5client.socket(family, kind, proxy=proxy)
    assert isinstance(sock, DatagramSocket)
    return sock


def readable(sock: socket.socket, timeout: float = 5) -> bool:
    return bool(select.select([sock], [], [], timeout)[0])


# What it is


def test_it_is_a_socket(url: str) -> None:
    with udp(url) as sock:
        assert isinstance(sock, socket.socket)
        assert isinstance(sock, socks5client.socket)
        assert (sock.family, sock.type, sock.proto) == (socket.AF_INET, socket.SOCK_DGRAM, 0)
        assert not sock.get_inheritable()
    kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    with udp(url, socket.AF_INET6, kind) as sock:
        assert (sock.family, sock.type) == (socket.AF_INET6, socket.SOCK_DGRAM)
        assert sock.gettimeout() == 0


def test_a_class_of_the_users_keeps_its_methods(url: str, udp_echo: UdpEcho) -> None:
    class Counting(socks5client.socket):
        calls = 0

        def sendto(self, *args: Any) -> int:
            self.calls += 1
            return super().sendto(*args)

    with Counting(socket.AF_INET, socket.SOCK_DGRAM, proxy=url) as sock:
        assert isinstance(sock, Counting)
        assert isinstance(sock, DatagramSocket)
        sock.settimeout(5)
        sock.sendto(b"x", udp_echo.address)
        assert sock.recvfrom(9) == (b"x", udp_echo.address)
        assert sock.calls == 1


@pytest.mark.parametrize("default", [True, False])
def test_direct_is_a_plain_socket(udp_echo: UdpEcho, default: bool) -> None:
    if default:
        set_default_proxy(DIRECT)
    try:
        sock = socks5client.socket(
            socket.AF_INET, socket.SOCK_DGRAM, proxy=None if default else DIRECT
        )
    finally:
        set_default_proxy(None)
    with sock:
        assert not isinstance(sock, DatagramSocket)
        sock.settimeout(5)
        sock.sendto(b"x", udp_echo.address)
        assert sock.recvfrom(9) == (b"x", udp_echo.address)
        assert udp_echo.clients[-1][1] == sock.getsockname()[1]


def test_a_default_that_becomes_direct_leaks_nothing(udp_echo: UdpEcho) -> None:
    """What was made to go through a proxy never goes direct."""
    with socks5client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        set_default_proxy(DIRECT)
        before = list(udp_echo.clients)
        try:
            with pytest.raises(OSError, match="DIRECT"):
                sock.sendto(b"x", udp_echo.address)
        finally:
            set_default_proxy(None)
        assert udp_echo.clients == before


def test_associate_wants_a_proxy() -> None:
    with pytest.raises(ValueError, match="DIRECT"):
        socks5client.associate(proxy=DIRECT)


# When it is made


def test_nothing_happens_before_the_first_use(server: Server, url: str) -> None:
    with udp(url) as sock:
        sock.bind(("127.0.0.1", 0))
        assert sock.getsockname()[0] == "127.0.0.1"
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) > 0
        assert sock.max_datagram_size == 65507 - 262
    assert server.exchanges == []


def test_associate_before_the_first_use(server: Server, url: str, udp_echo: UdpEcho) -> None:
    with udp(url) as sock:
        sock.settimeout(5)
        sock.associate()
        sock.associate()
        assert len(server.requests) == 1
        assert sock.proxy_peername == server.requests[0].relay
        sock.sendto(b"x", udp_echo.address)
        assert sock.recv(9) == b"x"
        assert sock.proxy_sockname[1] == sock.getsockname()[1]
    assert len(server.requests) == 1


def test_a_failed_attempt_can_be_repeated(udp_echo: UdpEcho) -> None:
    with (
        Server(faults=[Fault("reply", reply_code(1).action, times=1)]) as server,
        udp(server.url) as sock,
    ):
        sock.settimeout(5)
        with pytest.raises(socks5client.GeneralFailure):
            sock.sendto(b"x", udp_echo.address)
        sock.sendto(b"y", udp_echo.address)
        assert sock.recv(9) == b"y"


def test_it_is_made_once_by_many_threads(server: Server, url: str, udp_echo: UdpEcho) -> None:
    with udp(url) as sock:
        sock.settimeout(5)
        threads = [
            threading.Thread(target=sock.sendto, args=(b"%d" % number, udp_echo.address))
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(sock.recv(9) for _ in threads) == [b"%d" % number for number in range(8)]
    assert len(server.requests) == 1


def test_who_waits_for_another_threads_association_keeps_to_his_timeout(udp_echo: UdpEcho) -> None:
    with (
        Server(faults=[Fault("reply", stall())]) as server,
        udp(server.url) as sock,
    ):

        def first() -> None:
            with pytest.raises(socks5client.HandshakeTimeout):
                sock.sendto(b"x", udp_echo.address)

        sock.settimeout(1)
        thread = threading.Thread(target=first)
        thread.start()
        server.wait_for(lambda server: server.requests)
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError, match="timed out"):
            sock.recv(9)
        thread.join()


def test_client_address_is_told_to_the_proxy(server: Server, url: str, udp_echo: UdpEcho) -> None:
    with udp(url) as sock:
        sock.settimeout(5)
        sock.bind(("127.0.0.1", 0))
        sock.client_address = sock.getsockname()
        sock.sendto(b"x", udp_echo.address)
        assert sock.recv(9) == b"x"
        (exchange,) = server.requests
        assert (exchange.host, exchange.port) == sock.getsockname()


def test_options_are_kept_where_the_relay_is_of_another_family(udp_echo: UdpEcho) -> None:
    with Server(host="::1") as server, udp(f"socks5h://[::1]:{server.port}") as sock:
        sock.settimeout(5)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 9)
        sock.sendto(b"x", udp_echo.address)
        assert sock.recvfrom(9) == (b"x", udp_echo.address)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST) == 1


def test_an_ipv6_socket_limited_to_ipv6(url: str, udp_echo: UdpEcho) -> None:
    """Its peers are not limited by the way to the relay."""
    with udp(url, socket.AF_INET6) as sock:
        sock.settimeout(5)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.sendto(b"x", ("::ffff:127.0.0.1", udp_echo.address[1]))
        assert sock.recvfrom(9) == (b"x", ("::ffff:127.0.0.1", udp_echo.address[1], 0, 0))


def test_a_relay_out_of_reach() -> None:
    """Told as what it is, with the relay's address, and the association is given up."""
    with (
        Server(bound=("::1", None)) as server,
        udp(server.url) as sock,
    ):
        sock.settimeout(5)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock._options += ((socket.SOL_SOCKET, 1 << 20, 1),)  # what the other family does not know
        with pytest.raises(
            socks5client.ProxyConnectionError, match="cannot reach the relay at ::1"
        ):
            sock.associate()
        server.wait_idle()


# Without waiting


def test_non_blocking_first_use(server: Server, url: str, udp_echo: UdpEcho) -> None:
    """What is sent at once waits for the association, and the fd tells of the answer."""
    with udp(url) as sock:
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(9)
        for number in range(3):
            assert sock.sendto(b"%d" % number, udp_echo.address) == 1
        received = set()
        while len(received) < 3:
            assert readable(sock)
            received.add(sock.recvfrom(9))
        assert received == {(b"%d" % number, udp_echo.address) for number in range(3)}
    assert len(server.requests) == 1


def test_non_blocking_connect(url: str, udp_echo: UdpEcho) -> None:
    with udp(url) as sock:
        sock.setblocking(False)
        sock.connect(("origin.test", udp_echo.address[1]))
        assert sock.send(b"x") == 1
        assert readable(sock)
        assert sock.recv(9) == b"x"
        assert sock.getpeername() == ("origin.test", udp_echo.address[1])


def test_dontwait_is_enough_not_to_wait(url: str, udp_echo: UdpEcho) -> None:
    with udp(url) as sock:
        with pytest.raises(BlockingIOError):
            sock.recv(9, socket.MSG_DONTWAIT)
        assert sock.sendto(b"x", socket.MSG_DONTWAIT, udp_echo.address) == 1
        sock.settimeout(5)
        assert sock.recv(9) == b"x"


def test_what_waits_is_bounded(udp_echo: UdpEcho) -> None:
    with (
        Server(faults=[Fault("reply", stall())]) as server,
        udp(server.url) as sock,
    ):
        sock.setblocking(False)
        payload = bytes(1 << 15)
        kept = 0
        with pytest.raises(BlockingIOError):
            while kept < 100:
                kept += bool(sock.sendto(payload, udp_echo.address))
        assert kept == 7  # of 256 KB, with what each takes besides
        with pytest.raises(BlockingIOError):
            for _ in range(1000):
                sock.sendto(b"", udp_echo.address)  # nor is nothing for nothing
        server.wait_for(lambda server: server.requests)
        server.hang_up(server.exchanges[0])
        assert readable(sock)
        with pytest.raises(socks5client.RemoteProtocolError, match="hung up"):
            sock.sendto(payload, udp_echo.address)


@pytest.mark.parametrize("call", ["recv", "recvfrom", "sendto", "connect", "associate"])
def test_a_failure_in_the_background_is_told_by_the_next_call(call: str) -> None:
    with Server(commands=[1]) as server, udp(server.url) as sock:
        sock.setblocking(False)
        sock.sendto(b"x", ("127.0.0.1", 9))
        assert readable(sock)
        arguments: dict[str, Any] = {
            "sendto": (b"x", ("127.0.0.1", 9)),
            "connect": (("127.0.0.1", 9),),
            "associate": (),
        }
        with pytest.raises(socks5client.CommandNotSupported):
            getattr(sock, call)(*arguments.get(call, (9,)))


def test_no_proxy_there_in_the_background() -> None:
    with udp("socks5h://{}:{}".format(*unused_address())) as sock:
        sock.setblocking(False)
        sock.sendto(b"x", ("127.0.0.1", 9))
        assert readable(sock)
        with pytest.raises(socks5client.ProxyConnectionError) as caught:
            sock.recv(9)
        assert caught.value.errno == errno.ECONNREFUSED


def test_no_proxy_configured_in_the_background() -> None:
    with socks5client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        with pytest.raises(ValueError, match="no proxy is configured"):
            sock.sendto(b"x", ("127.0.0.1", 9))


async def echo_by_asyncio(sock: socket.socket, peer: Any, count: int) -> list[bytes]:
    received: asyncio.Queue[bytes] = asyncio.Queue()

    class Protocol(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            assert addr == peer
            received.put_nowait(data)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Protocol, sock=sock)
    try:
        for number in range(count):
            transport.sendto(b"%d" % number, peer)
        async with asyncio.timeout(5):
            return sorted([await received.get() for _ in range(count)])
    finally:
        transport.close()
        await asyncio.sleep(0)


def test_asyncio(url: str, udp_echo: UdpEcho) -> None:
    """The fd is the same from the beginning, so the loop's registration holds."""
    sock = udp(url)
    sock.setblocking(False)
    assert asyncio.run(echo_by_asyncio(sock, udp_echo.address, 5)) == [b"0", b"1", b"2", b"3", b"4"]


# Who shares it, and how it ends


def test_closing_ends_it(server: Server, url: str, udp_echo: UdpEcho) -> None:
    sock = udp(url)
    sock.settimeout(5)
    sock.sendto(b"x", udp_echo.address)
    sock.close()
    server.wait_idle()


def test_a_forgotten_socket_ends_it(server: Server, url: str, udp_echo: UdpEcho) -> None:
    sock = udp(url)
    sock.settimeout(5)
    sock.sendto(b"x", udp_echo.address)
    forgotten = [sock]
    del sock
    with pytest.warns(ResourceWarning):
        forgotten.clear()
    server.wait_idle()


def test_a_duplicate_keeps_it(server: Server, url: str, udp_echo: UdpEcho) -> None:
    with udp(url) as sock:
        sock.settimeout(5)
        twin = sock.dup()
    with twin:
        assert isinstance(twin, DatagramSocket)
        twin.settimeout(5)
        twin.sendto(b"x", udp_echo.address)
        assert twin.recvfrom(9) == (b"x", udp_echo.address)
        assert len(server.requests) == 1
        server.hang_up(server.exchanges[0])
        assert readable(twin)
        with pytest.raises(socks5client.ProxyConnectionError, match="ended"):
            twin.recv(9)
    server.wait_idle()


def test_a_file_keeps_it(server: Server, url: str, udp_echo: UdpEcho) -> None:
    sock = udp(url)
    sock.settimeout(5)
    sock.connect(udp_echo.address)
    with sock.makefile("rwb", buffering=0) as file:
        sock.close()
        file.write(b"x")
        assert file.read(9) == b"x"
    server.wait_idle()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("who", ["parent", "child"])
def test_fork(udp_echo: UdpEcho, who: str) -> None:
    """Either goes on where the other has closed, and hears of the end."""
    go_reader, go_writer = os.pipe()
    exercised_reader, exercised_writer = os.pipe()
    with standalone() as url:
        sock = udp(url)
        sock.settimeout(5)
        sock.sendto(b"before", udp_echo.address)
        assert sock.recv(9) == b"before"
        child = os.fork()
        if child == 0:  # pragma: no cover - another process
            status = 1
            try:
                os.close(go_writer)
                if who == "child":
                    os.read(go_reader, 1)  # until the parent has closed
                    status = exercise(sock, udp_echo, exercised_writer)
                else:
                    sock.close()
                    status = 0
            finally:
                os._exit(status)
        os.close(go_reader)
        outcome = [1]
        if who == "child":
            sock.close()
            os.close(go_writer)
        else:
            assert os.waitpid(child, 0)[1] == 0
            os.close(go_writer)
            parent = threading.Thread(
                target=lambda: outcome.append(exercise(sock, udp_echo, exercised_writer))
            )
            parent.start()
        os.read(exercised_reader, 1)
    # The proxy is gone.
    if who == "child":
        assert os.waitpid(child, 0)[1] == 0
    else:
        parent.join()
        assert outcome == [1, 0]
        sock.close()
    os.close(exercised_reader)
    os.close(exercised_writer)


def exercise(sock: DatagramSocket, udp_echo: UdpEcho, tell: int) -> int:
    """0 where it still works, and its end wakes who waits."""
    sock.sendto(b"after", udp_echo.address)
    if sock.recv(9) != b"after":
        return 2
    os.write(tell, b"x")
    try:
        sock.recv(9)
    except socks5client.ProxyConnectionError:
        return 0
    return 3


# Section 7, and what else there is to set


def test_buffers_less_the_header(url: str, udp_echo: UdpEcho) -> None:
    with (
        udp(url) as sock,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain,
    ):
        sock.settimeout(5)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            whole = plain.getsockopt(socket.SOL_SOCKET, option)
            for peer, header in ((None, 262), ("127.0.0.1", 10), ("::1", 22), ("a.test", 262)):
                sock._target = sock._peer = None
                if peer is not None:
                    sock.connect((peer, udp_echo.address[1]))
                assert sock.getsockopt(socket.SOL_SOCKET, option) == whole - header
                packed = sock.getsockopt(socket.SOL_SOCKET, option, 4)
                assert struct.unpack("i", packed) == (whole - header,)


def test_the_largest_datagram(url: str, udp_echo: UdpEcho) -> None:
    with udp(url) as sock:
        sock.settimeout(5)
        sock.connect(udp_echo.address)
        most = sock.max_datagram_size
        assert most == 65507 - 10
        assert sock.send(bytes(most)) == most
        assert len(sock.recv(1 << 16)) == most
        for size in (most + 1, 65508, 100_000):
            with pytest.raises(OSError) as caught:
                sock.send(bytes(size))
            assert caught.value.errno == errno.EMSGSIZE


def test_fragment_size_is_validated(url: str) -> None:
    with udp(url) as sock:
        for size in (0, -1, 65528):
            with pytest.raises(ValueError, match="fragment_size"):
                sock.fragment_size = size
        sock.fragment_size = 1400
        assert sock.fragment_size == 1400
        assert sock.max_datagram_size == 65507


def test_a_reassembler_of_the_users(url: str) -> None:
    with udp(url) as sock:
        sock.reassembler = Reassembler(10, max_sources=2)
        assert len(sock.reassembler) == 0
        with pytest.raises(ValueError, match="below 5"):
            Reassembler(1)


def test_options_of_udp_that_would_break_the_header(url: str, udp_echo: UdpEcho) -> None:
    udp_segment = 103
    with udp(url) as sock:
        sock.settimeout(5)
        with pytest.raises(OSError) as caught:
            sock.setsockopt(socket.IPPROTO_UDP, udp_segment, 100)
        assert caught.value.errno == errno.ENOPROTOOPT
        segments = [(socket.IPPROTO_UDP, udp_segment, struct.pack("H", 100))]
        with pytest.raises(OSError) as caught:
            sock.sendmsg([b"x" * 300], segments, 0, udp_echo.address)
        assert caught.value.errno == errno.EINVAL
        with pytest.raises(OSError) as caught:
            sock.sendto(b"x", socket.MSG_MORE, udp_echo.address)
        assert caught.value.errno == errno.EOPNOTSUPP
