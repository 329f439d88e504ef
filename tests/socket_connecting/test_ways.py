"""Every way to a proxy, from an attempt that does not wait for it."""

from __future__ import annotations

import errno
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trustme

import socks5client
from socks5client.tunnel import dial
from tests.origins import Echo, unused_address
from tests.server_fixture import Server
from tests.socket_connecting.loops import LOOPS, attempt, by_epoll, receive_exactly, send_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.socket_connecting.loops import Loop, Program

pytestmark = pytest.mark.usefixtures("nothing_left")


def conversation(proxy: Any, address: Any) -> Program[bytes]:
    with socks5client.socket(proxy=proxy) as sock:
        assert (yield from attempt(sock, address)) == 0
        yield from send_all(sock, b"x" * 10_000)
        return (yield from receive_exactly(sock, 10_000))


def works(run: Loop[Any], proxy: Any, address: Any) -> None:
    assert run(conversation(proxy, address)) == b"x" * 10_000


@pytest.fixture(params=["epoll", "epoll, edges", "asyncio", "uvloop", "trio"])
def one_of(request: pytest.FixtureRequest) -> Any:
    return LOOPS[request.param]


def test_password(one_of: Any, echo: Echo) -> None:
    with Server(users={"user": "secret"}) as server:
        works(one_of, server.url_as(user_info="user:secret@"), echo.address)
        assert server.exchanges[-1].authenticated
        server.wait_idle()


@pytest.fixture(scope="module")
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = trustme.CA()
    certified = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(certified)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    return certified, trusting


def test_tls_to_the_proxy(
    one_of: Any, echo: Echo, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    certified, trusting = contexts
    with Server(ssl_context=certified) as server:
        url = server.url_as("socks5h+tls")
        works(one_of, socks5client.Proxy.from_url(url, ssl_context=trusting), echo.address)
        server.wait_idle()


def test_a_certificate_that_nobody_trusts(
    echo: Echo, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    with (
        Server(ssl_context=contexts[0]) as server,
        socks5client.socket(proxy=server.url_as("socks5h+tls")) as sock,
    ):
        assert by_epoll(attempt(sock, echo.address)) == errno.EPROTO
        server.wait_idle()


def test_chain(one_of: Any, server: Server, echo: Echo) -> None:
    with Server(users={"user": "secret"}) as last:
        works(one_of, [server.url, last.url_as(user_info="user:secret@")], echo.address)
        last.wait_idle()


def test_unix_socket(one_of: Any, echo: Echo, tmp_path: Path) -> None:
    path = str(tmp_path / "proxy")
    with Server(host=None, unix_path=path) as server:
        proxy = socks5client.Proxy("", unix_path=path)
        works(one_of, proxy, echo.address)
        with socks5client.socket(proxy=proxy) as sock:
            sock.setblocking(False)
            sock.connect_ex(echo.address)
            # It means nothing there, and is no reason to fail.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def program() -> Program[int]:
                yield sock.fileno(), "writable"
                return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

            assert by_epoll(program()) == 0
        server.wait_idle()


def test_ipv6(one_of: Any, echo: Echo) -> None:
    with Server(host="::1") as server:
        works(one_of, server.url, echo.address)
        server.wait_idle()


def test_nobody_there(one_of: Any, echo: Echo) -> None:
    with socks5client.socket(proxy="socks5h://{}:{}".format(*unused_address())) as sock:
        assert one_of(attempt(sock, echo.address)) == errno.ECONNREFUSED


def test_no_unix_socket_there(echo: Echo, tmp_path: Path) -> None:
    proxy = socks5client.Proxy("", unix_path=str(tmp_path / "nothing"))
    with socks5client.socket(proxy=proxy) as sock:
        assert by_epoll(attempt(sock, echo.address)) == errno.ENOENT


class Resolver:
    """In place of the system's: blocks until `release`, then answers with `answer`."""

    def __init__(self, answer: list[str]) -> None:
        self.answer = answer
        self.called, self.release = threading.Event(), threading.Event()
        self.names: list[str] = []

    def __call__(self, host: str, port: int, *args: Any) -> Any:
        self.names.append(host)
        self.called.set()
        assert self.release.wait(10)
        if not self.answer:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (ip, port))
            for ip in self.answer
        ]


@contextmanager
def resolving(monkeypatch: pytest.MonkeyPatch, *answer: str) -> Iterator[Resolver]:
    resolver = Resolver(list(answer))
    monkeypatch.setattr(dial, "_getaddrinfo", resolver)
    yield resolver
    assert resolver.release.is_set()


def looked_up(
    monkeypatch: pytest.MonkeyPatch, proxy: Any, address: Any, *answer: str
) -> tuple[int, list[str]]:
    """What an attempt comes to that has to look up a name, and is not held up by that."""

    def program(sock: socks5client.socket, resolver: Resolver) -> Program[int]:
        began = time.monotonic()
        sock.setblocking(False)
        assert sock.connect_ex(address) == errno.EINPROGRESS
        assert resolver.called.wait(5)
        assert sock.connect_ex(address) == errno.EALREADY
        assert time.monotonic() - began < 0.2
        threading.Timer(0.2, resolver.release.set).start()
        yield sock.fileno(), "writable"
        assert time.monotonic() - began > 0.2
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    with resolving(monkeypatch, *answer) as resolver, socks5client.socket(proxy=proxy) as sock:
        return by_epoll(program(sock, resolver)), resolver.names


def test_look_up_of_the_destination(
    server: Server, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where the scheme says so; "socks5://" does."""
    address = ("here.test", echo.address[1])
    url = server.url_as("socks5")
    assert looked_up(monkeypatch, url, address, "127.0.0.1") == (0, ["here.test"])
    assert server.requests[-1].host == "127.0.0.1"


def test_look_up_of_the_destination_that_fails(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = looked_up(monkeypatch, server.url_as("socks5"), ("here.test", 80))
    assert found == (errno.EHOSTUNREACH, ["here.test"])


def test_look_up_of_the_proxy(server: Server, echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which has two addresses, and listens at the second."""
    url = f"socks5h://proxy.test:{server.port}"
    found = looked_up(monkeypatch, url, echo.address, "127.0.0.3", "127.0.0.1")
    assert found == (0, ["proxy.test"])


def test_a_proxy_that_has_no_address(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    found = looked_up(monkeypatch, "socks5h://proxy.test:1080", echo.address)
    assert found == (errno.EHOSTUNREACH, ["proxy.test"])


def test_closed_in_the_middle_of_a_look_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver cannot be interrupted; its answer comes to nothing."""
    before = len(server.exchanges)
    with resolving(monkeypatch, "127.0.0.1") as resolver:
        with socks5client.socket(proxy=server.url_as("socks5")) as sock:
            sock.setblocking(False)
            assert sock.connect_ex(("here.test", 80)) == errno.EINPROGRESS
            assert resolver.called.wait(5)
        resolver.release.set()
    assert len(server.exchanges) == before


def test_the_names_of_the_destination_stay_with_the_proxy(
    one_of: Any, server: Server, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> Any:
        raise AssertionError(f"{args} was looked up here")

    monkeypatch.setattr(dial, "_getaddrinfo", fail)
    monkeypatch.setattr(socket, "getaddrinfo", fail)
    works(one_of, server.url, ("origin.test", echo.address[1]))
    assert server.requests[-1].host == "origin.test"
