"""TCP under patch(), in this process: the reference server runs in it, too, and is bypassed."""

from __future__ import annotations

import _socket
import asyncio
import errno
import gc
import http.client
import os
import select
import selectors
import socket
import ssl
import sys
import threading
from contextlib import closing, contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
import trio
from urllib3.util.connection import create_connection as urllib3_create_connection

import socks5client
from socks5client._pair import RESET
from socks5client._patch import connections, delegates
from socks5client._plain import Plain
from tests.origins import Page, free_address, read_exactly, unused_address, web_server
from tests.server_fixture import Fault, Server, reply_code, stall
from tests.standalone import standalone
from tests.tunnel.leftovers import nothing_left

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import trustme

    from tests.origins import Echo

NAME = "echo.test"  # there is no such name but at the proxy
REQUEST = b"GET / HTTP/1.0\r\n\r\n"


@contextmanager
def patched(**settings: Any) -> Iterator[Server]:
    """Through a server that knows the name; in the end nothing is known of any socket."""
    with Server(names={NAME: "127.0.0.1"}, **settings) as server:
        with nothing_left():
            with socks5client.patch(server.url):
                yield server
            server.wait_idle()
            gc.collect()
        assert not delegates._notes


@pytest.fixture
def server() -> Iterator[Server]:
    with patched() as server:
        yield server


@pytest.fixture
def target(server: Server, echo: Echo) -> tuple[str, int]:
    """The echo's address, by its name at the proxy."""
    return NAME, echo.address[1]


def talk(sock: socket.socket) -> None:
    sock.sendall(b"ping")
    assert read_exactly(sock, 4) == b"ping"


def shown(address: tuple[str, int]) -> tuple[str, int]:
    """A peer's address as a program reads it: the placeholder of a name."""
    return socket.gethostbyname(address[0]), address[1]


def was_asked(server: Server, *targets: tuple[str, int]) -> bool:
    return [(exchange.host, exchange.port) for exchange in server.requests] == list(targets)


# What was there before.


CLASSES = """
class Derived(socket):
    pass

class Slotted(socket):
    __slots__ = ()

    def connect(self, address):
        super().connect(address)
"""


@pytest.fixture
def bound_earlier() -> Iterator[Any]:
    """A module that has been imported before patch()."""
    module = ModuleType("tests.bound_earlier")
    exec("from socket import *; from socket import socket, create_connection", vars(module))
    exec(CLASSES, vars(module))
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


@pytest.mark.parametrize("cls", ["socket", "Derived", "Slotted"])
def test_classes_bound_earlier(cls: str, bound_earlier: Any, echo: Echo) -> None:
    with patched() as server, getattr(bound_earlier, cls)() as sock:
        assert type(sock) is getattr(bound_earlier, cls)
        sock.connect((NAME, echo.address[1]))
        assert sock.getpeername() == shown((NAME, echo.address[1]))
        talk(sock)
        assert was_asked(server, (NAME, echo.address[1]))


def test_functions_bound_earlier(bound_earlier: Any, echo: Echo) -> None:
    with patched() as server:
        with bound_earlier.create_connection((NAME, echo.address[1]), 5) as sock:
            talk(sock)
        (info,) = bound_earlier.getaddrinfo(NAME, echo.address[1], type=socket.SOCK_STREAM)
        with bound_earlier.socket(*info[:3]) as sock:
            sock.connect(info[4])
            talk(sock)
        assert was_asked(server, *[(NAME, echo.address[1])] * 2)


def test_sockets_made_earlier(echo: Echo) -> None:
    with socket.socket() as sock, patched() as server:
        sock.connect((NAME, echo.address[1]))
        talk(sock)
        sock.close()
        assert was_asked(server, (NAME, echo.address[1]))


def test_tls_wrapped_before_it_is_connected(authority: trustme.CA, trusted: ssl.SSLContext) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(context)
    with web_server(Page, context) as (_, port):
        early = trusted.wrap_socket(socket.socket(), server_hostname=NAME)
        with patched() as server:
            late = trusted.wrap_socket(socket.socket(), server_hostname=NAME)
            for tls in (early, late):
                with tls:
                    tls.settimeout(10)
                    tls.connect((NAME, port))
                    assert tls.getpeername() == shown((NAME, port))
                    tls.sendall(REQUEST)
                    assert tls.recv(12) == b"HTTP/1.1 200"
            assert was_asked(server, *[(NAME, port)] * 2)


def test_tls_wrapped_afterwards(authority: trustme.CA, trusted: ssl.SSLContext) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(context)
    with web_server(Page, context) as (_, port), patched():
        sock = socket.create_connection((NAME, port), 10)
        own = sock.getsockname()
        with trusted.wrap_socket(sock, server_hostname=NAME) as tls:
            assert tls.getpeername() == shown((NAME, port))
            assert tls.getsockname() == own
            tls.sendall(REQUEST)
            assert tls.recv(12) == b"HTTP/1.1 200"


# What costs nothing.


def test_data_is_the_system_s_affair(target: tuple[str, int]) -> None:
    names = ("send", "sendall", "recv", "recv_into", "shutdown")
    with socket.create_connection(target, 5) as sock:
        for name in names:
            assert getattr(type(sock), name) is vars(_socket.socket)[name]
        assert type(sock) is socket.socket


# Waiting.


def test_a_timeout_bounds_all_of_it(echo: Echo) -> None:
    with patched(faults=[Fault("reply", stall())]), socket.socket() as sock:
        sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            sock.connect((NAME, echo.address[1]))
        sock.settimeout(0.1)
        assert sock.connect_ex((NAME, echo.address[1])) in (errno.EAGAIN, errno.ETIMEDOUT)


def by_select(sock: socket.socket) -> bool:
    return select.select([], [sock], [], 10)[1] == [sock]


def by_poll(sock: socket.socket) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    return poll.poll(10000) == [(sock.fileno(), select.POLLOUT)]


def by_epoll(sock: socket.socket) -> bool:
    with select.epoll() as epoll:
        epoll.register(sock.fileno(), select.EPOLLOUT | select.EPOLLET)
        return epoll.poll(10) == [(sock.fileno(), select.EPOLLOUT)]


def by_selector(sock: socket.socket) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_WRITE)
        return len(selector.select(10)) == 1


WAYS = [by_select, by_poll, by_epoll, by_selector]


@pytest.mark.parametrize("is_writable", WAYS)
@pytest.mark.parametrize("call", ["connect", "connect_ex"])
def test_without_waiting(
    is_writable: Callable[[socket.socket], bool], call: str, target: tuple[str, int]
) -> None:
    with socket.socket() as sock:
        sock.setblocking(False)
        if call == "connect":
            with pytest.raises(BlockingIOError) as caught:
                sock.connect(target)
            assert caught.value.errno == errno.EINPROGRESS
        else:
            assert sock.connect_ex(target) == errno.EINPROGRESS
        assert is_writable(sock)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        assert sock.getpeername() == shown(target)
        sock.settimeout(10)
        talk(sock)


@pytest.mark.parametrize("is_writable", [by_select, by_selector])
def test_without_waiting_it_fails_as_the_proxy_says(
    is_writable: Callable[[socket.socket], bool], server: Server
) -> None:
    with socket.socket() as sock:
        sock.setblocking(False)
        assert sock.connect_ex((NAME, unused_address()[1])) == errno.EINPROGRESS
        assert is_writable(sock)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
        with pytest.raises(OSError) as caught:
            sock.getpeername()
        assert caught.value.errno == errno.ENOTCONN


# Libraries that open several sockets, and TLS that starts later.


@pytest.mark.parametrize("delay", [None, 0.01])
def test_asyncio(delay: float | None, server: Server, target: tuple[str, int]) -> None:
    async def main() -> None:
        reader, writer = await asyncio.open_connection(*target, happy_eyeballs_delay=delay)
        assert writer.get_extra_info("peername") == shown(target)
        writer.write(b"ping")
        assert await reader.readexactly(4) == b"ping"
        writer.close()
        await writer.wait_closed()

    asyncio.run(main())
    assert was_asked(server, target)


def test_asyncio_when_it_is_refused(server: Server) -> None:
    async def main() -> None:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(NAME, unused_address()[1], happy_eyeballs_delay=0.01)

    asyncio.run(main())
    assert len(server.requests) == 1


@pytest.mark.parametrize("begin", ["at once", "start_tls"])
def test_asyncio_with_tls(begin: str, authority: trustme.CA, trusted: ssl.SSLContext) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(context)

    async def main(port: int) -> None:
        if begin == "at once":
            reader, writer = await asyncio.open_connection(NAME, port, ssl=trusted)
        else:
            reader, writer = await asyncio.open_connection(NAME, port)
            await writer.start_tls(trusted, server_hostname=NAME)
        assert writer.get_extra_info("peername") == shown((NAME, port))
        writer.write(REQUEST)
        assert await reader.readexactly(12) == b"HTTP/1.1 200"
        writer.close()
        await writer.wait_closed()

    with web_server(Page, context) as (_, port), patched() as server:
        asyncio.run(main(port))
        assert was_asked(server, (NAME, port))


def test_trio(server: Server, target: tuple[str, int]) -> None:
    async def main() -> None:
        async with await trio.open_tcp_stream(*target) as stream:
            assert stream.socket.getpeername() == shown(target)
            await stream.send_all(b"ping")
            assert await stream.receive_some(4) == b"ping"
        with pytest.raises(OSError, match="all attempts to connect") as caught:
            await trio.open_tcp_stream(NAME, unused_address()[1])
        (error,) = caught.value.__cause__.exceptions
        assert isinstance(error, ConnectionRefusedError)

    trio.run(main)
    assert len(server.requests) == 2


def test_urllib3(server: Server, target: tuple[str, int]) -> None:
    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    with urllib3_create_connection(target, 5, socket_options=options) as sock:
        assert Plain.getsockopt(sock, socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        talk(sock)
    assert was_asked(server, target)


def test_http_client_where_the_proxy_is_on_a_unix_socket(tmp_path: Path) -> None:
    """It sets an option of TCP's, and takes no for a failure."""
    path = str(tmp_path / "proxy")
    with (
        web_server() as (_, port),
        Server(host=None, unix_path=path, names={NAME: "127.0.0.1"}) as proxy,
        socks5client.patch(f"socks5h+unix://{path}"),
    ):
        with closing(http.client.HTTPConnection(NAME, port, timeout=10)) as connection:
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"a page"
        assert len(proxy.requests) == 1


# Errors, and what follows them.


@pytest.mark.parametrize(
    ("code", "error", "number"),
    [
        (1, ConnectionAbortedError, errno.ECONNABORTED),
        (2, PermissionError, errno.EACCES),
        (3, OSError, errno.ENETUNREACH),
        (4, OSError, errno.EHOSTUNREACH),
        (5, ConnectionRefusedError, errno.ECONNREFUSED),
        (6, TimeoutError, errno.ETIMEDOUT),
        (7, OSError, errno.EOPNOTSUPP),
        (8, OSError, errno.EAFNOSUPPORT),
    ],
)
def test_replies_are_errors_of_the_system(
    code: int, error: type[OSError], number: int, echo: Echo
) -> None:
    with patched(faults=[reply_code(code)]), socket.socket() as sock:
        with pytest.raises(error) as caught:
            sock.connect((NAME, echo.address[1]))
        assert caught.value.errno == number
        assert sock.connect_ex((NAME, echo.address[1])) == number


@pytest.mark.parametrize("timeout", [None, 5, 0])
def test_another_attempt(timeout: float | None, server: Server, target: tuple[str, int]) -> None:
    """On the same socket: to a name, and past the proxy to this machine."""

    def attempt(sock: socket.socket, address: tuple[str, int]) -> int:
        result = sock.connect_ex(address)
        if result == errno.EINPROGRESS:
            assert by_selector(sock)
            return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return result

    for address in (target, ("127.0.0.1", target[1])):
        with socket.socket() as sock:
            sock.settimeout(timeout)
            assert attempt(sock, (NAME, unused_address()[1])) == errno.ECONNREFUSED
            assert attempt(sock, address) == 0
            assert sock.getpeername() == shown(address)
            sock.settimeout(5)
            talk(sock)
            if timeout == 0:
                assert sock.connect_ex(address) == 0  # the system says it once
            assert sock.connect_ex(target) == errno.EISCONN


def outcome(call: Callable[[], Any]) -> Any:
    """What the call returns or raises, so that it can be compared."""
    try:
        return call()
    except Exception as error:
        if isinstance(error, socket.gaierror):
            return socket.gaierror, error.errno
        return type(error), getattr(error, "errno", None)


def in_odd_states(address: Any, connected_to: Any) -> list[Any]:
    found = []
    for call in ("connect", "connect_ex"):
        with socket.socket() as connected:
            connected.connect(connected_to)
            found.append(outcome(lambda: getattr(connected, call)(address)))  # noqa: B023
            connected.shutdown(socket.SHUT_RDWR)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            found.append(outcome(lambda: getattr(listening, call)(address)))  # noqa: B023
            listening.settimeout(0)
            found.append(outcome(listening.accept))
        with socket.socket() as closed:
            pass
        found.append(outcome(lambda: getattr(closed, call)(address)))  # noqa: B023
        found += [outcome(getattr(closed, name)) for name in ("getpeername", "getsockname", "dup")]
        with socket.socket() as fresh:
            found += [outcome(fresh.getpeername), outcome(fresh.accept), fresh.getsockname()]
            found.append(outcome(lambda: fresh.shutdown(socket.SHUT_WR)))
            found.append(outcome(lambda: fresh.send(b"x")))
    return found


def test_sockets_in_a_state_that_cannot_be_connected(echo: Echo) -> None:
    expected = in_odd_states(echo.address, echo.address)
    with patched():
        target = NAME, echo.address[1]
        assert in_odd_states(target, target) == expected
        assert in_odd_states(target, echo.address) == expected
        assert in_odd_states(echo.address, target) == expected


class Port:
    def __index__(self) -> int:
        return 1


# Nothing listens at port 1 of loopback; names are left out, which the system would look up.
ODD_ADDRESSES: list[Any] = [
    None, 5, "x", b"x", (), ("::1",), ["127.0.0.1", 1],
    ("127.0.0.1", 1, 2), ("127.0.0.1", 1, 0, 0), ("127.0.0.1", 1, 0, 0, 0),
    ("127.0.0.1", "1"), ("127.0.0.1", None), ("127.0.0.1", 1.0), ("127.0.0.1", Port()),
    ("127.0.0.1", -1), ("127.0.0.1", 65536), ("127.0.0.1", 2**70), ("127.0.0.1", True),
    (None, 1), (5, 1), (b"127.0.0.1", 1), (bytearray(b"127.0.0.1"), 1), (b"\xff", 1),
    ("127.0.0.1\0", 1), ("a\0b", 1), ("\udc80", 1), ("x" * 300, 1), ("127.1", 1), ("0x7f.1", 1),
    ("::1", 1), ("::1", 1, 0), ("::1", 1, 0, 0), ("::1", 1, -1, 0), ("::1", 1, 1 << 20, 0),
    ("::1", 1, "x", 0), ("::1", 1, 0, "x"), ("::1", 1, 0, 0, 0), ("::1", "1"), ("::1", 65536),
    ("::ffff:127.0.0.1", 1), ("::%lo", 1), ("[::1]", 1, 0, "x"),
]  # fmt: skip


def outcomes(family: int, address: Any) -> list[Any]:
    found = []
    for call in ("connect", "connect_ex"):
        with socket.socket(family) as sock:
            sock.settimeout(5)
            kind = outcome(lambda: getattr(sock, call)(address))  # noqa: B023
            # A ConnectionRefused is a ConnectionRefusedError that knows more.
            found.append(kind[1] if isinstance(kind, tuple) and kind[1] is not None else kind)
    return found


@pytest.mark.parametrize("bypass", ["this machine", "nothing"])
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
def test_odd_addresses_are_errors_of_the_system(family: int, bypass: str) -> None:
    expected = {repr(address): outcomes(family, address) for address in ODD_ADDRESSES}
    settings: Any = {} if bypass == "this machine" else {"bypass": None}
    with standalone("--no-resolve") as url:
        for addresses in (ODD_ADDRESSES, ODD_ADDRESSES[::-1]):  # what is remembered of the others
            with socks5client.patch(url, **settings):
                found = {repr(address): outcomes(family, address) for address in addresses}
            differing = {
                address: (found[address], expected[address])
                for address in found
                if found[address] != expected[address]
            }
            assert differing == {}


# Before `connect`.


@pytest.mark.parametrize("timeout", [5, 0])
def test_a_port_of_its_own(timeout: float, server: Server, target: tuple[str, int]) -> None:
    for _ in range(2):  # the first leaves nothing behind that would hold the port
        source = free_address()
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(source)
            assert sock.getsockname() == source
            sock.settimeout(timeout)
            if sock.connect_ex(target) == errno.EINPROGRESS:
                assert by_poll(sock)
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
            sock.settimeout(5)
            talk(sock)
            assert server.requests[-1].peer == source
    with closing(socket.create_connection(target, 5, source_address=free_address())) as sock:
        talk(sock)


def test_a_port_of_its_own_that_is_taken(echo: Echo, target: tuple[str, int]) -> None:
    with pytest.raises(OSError, match="Address already in use") as caught:
        socket.create_connection(target, 5, source_address=echo.address)
    assert caught.value.errno == errno.EADDRINUSE


OPTIONS = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 77),
    (socket.IPPROTO_IP, socket.IP_TOS, 0x10),
]


def test_options_set_before(target: tuple[str, int]) -> None:
    with socket.socket() as sock:
        for option in OPTIONS:
            sock.setsockopt(*option)
            assert sock.getsockopt(*option[:2]) == option[2]
        sock.connect(target)
        for option in OPTIONS:
            assert Plain.getsockopt(sock, *option[:2]) == option[2]
            assert sock.getsockopt(*option[:2]) == option[2]
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        assert Plain.getsockopt(sock, socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0


def test_options_set_before_it_is_wrapped(authority: trustme.CA, trusted: ssl.SSLContext) -> None:
    """With TLS it is another object, on the same fd."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(context)
    with web_server(Page, context) as (_, port), patched():
        sock = socket.socket()
        sock.setsockopt(*OPTIONS[2])
        with trusted.wrap_socket(sock, server_hostname=NAME) as tls:
            tls.connect((NAME, port))
            assert Plain.getsockopt(tls, *OPTIONS[2][:2]) == OPTIONS[2][2]


# Other holders of the same connection.


def test_duplicates(target: tuple[str, int]) -> None:
    with socket.create_connection(target, 5) as sock:
        own = sock.getsockname()
        with sock.dup() as twin:
            assert (twin.getpeername(), twin.getsockname()) == (shown(target), own)
            assert twin.gettimeout() == 5
            talk(twin)
        for twin in (
            socket.socket(fileno=os.dup(sock.fileno())),
            socket.fromfd(sock.fileno(), sock.family, sock.type),
        ):
            with twin:
                twin.settimeout(5)  # the system does not know of the other's
                talk(twin)
        talk(sock)
        detached = socket.socket(fileno=sock.detach())
        assert sock.fileno() == -1
    with detached:
        detached.settimeout(5)
        assert (detached.getpeername(), detached.getsockname()) == (shown(target), own)
        talk(detached)
        with pytest.raises(OSError) as caught:
            detached.connect(target)
        assert caught.value.errno == errno.EISCONN


def test_files(target: tuple[str, int]) -> None:
    sock = socket.create_connection(target, 5)
    with sock.makefile("rwb", buffering=0) as file:
        sock.close()
        file.write(b"ping")
        assert file.read(4) == b"ping"


def from_port(source: tuple[str, int], address: tuple[str, int]) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(source)
    sock.connect(address)
    return sock


def test_a_name_does_not_outlive_its_connection(server: Server, target: tuple[str, int]) -> None:
    """Another connection may have the same ends later, and goes to nobody but the proxy itself."""
    source = free_address()
    with from_port(source, target) as sock:
        proxied = sock.dup()
    with proxied:
        assert proxied.getpeername() == shown(target)
        # So that it is closed without a time of waiting.
        proxied.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    server.wait_idle()
    assert connections._known
    with from_port(source, server.address) as sock:
        assert (sock.getsockname(), sock.getpeername()) == (source, server.address)


# What is left.


@pytest.mark.parametrize("state", ["connected", "refused", "under way", "with options", "bound"])
def test_sockets_that_are_forgotten(state: str, server: Server, target: tuple[str, int]) -> None:
    def use() -> None:
        sock = socket.socket()
        if state == "connected":
            sock.connect(target)
        elif state == "refused":
            assert sock.connect_ex((NAME, unused_address()[1])) == errno.ECONNREFUSED
        elif state == "under way":
            sock.setblocking(False)
            assert sock.connect_ex(target) == errno.EINPROGRESS
        elif state == "with options":
            sock.setsockopt(*OPTIONS[0])
        else:
            sock.bind(("127.0.0.1", 0))
        assert delegates._notes

    gc.disable()  # as with the system's, nothing waits for it
    try:
        with pytest.warns(ResourceWarning, match="unclosed"):
            use()
    finally:
        gc.enable()
    assert not delegates._notes  # and `server` sees to the rest


def test_many_at_once(server: Server, target: tuple[str, int]) -> None:
    failures = []

    def use() -> None:
        try:
            for _ in range(10):
                with socket.create_connection(target, 10) as sock:
                    talk(sock)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=use) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert was_asked(server, *[target] * 200)
