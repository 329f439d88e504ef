"""UDP under patch(): every call, whose answers come from whom the program knows."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import select
import socket
import socketserver
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client._patch import datagrams
from tests.origins import UdpEcho
from tests.server_fixture import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = 5.0
NAME, OTHER = "echo.test", "other.test"
Place = tuple[str, int]


def relayed(server: Server) -> list[Place]:
    """Whom the proxy was given datagrams for."""
    return [(up.host, up.port) for each in server.exchanges for up in each.datagrams_up]


@pytest.fixture
def proxy(udp_echo: UdpEcho) -> Iterator[Server]:
    """This process is patched, to a proxy that knows the name of the echo."""
    names = {NAME: udp_echo.address[0], OTHER: "127.0.0.2"}
    with Server(names=names) as server:
        with socks5client.patch(server.url):
            yield server
        gc.collect()
        server.wait_idle()


def udp(family: int = socket.AF_INET, kind: type[socket.socket] | None = None) -> socket.socket:
    sock = (kind or socket.socket)(family, socket.SOCK_DGRAM)
    sock.settimeout(SECONDS)
    return sock


def found(name: str, port: int, family: int = socket.AF_INET) -> Any:
    return socket.getaddrinfo(name, port, family, socket.SOCK_DGRAM)[0][4]


@pytest.fixture
def place(proxy: Server, udp_echo: UdpEcho) -> Place:
    """The echo, as the program knows it."""
    at: Place = found(NAME, udp_echo.address[1])
    return at


# Calls


def connected(call: Callable[[socket.socket], Any]) -> Callable[[socket.socket, Any], Any]:
    def send(sock: socket.socket, place: Any) -> Any:
        sock.connect(place)
        assert sock.getpeername() == place
        return call(sock)

    return send


SENDING: dict[str, Callable[[socket.socket, Any], Any]] = {
    "sendto": lambda sock, place: sock.sendto(b"hello", place),
    "sendto, flags": lambda sock, place: sock.sendto(b"hello", 0, place),
    "sendmsg": lambda sock, place: sock.sendmsg([b"hel", b"lo"], [], 0, place),
    "send": connected(lambda sock: sock.send(b"hello")),
    "sendmsg, connected": connected(lambda sock: sock.sendmsg([b"hel", b"lo"])),
    "the method of the class": lambda sock, place: socket.socket.sendto(sock, b"hello", place),
}


def recv_into(sock: socket.socket) -> tuple[bytes, None]:
    buffer = bytearray(100)
    return bytes(buffer[: sock.recv_into(buffer)]), None


def recvfrom_into(sock: socket.socket) -> tuple[bytes, Any]:
    buffer = bytearray(100)
    size, source = sock.recvfrom_into(buffer)
    return bytes(buffer[:size]), source


def recvmsg(sock: socket.socket) -> tuple[bytes, Any]:
    data, _, _, source = sock.recvmsg(100)
    return data, source


def recvmsg_into(sock: socket.socket) -> tuple[bytes, Any]:
    buffer = bytearray(100)
    size, _, _, source = sock.recvmsg_into([buffer])
    return bytes(buffer[:size]), source


WITH_SOURCE: dict[str, Callable[[socket.socket], tuple[bytes, Any]]] = {
    "recvfrom": lambda sock: sock.recvfrom(100),
    "recvfrom_into": recvfrom_into,
    "recvmsg": recvmsg,
    "recvmsg_into": recvmsg_into,
}
RECEIVING: dict[str, Callable[[socket.socket], tuple[bytes, Any]]] = {
    **WITH_SOURCE,
    "recv": lambda sock: (sock.recv(100), None),
    "recv_into": recv_into,
}


@pytest.mark.parametrize("receive", RECEIVING.values(), ids=list(RECEIVING))
@pytest.mark.parametrize("send", SENDING.values(), ids=list(SENDING))
def test_every_call(
    send: Callable[[socket.socket, Any], Any],
    receive: Callable[[socket.socket], tuple[bytes, Any]],
    place: Place,
    proxy: Server,
) -> None:
    with udp() as sock:
        assert send(sock, place) == 5
        data, source = receive(sock)
    assert data == b"hello"
    assert source in (None, place)
    assert relayed(proxy) == [(NAME, place[1])]


def test_of_ipv6(proxy: Server, udp_echo: UdpEcho) -> None:
    place = found(NAME, udp_echo.address[1], socket.AF_INET6)
    with udp(socket.AF_INET6) as sock:
        sock.sendto(b"hello", place)
        data, source = sock.recvfrom(100)
    assert (data, source[:2]) == (b"hello", place[:2])
    assert relayed(proxy) == [(NAME, place[1])]


def test_flags(place: Place) -> None:
    with udp() as sock:
        sock.sendto(b"hello", place)
        assert sock.recvfrom(3, socket.MSG_PEEK) == (b"hel", place)
        assert sock.recv_into(bytearray(3), 0, socket.MSG_PEEK | socket.MSG_TRUNC) == 5
        assert sock.recvmsg(3)[::2] == (b"hel", socket.MSG_TRUNC)
        sock.settimeout(None)  # else Python itself waits, whatever the flag says
        for call in (sock.recv, sock.recvfrom):
            with pytest.raises(BlockingIOError):
                call(100, socket.MSG_DONTWAIT)


def test_timeouts_that_change_later(place: Place) -> None:
    with udp() as sock:
        sock.sendto(b"hello", place)
        sock.recv(100)
        sock.settimeout(0.01)
        with pytest.raises(TimeoutError):
            sock.recv(100)
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recvfrom(100)
        assert sock.gettimeout() == 0
        sock.setblocking(True)
        sock.sendto(b"again", place)
        assert sock.recvfrom(100) == (b"again", place)


@pytest.mark.parametrize("wait", ["select", "poll"])
def test_without_waiting(wait: str, place: Place) -> None:
    with udp() as sock:
        sock.setblocking(False)
        assert sock.sendto(b"hello", place) == 5
        if wait == "select":
            assert select.select([sock], [], [], SECONDS)[0] == [sock]
        else:
            poll = select.poll()
            poll.register(sock, select.POLLIN)
            assert poll.poll(SECONDS * 1000) == [(sock.fileno(), select.POLLIN)]
        assert sock.recvfrom(100) == (b"hello", place)


# Whose answer it is


@contextmanager
def answering_from_elsewhere(host: str = "127.0.0.1") -> Iterator[Place]:
    """As a TFTP server does: from a port that nobody knew."""

    def serve() -> None:
        data, client = listener.recvfrom(100)
        other.sendto(data, client)

    with udp() as listener, udp() as other:
        listener.bind((host, 0))
        other.bind((host, 0))
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()
        thread.join(SECONDS)


def test_an_answer_from_another_port(proxy: Server) -> None:
    with answering_from_elsewhere() as at, udp() as sock:
        place = found(NAME, at[1])
        sock.sendto(b"hello", place)
        data, source = sock.recvfrom(100)
    assert (data, source[0]) == (b"hello", place[0])
    assert source[1] != place[1]


def test_several_names_on_one_socket(place: Place, udp_echo: UdpEcho) -> None:
    with UdpEcho("127.0.0.2") as second, udp() as sock:
        other = found(OTHER, second.address[1])
        for at in (place, other, place, other):
            sock.sendto(b"hello", at)
            assert sock.recvfrom(100) == (b"hello", at)


def test_several_names_at_one_port_by_turns(proxy: Server, udp_echo: UdpEcho) -> None:
    port = udp_echo.address[1]
    with udp() as second, udp() as sock:
        second.bind(("127.0.0.2", port))
        place, other = found(NAME, port), found(OTHER, port)
        sock.sendto(b"one", place)
        assert sock.recvfrom(100) == (b"one", place)
        sock.sendto(b"two", other)
        second.sendto(*second.recvfrom(100))
        assert sock.recvfrom(100) == (b"two", other)


def test_a_name_with_several_addresses(udp_echo: UdpEcho) -> None:
    """A proxy may look it up anew each time; the port is the one that was asked."""
    port = udp_echo.address[1]
    with udp() as second, Server(names={NAME: udp_echo.address[0]}) as server:
        second.bind(("127.0.0.2", port))
        with socks5client.patch(server.url), udp() as sock:
            place = found(NAME, port)
            sock.sendto(b"one", place)
            assert sock.recvfrom(100) == (b"one", place)
            outside = server.exchanges[0].outside
            assert outside is not None
            second.sendto(b"two", ("127.0.0.1", outside[1]))
            assert sock.recvfrom(100) == (b"two", place)


def test_an_address_that_was_sent_to_stays_one(udp_echo: UdpEcho) -> None:
    public = ("192.0.2.7", udp_echo.address[1])
    server = Server(names={NAME: "127.0.0.2"}, routes={public: udp_echo.address})
    with server, socks5client.patch(server.url), udp() as sock:
        sock.sendto(b"lost", found(NAME, public[1]))
        sock.sendto(b"hello", public)
        assert sock.recvfrom(100) == (b"hello", public)


# Past the proxy


def test_what_is_bypassed_is_a_clear_error_once_it_is_the_proxys(
    place: Place, udp_echo: UdpEcho
) -> None:
    with udp() as sock:
        sock.sendto(b"hello", place)
        for call in (
            lambda: sock.sendto(b"x", udp_echo.address),
            lambda: sock.sendmsg([b"x"], [], 0, udp_echo.address),
            lambda: sock.connect(udp_echo.address),
        ):
            with pytest.raises(OSError, match="without the proxy") as caught:
                call()
            assert caught.value.errno == errno.EADDRNOTAVAIL
        assert sock.recvfrom(100) == (b"hello", place)


def test_through_the_proxy_after_local_use(place: Place, udp_echo: UdpEcho) -> None:
    with udp() as sock:
        sock.sendto(b"here", udp_echo.address)
        assert sock.recvfrom(100) == (b"here", udp_echo.address)
        assert type(sock) is socket.socket
        sock.sendto(b"there", place)
        assert sock.recvfrom(100) == (b"there", place)


MANY = {
    "multicast": ("224.0.0.251", 5353),
    "broadcast": ("255.255.255.255", 9),
    "<broadcast>": ("<broadcast>", 9),
}


@pytest.mark.parametrize("many", MANY.values(), ids=list(MANY))
def test_to_many_is_for_the_proxy(many: Place, udp_echo: UdpEcho) -> None:
    told = (many[0].replace("<broadcast>", "255.255.255.255"), many[1])
    with Server(routes={told: udp_echo.address}) as server:
        with socks5client.patch(server.url), udp() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.sendto(b"hello", many)
            assert sock.recv(100) == b"hello"
        assert relayed(server) == [told]


class Index:
    def __index__(self) -> int:
        return int(socket.MSG_FASTOPEN)


@pytest.mark.parametrize("flags", [socket.MSG_FASTOPEN, Index()], ids=["int", "index"])
def test_no_connection_by_sending(flags: Any, proxy: Server) -> None:
    with socket.socket() as sock:
        for call in (
            lambda: sock.sendto(b"x", flags, ("192.0.2.7", 9)),
            lambda: sock.sendmsg([b"x"], [], flags, ("192.0.2.7", 9)),
        ):
            with pytest.raises(OSError, match="MSG_FASTOPEN"):
                call()
    assert proxy.exchanges == []


def test_bind_looks_no_name_up(place: Place) -> None:
    with udp() as sock:
        sock.sendto(b"hello", place)
        with pytest.raises(OSError, match="no name of this machine") as caught:
            sock.bind((OTHER, 0))
        assert caught.value.errno == errno.EADDRNOTAVAIL
        with pytest.raises(OSError) as caught:
            sock.bind(("127.0.0.1", 0))
        assert caught.value.errno == errno.EINVAL  # it has a port by now


# The object


class Counting(socket.socket):
    """As a program derives one; no slots."""

    calls: list[str]

    def sendto(self, *args: Any) -> int:  # type: ignore[override]
        self.calls.append("sendto")
        return super().sendto(*args)

    def recvfrom(self, *args: Any) -> Any:
        self.calls.append("recvfrom")
        return socket.socket.recvfrom(self, *args)

    def close(self) -> None:
        self.calls.append("close")
        super().close()


def test_a_derived_class(place: Place) -> None:
    with udp(kind=Counting) as sock:
        assert isinstance(sock, Counting)
        sock.calls = []
        for _ in range(2):
            sock.sendto(b"hello", place)
            assert sock.recvfrom(100) == (b"hello", place)
        assert isinstance(sock, Counting)
        assert type(sock).__qualname__ == "Counting"
        assert type(sock).__module__ == Counting.__module__
    assert sock.calls == ["sendto", "recvfrom"] * 2 + ["close"]


def test_what_it_says_of_itself(place: Place) -> None:
    with udp() as sock:
        before = repr(sock)
        sock.sendto(b"hello", place)
        assert f"fd={sock.fileno()}" in before
        assert f"fd={sock.fileno()}" in repr(sock)
        sock.connect(place)
        for call in (sock.getpeername, lambda: socket.socket.getpeername(sock)):
            assert call() == place
        assert f"raddr={place}" in repr(sock)


def test_sizes_are_less_the_header(place: Place) -> None:
    with udp() as sock:
        before = sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        sock.connect(place)
        assert 0 < before - sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 262


def test_a_duplicate_shares_the_association(place: Place, proxy: Server) -> None:
    sock = udp()
    sock.sendto(b"hello", place)
    assert sock.recv(100) == b"hello"
    twin = sock.dup()
    assert twin.gettimeout() == SECONDS
    sock.close()
    with twin:
        twin.sendto(b"again", place)
        assert twin.recvfrom(100) == (b"again", place)
    assert len(proxy.requests) == 1


def test_a_duplicate_that_cannot_be_made_leaves_nothing(place: Place) -> None:
    class Picky(socket.socket):
        made = 0

        def __init__(self, *args: Any, **options: Any) -> None:
            if Picky.made:
                raise RuntimeError("one is enough")
            super().__init__(*args, **options)
            Picky.made += 1

    with udp(kind=Picky) as sock:
        sock.sendto(b"hello", place)
        assert sock.recv(100) == b"hello"  # so that the proxy has all the sockets that it needs
        before = set(os.listdir("/proc/self/fd"))
        with pytest.raises(RuntimeError):
            sock.dup()
        gc.collect()
        assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("end", ["close", "detach", "forget"])
def test_the_association_ends_with_it(end: str, place: Place, proxy: Server) -> None:
    sock: Any = udp()
    sock.sendto(b"hello", place)
    if end == "close":
        sock.close()
    elif end == "detach":
        os.close(sock.detach())
    else:
        with pytest.warns(ResourceWarning):
            sock = None
    proxy.wait_idle()


def test_it_outlives_the_patch(udp_echo: UdpEcho) -> None:
    with Server(names={NAME: udp_echo.address[0]}) as server:
        with socks5client.patch(server.url):
            place = found(NAME, udp_echo.address[1])
            sock = udp()
            sock.sendto(b"hello", place)
        with sock:
            assert sock.recvfrom(100) == (b"hello", place)
            sock.sendto(b"again", place)
            assert sock.recvfrom(100) == (b"again", place)
        server.wait_idle()


# Servers


class Upper(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data, sock = self.request
        sock.sendto(data.upper(), self.client_address)


def test_a_server_on_loopback_is_as_before(proxy: Server) -> None:
    with socketserver.UDPServer(("127.0.0.1", 0), Upper) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            with udp() as client:
                client.sendto(b"hello", server.server_address)  # type: ignore[arg-type]
                assert client.recvfrom(100) == (b"HELLO", server.server_address)
                assert type(client) is type(server.socket) is socket.socket
        finally:
            server.shutdown()
            thread.join()
    assert proxy.exchanges == []


def test_asyncio_serves_as_before(proxy: Server) -> None:
    class Upper(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            self.transport.sendto(data.upper(), addr)

    class Client(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            answer.set_result((data, addr))

    async def main() -> None:
        nonlocal answer
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        server, _ = await loop.create_datagram_endpoint(Upper, ("127.0.0.1", 0))
        at = server.get_extra_info("sockname")
        client, _ = await loop.create_datagram_endpoint(Client, remote_addr=at)
        client.sendto(b"hello")
        assert await asyncio.wait_for(answer, SECONDS) == (b"HELLO", at)
        client.close()
        server.close()

    answer: Any = None
    asyncio.run(main())
    assert proxy.exchanges == []


# The proxy's refusal, and its end


def test_a_proxy_without_udp(udp_echo: UdpEcho) -> None:
    with Server(commands=(1,)) as server, socks5client.patch(server.url), udp() as sock:
        for _ in range(2):
            with pytest.raises(socks5client.CommandNotSupported) as caught:
                sock.sendto(b"hello", (NAME, 9))
            assert caught.value.errno == errno.EOPNOTSUPP
        sock.setblocking(False)
        assert sock.sendto(b"hello", (NAME, 9)) == 5
        assert select.select([sock], [], [], SECONDS)[0]
        with pytest.raises(socks5client.CommandNotSupported):
            sock.recv(100)


def test_the_end_of_the_association_is_heard_of(place: Place, proxy: Server) -> None:
    def receive() -> None:
        try:
            sock.recvfrom(100)
        except OSError as error:
            errors.append(error)

    errors: list[OSError] = []
    with udp() as sock:
        sock.sendto(b"hello", place)
        sock.recv(100)
        thread = threading.Thread(target=receive)
        thread.start()
        proxy.hang_up(proxy.exchanges[0])
        thread.join(SECONDS)
        assert [type(error) for error in errors] == [socks5client.ProxyConnectionError]
        with pytest.raises(socks5client.ProxyConnectionError):
            sock.sendto(b"hello", place)


# Threads


@pytest.mark.parametrize("bound", [True, False], ids=["bound", "unbound"])
@pytest.mark.parametrize("receive", WITH_SOURCE.values(), ids=list(WITH_SOURCE))
def test_who_waits_already_hears_the_answer(
    receive: Callable[[socket.socket], tuple[bytes, Any]], bound: bool, place: Place
) -> None:
    def run() -> None:
        begun.set()
        received.append(receive(sock))

    received: list[Any] = []
    begun = threading.Event()
    thread = threading.Thread(target=run, daemon=True)
    with udp() as sock:
        sock.settimeout(None)
        if bound:
            sock.bind(("", 0))
        # The association takes several turns of the thread that waits.
        thread.start()
        begun.wait(SECONDS)
        sock.sendto(b"x" * 100, place)
        thread.join(SECONDS)
        assert received == [(b"x" * 100, place)]


def test_the_first_datagrams_of_several_threads(place: Place, proxy: Server) -> None:
    for _ in range(20):
        with udp() as sock:
            start = threading.Barrier(4)

            def send(sock: socket.socket = sock, start: threading.Barrier = start) -> None:
                start.wait(SECONDS)
                sock.sendto(b"hello", place)

            threads = [threading.Thread(target=send) for _ in range(4)]
            for thread in threads:
                thread.start()
            assert [sock.recvfrom(100) for _ in threads] == [(b"hello", place)] * 4
            for thread in threads:
                thread.join()
    assert len(proxy.requests) == 20


def test_a_fork_in_the_middle_of_a_change(place: Place) -> None:
    with datagrams._changing:  # another thread's
        pid = os.fork()
        if not pid:
            status = 1
            try:
                with udp() as sock:
                    sock.sendto(b"hello", place)
                    status = sock.recvfrom(100) != (b"hello", place)
            finally:
                os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
