"""What every driver does alike: each scenario is written once and run over all of them."""

from __future__ import annotations

import os
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client import Address, NoAuth, Proxy, UsernamePassword
from tests.origins import Echo, read_exactly, unused_address
from tests.server_fixture import (
    Fault,
    Server,
    coalesce,
)
from tests.standalone import scripted, standalone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

    from tests.drivers import Connection, Driver

ALICE = {"alice": "secret"}


@pytest.fixture(scope="module")
def greeter() -> Iterator[Echo]:
    with Echo(greeting=b"220 welcome\r\n") as origin:
        yield origin


def check_echo(connection: Connection, text: bytes = b"ping") -> None:
    """Bytes go both ways; closes."""
    try:
        connection.sendall(text)
        assert read_exactly(connection, len(text)) == text
    finally:
        connection.close()


# What works


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "origin.test", "bücher.test"])
def test_destinations(connect: Driver, echo: Echo, host: str) -> None:
    names = {"origin.test": echo.address, "xn--bcher-kva.test": echo.address}
    routes = {("::1", echo.address[1]): echo.address}
    with Server(names=names, routes=routes) as server:
        check_echo(connect((host, echo.address[1]), server.url))
        (exchange,) = server.requests
        assert exchange.host == Address(host, 1).host
        assert exchange.atyp == Address(host, 1).type
        assert exchange.methods == (0,)
        server.wait_idle()


@pytest.mark.parametrize("methods", [(2,), (2, 0), (0, 2)])
def test_password(connect: Driver, echo: Echo, methods: tuple[int, ...]) -> None:
    with Server(users=ALICE, methods=methods) as server:
        check_echo(connect(echo.address, server.url_as(user_info="alice:secret@")))
        (exchange,) = server.requests
        assert exchange.methods == (2, 0)
        assert exchange.username == (b"alice" if exchange.method == 2 else None)


def test_password_alone_when_the_user_forbids_the_rest(connect: Driver, echo: Echo) -> None:
    with Server(users=ALICE) as server:
        auth = UsernamePassword("alice", "secret")
        check_echo(connect(echo.address, Proxy(server.host, server.port, auth=auth)))
        assert server.requests[0].methods == (2,)


def test_empty_password_is_sent(connect: Driver, echo: Echo) -> None:
    with Server(users={"alice": ""}) as server:
        check_echo(connect(echo.address, server.url_as(user_info="alice:@")))
        assert server.requests[0].password == b""


def test_data_behind_the_reply_is_the_users(connect: Driver, greeter: Echo) -> None:
    with Server(faults=[Fault("reply", coalesce())]) as server:
        connection = connect(greeter.address, server.url)
        assert read_exactly(connection, 13) == b"220 welcome\r\n"
        check_echo(connection)


def test_bound_to_ipv6(connect: Driver, echo: Echo) -> None:
    with Server(bound=("2001:db8::1", 80)) as server:
        check_echo(connect(echo.address, server.url))


def test_proxy_on_ipv6(connect: Driver, echo: Echo) -> None:
    with Server(host="::1") as server:
        check_echo(connect(echo.address, f"socks5h://[::1]:{server.port}"))


def test_proxy_on_a_unix_socket(connect: Driver, echo: Echo, tmp_path: Path) -> None:
    path = tmp_path / "a proxy"
    with Server(host=None, unix_path=str(path)) as server:
        quoted = str(path).replace(" ", "%20")
        check_echo(connect(echo.address, f"socks5h+unix://{quoted}"))
        check_echo(connect(echo.address, f"socks5h://localhost{quoted}"))
        assert len(server.requests) == 2


@pytest.fixture
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_proxy_by_tls(
    connect: Driver, greeter: Echo, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    with Server(users=ALICE, ssl_context=server_tls, faults=[Fault("reply", coalesce())]) as server:
        url = server.url_as("socks5h+tls", "alice:secret@")
        proxy = Proxy.from_url(url, ssl_context=client_tls)
        connection = connect(greeter.address, proxy)
        assert read_exactly(connection, 13) == b"220 welcome\r\n"
        check_echo(connection, b"x" * 300_000)
        server.wait_idle()


def test_tls_to_a_proxy_that_speaks_none(connect: Driver, echo: Echo) -> None:
    with (
        Server() as server,
        pytest.raises(socks5client.SocksError, match="TLS"),
    ):
        connect(echo.address, server.url_as("socks5h+tls"))


def test_chain(connect: Driver, greeter: Echo) -> None:
    with Server(names={"second.test": "127.0.0.1"}) as first, Server(users=ALICE) as second:
        chain = [first.url, f"socks5h://alice:secret@second.test:{second.port}"]
        connection = connect(greeter.address, chain)
        assert read_exactly(connection, 13) == b"220 welcome\r\n"
        check_echo(connection)
        assert (first.requests[0].host, first.requests[0].port) == ("second.test", second.port)
        assert (second.requests[0].host, second.requests[0].port) == greeter.address
        first.wait_idle()
        second.wait_idle()


def test_chain_of_three_with_tls_inside_and_outside(
    connect: Driver, greeter: Echo, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    with (
        Server(ssl_context=server_tls) as first,
        Server(users=ALICE) as second,
        Server(ssl_context=server_tls) as third,
    ):
        chain = [
            Proxy.from_url(first.url_as("socks5h+tls"), ssl_context=client_tls),
            second.url_as(user_info="alice:secret@"),
            Proxy.from_url(third.url_as("socks5h+tls"), ssl_context=client_tls),
        ]
        connection = connect(greeter.address, chain)
        assert read_exactly(connection, 13) == b"220 welcome\r\n"
        check_echo(connection, b"y" * 300_000)
        for server in (first, second, third):
            assert len(server.requests) == 1
            server.wait_idle()


def test_names_resolved_here(connect: Driver, echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def getaddrinfo(host: str, *args: Any, **kwargs: Any) -> Any:
        asked.append(host)
        return real("127.0.0.1", *args, **kwargs)

    asked: list[str] = []
    monkeypatch.setattr("socks5client.tunnel.dial._getaddrinfo", getaddrinfo)
    with Server() as server:
        check_echo(connect(("origin.test", echo.address[1]), server.url_as("socks5")))
        assert asked == ["origin.test"]
        assert server.requests[0].host == "127.0.0.1"
        # Remote names never reach the resolver of this machine.
        with pytest.raises(socks5client.HostUnreachable):
            connect(("other.test", 80), server.url)
        assert asked == ["origin.test"]


def test_each_address_of_a_name_is_tried(
    connect: Driver, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    infos = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 1, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 1)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.2", 1)),
    ]

    def getaddrinfo(host: str, port: int, family: int = 0, *rest: Any) -> Any:
        return [info for info in infos if family in (0, info[0])]

    monkeypatch.setattr("socks5client.tunnel.dial._getaddrinfo", getaddrinfo)
    routes: Any = {
        ("::1", 80): OSError("unreachable"),
        ("192.0.2.1", 80): ConnectionRefusedError(),
        ("192.0.2.2", 80): echo.address,
    }
    with Server(routes=routes) as server:
        check_echo(connect(("origin.test", 80), server.url_as("socks5")))
        assert [exchange.host for exchange in server.requests][-2:] == ["192.0.2.1", "192.0.2.2"]
        routes_taken = len(server.requests)
    # A drop-in socket has a family, and the system's own connect() would keep to it.
    assert routes_taken in (2, 3)


# What fails


def test_no_unix_socket_there(connect: Driver, echo: Echo, tmp_path: Path) -> None:
    with pytest.raises(socks5client.ProxyConnectionError, match="No such file"):
        connect(echo.address, f"socks5h+unix://{tmp_path}/none")


def test_name_of_the_proxy_is_unknown(
    connect: Driver, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def getaddrinfo(*args: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socks5client.tunnel.dial._getaddrinfo", getaddrinfo)
    with pytest.raises(socks5client.ProxyConnectionError, match="cannot be resolved") as caught:
        connect(echo.address, "socks5h://proxy.test")
    assert isinstance(caught.value.__cause__, socket.gaierror)
    assert caught.value.errno > 0  # type: ignore[operator]
    # The name of the second proxy, where the first wants it resolved here.
    with Server() as server:
        chain = [server.url_as("socks5"), "socks5h://proxy.test"]
        with pytest.raises(socks5client.ProxyConnectionError, match="cannot be resolved") as caught:
            connect(echo.address, chain)
        assert caught.value.proxy == Proxy.from_url("socks5h://proxy.test")
    # The name of the target: the system's own error, as from a plain socket.
    with Server() as server:
        with pytest.raises(socket.gaierror):
            connect(("origin.test", 80), server.url_as("socks5"))
        assert server.exchanges == []


def test_second_proxy_cannot_be_reached(connect: Driver, echo: Echo) -> None:
    host, port = unused_address()
    with Server() as server:
        chain = [server.url, f"socks5h://{host}:{port}"]
        with pytest.raises(socks5client.ProxyConnectionError, match="before it") as caught:
            connect(echo.address, chain)
        assert caught.value.proxy == Proxy(host, port)
        assert caught.value.target == echo.address
        assert isinstance(caught.value.__cause__, socks5client.ConnectionRefused)
        server.wait_idle()


@pytest.mark.parametrize(
    ("address", "match"),
    [
        (("", 80), "empty"),
        (("n" * 256, 80), "256 bytes"),
        (("a\0b", 80), "character"),
        (("a\r\nHost: b", 80), "character"),
        (("a", 65536), "65536"),
        (("a", -1), "-1"),
    ],
)
def test_bad_destination_is_refused_before_any_io(
    connect: Driver, address: tuple[str, int], match: str
) -> None:
    with Server() as server:
        with pytest.raises(ValueError, match=match):
            connect(address, server.url)
        assert server.exchanges == []


def test_no_proxy_to_be_found(connect: Driver, echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SOCKS5CLIENT_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    visitors = len(echo.clients)
    with pytest.raises(ValueError, match="no proxy is configured"):
        connect(echo.address, None)
    assert len(echo.clients) == visitors


def test_proxy_from_the_environment(
    connect: Driver, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server() as server:
        monkeypatch.setenv("SOCKS5CLIENT_PROXY", server.url)
        check_echo(connect(echo.address, None))
        assert len(server.requests) == 1


def test_direct_when_asked_for(connect: Driver, echo: Echo) -> None:
    check_echo(connect(echo.address, socks5client.DIRECT))


class Private:
    """A third party's method with a private number."""

    code = 0x8F

    def negotiate(self, request: object, server: str) -> Any:
        (answer,) = yield b"token", 1
        assert answer == ord("!")


def test_private_method(connect: Driver) -> None:
    turns = [
        (b"\x05\x02\x8f\x00", b"\x05\x8f"),
        (b"token", b"!"),
        (b"\x05\x01\x00\x03\x01a\x00\x01", b"\x05\x00\x00\x01" + bytes(6)),
        (b"ping", b"ping"),
    ]
    with scripted(turns) as place:
        proxy = Proxy.from_url(place, auth=(Private(), NoAuth()))
        check_echo(connect(("a", 1), proxy))


def test_no_fd_is_left_open(connect: Driver) -> None:
    """Counted in the kernel, with the server in another process."""

    def fds() -> int:
        return len(os.listdir("/proc/self/fd"))

    host, port = unused_address()
    with (
        standalone("--fault", "reply:reply-code=5") as refusing,
        socket.create_server(("127.0.0.1", 0), backlog=128) as listener,
    ):
        before = fds()
        for _ in range(20):
            for proxy in (refusing, f"socks5h://{host}:{port}"):
                with pytest.raises(ConnectionError):
                    connect(listener.getsockname(), proxy)
        assert fds() == before
