"""The drop-in socket: what it shares with `socket.socket`, and what it adds."""

from __future__ import annotations

import asyncio
import errno
import os
import selectors
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client import DIRECT, set_default_proxy
from tests.origins import Echo, read_exactly, unused_address
from tests.server_fixture import CATALOGUE, Fault, Server, reset, stall

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(names={"origin.test": "127.0.0.1"}) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def url(server: Server) -> str:
    return server.url


@pytest.fixture
def default_proxy(url: str) -> Iterator[None]:
    set_default_proxy(url)
    yield
    set_default_proxy(None)


DATA_PATH = [
    "send",
    "sendall",
    "sendmsg",
    "sendto",
    "sendfile",
    "recv",
    "recv_into",
    "recvfrom",
    "recvfrom_into",
    "recvmsg",
    "recvmsg_into",
    "makefile",
    "shutdown",
    "fileno",
    "settimeout",
    "setblocking",
    "gettimeout",
]


@pytest.mark.parametrize("name", DATA_PATH)
def test_the_data_path_is_that_of_the_system(name: str) -> None:
    assert getattr(socks5client.socket, name) is getattr(socket.socket, name)


def test_it_is_a_socket(url: str) -> None:
    with socks5client.socket(proxy=url) as sock:
        assert isinstance(sock, socket.socket)
        assert (sock.family, sock.type, sock.proto) == (socket.AF_INET, socket.SOCK_STREAM, 0)
        assert sock.fileno() >= 0
        assert not sock.get_inheritable()
        assert sock.gettimeout() is None
    assert sock.fileno() == -1
    with socks5client.socket(socket.AF_INET6, socket.SOCK_STREAM, 6, proxy=url) as sock:
        assert (sock.family, sock.type, sock.proto) == (socket.AF_INET6, socket.SOCK_STREAM, 6)
    if hasattr(socket, "SOCK_NONBLOCK"):
        kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
        with socks5client.socket(socket.AF_INET, kind, proxy=url) as sock:
            assert sock.type == socket.SOCK_STREAM
            assert sock.gettimeout() == 0


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_arguments_that_are_refused_leave_no_fd(kind: int) -> None:
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(TypeError):
        socks5client.socket(socket.AF_INET, kind, "tcp", proxy="[::1]:1080")  # type: ignore[arg-type]
    assert set(os.listdir("/proc/self/fd")) == before


def test_default_timeout(url: str) -> None:
    socket.setdefaulttimeout(7)
    try:
        with socks5client.socket(proxy=url) as sock:
            assert sock.gettimeout() == 7
    finally:
        socket.setdefaulttimeout(None)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_names_of_both_ends(echo: Echo, server: Server, url: str, family: int) -> None:
    with socks5client.socket(family, proxy=url) as sock:
        fd = sock.fileno()
        sock.connect(("origin.test", echo.address[1]))
        assert sock.fileno() == fd
        assert sock.getpeername() == ("origin.test", echo.address[1])
        assert sock.proxy_peername == server.address
        assert sock.proxy_sockname == server.exchanges[-1].peer
        # BND.ADDR and BND.PORT: the address that the destination sees.
        sock.sendall(b"x")
        read_exactly(sock, 1)
        assert sock.getsockname() == echo.clients[-1]


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        (("192.0.2.1", 80), ("192.0.2.1", 80)),
        ((b"origin.test", 80), ("origin.test", 80)),
        (("2001:DB8::1", 80), ("2001:db8::1", 80, 0, 0)),
        (("2001:db8::1", 80, 3, 4), ("2001:db8::1", 80, 3, 4)),
        (("bücher.test", 80), ("xn--bcher-kva.test", 80)),
    ],
)
def test_peer_as_asked_for(echo: Echo, address: Any, peer: Any) -> None:
    routes = {(socks5client.Address.from_tuple(address).host, 80): echo.address}
    with Server(routes=routes) as server:
        url = server.url
        with socks5client.socket(proxy=url) as sock:
            sock.connect(address)
            assert sock.getpeername() == peer
        with socks5client.connect(address, proxy=url) as sock:
            assert sock.getpeername() == peer


@pytest.mark.parametrize(
    ("bound", "usable"),
    [
        (("192.0.2.7", 1234), ("192.0.2.7", 1234)),
        (("2001:db8::7", 1234), ("2001:db8::7", 1234, 0, 0)),
        (("0.0.0.0", 1234), None),
        (("192.0.2.7", 0), None),
        (("::", 0), None),
        (("name.test", 1234), None),
        (("", 0), None),
    ],
)
def test_sockname(echo: Echo, bound: tuple[str, int], usable: Any) -> None:
    with (
        Server(bound=bound) as server,
        socks5client.connect(echo.address, proxy=server.url) as sock,
    ):
        assert sock.getsockname() == (usable or sock.proxy_sockname)


def test_unconnected(url: str) -> None:
    with socks5client.socket(proxy=url) as sock:
        assert sock.getsockname() == ("0.0.0.0", 0)
        with pytest.raises(OSError) as caught:
            sock.getpeername()
        assert caught.value.errno == errno.ENOTCONN
        with pytest.raises(OSError):
            sock.send(b"x")


def test_connected_already(echo: Echo, url: str) -> None:
    with socks5client.connect(echo.address, proxy=url) as sock:
        with pytest.raises(OSError) as caught:
            sock.connect(echo.address)
        assert caught.value.errno == errno.EISCONN
        assert sock.connect_ex(echo.address) == errno.EISCONN
        sock.sendall(b"still works")
        assert read_exactly(sock, 11) == b"still works"


def test_closed(echo: Echo, url: str) -> None:
    sock = socks5client.socket(proxy=url)
    sock.close()
    for call in (
        sock.getsockname,
        sock.listen,
        lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
        lambda: sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    ):
        with pytest.raises(OSError) as caught:
            call()
        assert caught.value.errno == errno.EBADF
    assert sock.connect_ex(echo.address) == errno.EBADF
    with pytest.raises(OSError):
        sock.connect(echo.address)


def test_connect_ex(echo: Echo, url: str) -> None:
    with socks5client.socket(proxy=url) as sock:
        assert sock.connect_ex(unused_address()) == errno.ECONNREFUSED
        assert sock.connect_ex(("unknown.test", 80)) == errno.EHOSTUNREACH
        assert sock.connect_ex(echo.address) == 0
    with socks5client.socket(proxy="socks5h://{}:{}".format(*unused_address())) as sock:
        assert sock.connect_ex(echo.address) == errno.ECONNREFUSED


def test_connect_ex_times_out(echo: Echo) -> None:
    with Server(faults=[Fault("reply", stall())]) as server:
        with socks5client.socket(proxy=server.url) as sock:
            sock.settimeout(0.1)
            assert sock.connect_ex(echo.address) == errno.ETIMEDOUT
        server.wait_idle()


def test_connect_ex_raises_what_the_system_would(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*args: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socks5client.tunnel.dial._getaddrinfo", getaddrinfo)
    with socks5client.socket(proxy=url.replace("socks5h", "socks5")) as sock:
        with pytest.raises(socket.gaierror):
            sock.connect_ex(("unknown.test", 80))
        with pytest.raises(TypeError):
            sock.connect_ex("unknown.test")
        with pytest.raises(TypeError):
            sock.connect_ex(("unknown.test", "80"))


def test_another_attempt_after_a_failure(echo: Echo, url: str) -> None:
    """The same object, its fd and its options, as with a plain socket on Linux."""
    with socks5client.socket(proxy=url) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        fd = sock.fileno()
        with pytest.raises(ConnectionRefusedError):
            sock.connect(unused_address())
        assert sock.fileno() == fd
        sock.connect(echo.address)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        sock.sendall(b"x")
        assert read_exactly(sock, 1) == b"x"


@pytest.mark.parametrize("fault", [CATALOGUE["reply-code-5"], Fault("method", reset())])
def test_a_failed_connect_leaves_nothing_open(echo: Echo, fault: Fault) -> None:
    with (
        Server(faults=[fault]) as server,
        socks5client.socket(proxy=server.url) as sock,
    ):
        assert sock.connect_ex(echo.address) != 0
        server.wait_idle()  # though the socket itself is still open
        with pytest.raises(OSError):
            sock.send(b"x")


def test_options_before_and_after(echo: Echo, url: str) -> None:
    with socks5client.socket(proxy=url) as sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20_000)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\5\0\0\0")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        with pytest.raises(OSError) as caught:
            sock.setsockopt(socket.IPPROTO_TCP, 9999, 1)
        assert caught.value.errno == errno.ENOPROTOOPT
        with pytest.raises(TypeError):
            sock.setsockopt(socket.IPPROTO_TCP)
        sock.connect(echo.address)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 40_000
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == b"\1\0\0\0\5\0\0\0"
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0


def test_timeout_and_inheritance_survive_connect(echo: Echo, url: str) -> None:
    with socks5client.socket(proxy=url) as sock:
        sock.settimeout(3.5)
        sock.set_inheritable(True)
        sock.connect(echo.address)
        assert sock.gettimeout() == 3.5
        assert sock.get_inheritable()
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(1)


def test_source_address(echo: Echo, server: Server, url: str) -> None:
    with socks5client.socket(proxy=url) as sock:
        sock.bind(("127.0.0.9", 0))
        assert sock.getsockname() == ("127.0.0.9", 0)
        sock.connect(echo.address)
        assert sock.proxy_sockname[0] == "127.0.0.9"
        assert server.exchanges[-1].peer[0] == "127.0.0.9"  # type: ignore[index]
    with socks5client.create_connection(echo.address, 5, ("127.0.0.8", 0), proxy=url) as sock:
        assert sock.proxy_sockname[0] == "127.0.0.8"
    with socks5client.socket(proxy=url) as sock:
        sock.bind(("192.0.2.1", 0))
        with pytest.raises(socks5client.ProxyConnectionError) as caught:
            sock.connect(echo.address)
        assert caught.value.errno == errno.EADDRNOTAVAIL


@pytest.mark.usefixtures("default_proxy")
def test_the_type_decides_what_it_is(server: Server, url: str) -> None:
    """UDP is an object of another class, from the same call; nothing is said before it is used."""
    before = len(server.exchanges)
    for proxy in (url, None):
        with socks5client.socket(socket.AF_INET, socket.SOCK_DGRAM, proxy=proxy) as sock:
            assert type(sock) is socks5client.DatagramSocket
            assert isinstance(sock, socks5client.socket)
            assert (sock.family, sock.type) == (socket.AF_INET, socket.SOCK_DGRAM)
        with socks5client.socket(socket.AF_INET, socket.SOCK_STREAM, proxy=proxy) as sock:
            assert type(sock) is socks5client.socket
            sock.bind(("", 0))
    assert len(server.exchanges) == before


def test_makefile_and_context_manager(echo: Echo, url: str) -> None:
    with socks5client.connect(echo.address, proxy=url) as sock:
        with sock.makefile("rwb") as stream:
            stream.write(b"one\ntwo\n")
            stream.flush()
            assert [stream.readline(), stream.readline()] == [b"one\n", b"two\n"]
        assert sock.fileno() >= 0
    assert sock.fileno() == -1


def test_sendfile(echo: Echo, url: str, tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(os.urandom(300_000))
    with socks5client.connect(echo.address, proxy=url) as sock, path.open("rb") as file:
        sender = threading.Thread(target=sock.sendfile, args=(file,))
        sender.start()
        assert read_exactly(sock, 300_000) == path.read_bytes()
        sender.join()


def test_dup_and_detach(echo: Echo, url: str) -> None:
    sock = socks5client.connect(echo.address, proxy=url)
    twin = sock.dup()
    assert type(twin) is socks5client.socket
    for name in ("getpeername", "getsockname"):
        assert getattr(twin, name)() == getattr(sock, name)()
    assert twin.proxy_peername == sock.proxy_peername
    sock.close()
    twin.sendall(b"x")
    assert read_exactly(twin, 1) == b"x"
    fd = twin.detach()
    assert twin.fileno() == -1
    with socket.socket(fileno=fd) as plain:
        plain.sendall(b"y")
        assert plain.recv(1) == b"y"


def test_half_close(echo: Echo, url: str) -> None:
    with socks5client.connect(echo.address, proxy=url) as sock:
        sock.sendall(b"all of it")
        sock.shutdown(socket.SHUT_WR)
        assert b"".join(iter(lambda: sock.recv(100), b"")) == b"all of it"


def test_selectors(echo: Echo, url: str) -> None:
    with socks5client.connect(echo.address, proxy=url) as sock, selectors.DefaultSelector() as sel:
        sel.register(sock, selectors.EVENT_READ)
        assert sel.select(0) == []
        sock.sendall(b"x")
        ((key, mask),) = sel.select(10)
        assert (key.fileobj, mask) == (sock, selectors.EVENT_READ)


def test_in_asyncio(echo: Echo, url: str) -> None:
    async def main() -> bytes:
        sock = socks5client.connect(echo.address, proxy=url)
        reader, writer = await asyncio.open_connection(sock=sock)
        writer.write(b"x" * 100_000)
        data = await reader.readexactly(100_000)
        assert writer.get_extra_info("peername") == echo.address
        writer.close()
        await writer.wait_closed()
        return data

    assert asyncio.run(main()) == b"x" * 100_000


@pytest.fixture(scope="module")
def tls_origin(authority: trustme.CA) -> Iterator[tuple[str, int]]:
    """Answers each line with itself, over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("origin.test").configure_cert(context)

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(client, server_side=True) as tls:
                    tls.sendall(tls.recv(100))
            except OSError:
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_tls_to_the_destination(
    url: str, authority: trustme.CA, tls_origin: tuple[str, int]
) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    address = ("origin.test", tls_origin[1])
    sock = socks5client.connect(address, proxy=url, timeout=5)
    with context.wrap_socket(sock, server_hostname="origin.test") as tls:
        tls.sendall(b"hello")
        assert tls.recv(5) == b"hello"


def test_tls_to_the_destination_inside_tls_to_the_proxy(
    authority: trustme.CA, tls_origin: tuple[str, int]
) -> None:
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server_context)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with Server(ssl_context=server_context, names={"origin.test": "127.0.0.1"}) as server:
        proxy = socks5client.Proxy(server.host, server.port, tls=True, ssl_context=context)
        sock = socks5client.socket(proxy=proxy)
        sock.settimeout(5)
        sock.connect(("origin.test", tls_origin[1]))
        # http.client and asyncio set it; the fd itself is no TCP socket.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        assert sock.proxy_peername == server.address
        assert sock.proxy_sockname == server.exchanges[0].peer
        assert sock.family == socket.AF_INET
        with context.wrap_socket(sock, server_hostname="origin.test") as tls:
            tls.sendall(b"hello")
            assert tls.recv(5) == b"hello"


def test_wrapped_first_and_connected_later_never_goes_direct(echo: Echo, url: str) -> None:
    """`wrap_socket` takes the fd and connects it by itself, past our class."""
    visitors = len(echo.clients)
    context = ssl.create_default_context()
    sock = socks5client.socket(proxy=url)
    with (
        context.wrap_socket(sock, server_hostname="origin.test") as tls,
        pytest.raises(OSError),
    ):
        tls.connect(echo.address)
    fd = socks5client.socket(proxy=url).detach()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fd) as plain:
        with pytest.raises(OSError):
            plain.connect(echo.address)
        with pytest.raises(OSError):
            plain.sendto(b"x", getattr(socket, "MSG_FASTOPEN", 0), echo.address)
    assert len(echo.clients) == visitors


@pytest.mark.parametrize("by_default", [True, False])
def test_direct_is_a_plain_socket(echo: Echo, by_default: bool) -> None:
    if by_default:
        set_default_proxy(DIRECT)
    try:
        with socks5client.socket(proxy=None if by_default else DIRECT) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.bind(("127.0.0.7", 0))
            sock.connect(echo.address)
            assert sock.getpeername() == echo.address
            assert sock.getsockname()[0] == "127.0.0.7"
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        with socks5client.socket(proxy=None if by_default else DIRECT) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.listen()
            assert sock.getsockname()[1] != 0
        kind = socket.SOCK_DGRAM
        with socks5client.socket(type=kind, proxy=None if by_default else DIRECT) as sock:
            assert sock.type == kind
    finally:
        set_default_proxy(None)


def test_default_direct_set_after_the_socket_was_made(echo: Echo) -> None:
    with socks5client.socket() as sock, socks5client.socket() as other:
        sock.settimeout(5)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind(("127.0.0.7", 0))
        set_default_proxy(DIRECT)
        try:
            sock.connect(echo.address)
            assert other.connect_ex(echo.address) == 0
        finally:
            set_default_proxy(None)
        assert sock.getpeername() == echo.address
        assert sock.getsockname()[0] == "127.0.0.7"
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.gettimeout() == 5


def test_the_default_counts_at_connect(echo: Echo, server: Server, url: str) -> None:
    """A socket made while the default was DIRECT, or that failed to connect then, is not lost."""
    before = len(server.requests)
    try:
        set_default_proxy(DIRECT)
        with socks5client.socket() as early, socks5client.socket() as failed:
            assert failed.connect_ex(unused_address()) == errno.ECONNREFUSED
            set_default_proxy(url)
            early.connect(echo.address)
            failed.connect(echo.address)
        assert len(server.requests) == before + 2
    finally:
        set_default_proxy(None)


def test_direct_without_blocking(echo: Echo) -> None:
    set_default_proxy(DIRECT)
    try:
        with socks5client.socket() as sock, selectors.DefaultSelector() as selector:
            sock.setblocking(False)
            assert sock.connect_ex(echo.address) in (0, errno.EINPROGRESS)
            selector.register(sock, selectors.EVENT_WRITE)
            assert selector.select(10)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
            assert sock.getpeername() == echo.address
    finally:
        set_default_proxy(None)


def test_options_and_source_of_another_family_than_the_proxys(echo: Echo, url: str) -> None:
    with socks5client.socket(socket.AF_INET6, proxy=url) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        assert sock.getsockname() == ("::", 0)
        sock.bind(("::", 0))
        sock.connect(echo.address)
        assert sock.proxy_sockname[0] == "127.0.0.1"
    with Server(host="::1") as server:
        sock = socks5client.create_connection(
            echo.address, 5, ("0.0.0.0", 0), proxy=f"socks5h://[::1]:{server.port}"
        )
        sock.close()


@pytest.mark.parametrize(
    ("source", "number"),
    [(("192.0.2.1", 0), errno.EADDRNOTAVAIL), (("::1", 0), errno.EADDRNOTAVAIL)],
)
def test_source_address_that_cannot_be(echo: Echo, url: str, source: Any, number: int) -> None:
    with pytest.raises(socks5client.ProxyConnectionError, match="source address") as caught:
        socks5client.create_connection(echo.address, 5, source, proxy=url)
    assert caught.value.errno == number


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="the system has no unix sockets")
def test_no_proxied_meaning(url: str, tmp_path: Path) -> None:
    path = str(tmp_path / "listener")
    with (
        socks5client.socket(socket.AF_UNIX, proxy=url) as listener,
        socks5client.socket(socket.AF_UNIX, socket.SOCK_STREAM, proxy=url) as client,
    ):
        listener.bind(path)
        listener.listen()
        client.connect(path)
        accepted, _ = listener.accept()
        with accepted:
            client.sendall(b"x")
            assert accepted.recv(1) == b"x"
            assert client.getpeername() == path


def test_made_from_a_fd(echo: Echo, url: str) -> None:
    plain = socket.create_connection(echo.address)
    with socks5client.socket(fileno=plain.detach(), proxy=url) as sock:
        assert (sock.family, sock.type) == (socket.AF_INET, socket.SOCK_STREAM)
        assert sock.getpeername() == echo.address
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"


@pytest.mark.usefixtures("default_proxy")
def test_default_proxy(echo: Echo, server: Server) -> None:
    before = len(server.requests)
    socks5client.connect(echo.address).close()
    socks5client.create_connection(echo.address).close()
    with socks5client.socket() as sock:
        sock.connect(echo.address)
    assert len(server.requests) == before + 3


def test_create_connection_keeps_its_timeout(echo: Echo, url: str) -> None:
    with socks5client.create_connection(echo.address, 3.5, proxy=url) as sock:
        assert sock.gettimeout() == 3.5
    with socks5client.create_connection(echo.address, proxy=url) as sock:
        assert sock.gettimeout() is None
    with socks5client.connect(echo.address, timeout=3.5, proxy=url) as sock:
        assert sock.gettimeout() is None
    socket.setdefaulttimeout(7)
    try:
        with socks5client.create_connection(echo.address, proxy=url) as sock:
            assert sock.gettimeout() == 7
        with socks5client.create_connection(echo.address, None, proxy=url) as sock:
            assert sock.gettimeout() is None
    finally:
        socket.setdefaulttimeout(None)


def test_all_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    infos = [(socket.AF_INET, 1, 6, "", (f"192.0.2.{n}", 1)) for n in (1, 2)]
    monkeypatch.setattr("socks5client.tunnel.dial._getaddrinfo", lambda *args: infos)
    routes: Any = {
        ("192.0.2.1", 80): OSError(errno.ECONNREFUSED, "refused"),
        ("192.0.2.2", 80): OSError(errno.ENETUNREACH, "no way"),
    }
    with Server(routes=routes) as server:
        url = f"socks5://{server.host}:{server.port}"
        with pytest.raises(ExceptionGroup) as caught:
            socks5client.create_connection(("name.test", 80), all_errors=True, proxy=url)
        kinds = [type(error) for error in caught.value.exceptions]
        assert kinds == [socks5client.ConnectionRefused, socks5client.NetworkUnreachable]
        with pytest.raises(socks5client.ConnectionRefused):
            socks5client.create_connection(("name.test", 80), proxy=url)


@pytest.mark.parametrize("timeout", [-1, float("nan")])
def test_bad_timeout(echo: Echo, url: str, timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout"):
        socks5client.connect(echo.address, proxy=url, timeout=timeout)


def test_no_time_at_all(echo: Echo, url: str) -> None:
    with pytest.raises(socks5client.HandshakeTimeout):
        socks5client.connect(echo.address, proxy=url, timeout=0)


@pytest.mark.parametrize("user_info", ["", "alice:secret@"])
def test_an_interrupt_in_the_handshake_closes_the_connection(
    echo: Echo, monkeypatch: pytest.MonkeyPatch, user_info: str
) -> None:
    def interrupt(*args: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("socks5client.sync.usual.usual_turns", interrupt)
    monkeypatch.setattr("socks5client.handshake.Handshake.receive_data", interrupt)
    with Server(users={"alice": "secret"}, methods=(2, 0)) as server:
        with pytest.raises(KeyboardInterrupt):
            socks5client.connect(
                echo.address, proxy=f"socks5h://{user_info}{server.host}:{server.port}"
            )
        server.wait_idle()


def test_replacing_an_open_fd_on_windows_says_so(
    echo: Echo, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socks5client._socket.stream.os.name", "nt")
    with (
        socks5client.socket(proxy=url) as sock,
        pytest.raises(OSError, match="Windows"),
    ):
        sock.connect(echo.address)


def test_options_of_tcp_where_the_proxy_is_on_a_unix_socket(echo: Echo, tmp_path: Path) -> None:
    """http.client and asyncio set them; they mean nothing there. What is nobody's is an error."""
    path = str(tmp_path / "proxy")
    with Server(host=None, unix_path=path) as server:
        proxy = socks5client.Proxy("", unix_path=path)
        with socks5client.connect(echo.address, proxy=proxy) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            with pytest.raises(OSError, match="Protocol not available"):
                sock.setsockopt(socket.SOL_SOCKET, 9999, 1)
        server.wait_idle()
    with (
        socks5client.connect(echo.address, proxy=DIRECT) as sock,
        pytest.raises(OSError, match="Protocol not available"),
    ):
        sock.setsockopt(socket.IPPROTO_TCP, 9999, 1)
