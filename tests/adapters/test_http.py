"""What must be true of every HTTP library: where names go, whose fault it is, nothing left open."""

from __future__ import annotations

import os
import socket
import ssl
import time
import traceback
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client import DIRECT, Proxy
from tests.adapters.clients import Aiohttp, Requests
from tests.origins import unused_address
from tests.server_fixture import CATALOGUE, Fault, Server, drip, stall

if TYPE_CHECKING:
    from pathlib import Path

    from tests.adapters.clients import Client
    from tests.real_servers import Origin, RealProxy

NAME = 3  # ATYP


def test_http(client: type[Client], proxy: Server, port: int) -> None:
    with client(proxy.url) as http:
        assert http.get(f"http://origin.test:{port}/page") == f"origin.test:{port} /page"
    (request,) = proxy.requests
    assert (request.atyp, request.host, request.port) == (NAME, "origin.test", port)


def test_https(client: type[Client], proxy: Server, tls_port: int, ca_file: Path) -> None:
    with client(proxy.url, ca_file) as http:
        assert http.get(f"https://origin.test:{tls_port}/") == f"origin.test:{tls_port} /"
    (request,) = proxy.requests
    assert (request.atyp, request.host, request.port) == (NAME, "origin.test", tls_port)


def test_a_certificate_that_is_not_trusted(
    client: type[Client], proxy: Server, tls_port: int
) -> None:
    with client(proxy.url) as http, pytest.raises(client.untrusted, match="certificate"):
        http.get(f"https://origin.test:{tls_port}/")
    assert len(proxy.requests) == 1


def test_a_certificate_for_another_name(
    client: type[Client], proxy: Server, tls_port: int, ca_file: Path
) -> None:
    with client(proxy.url, ca_file) as http, pytest.raises(client.untrusted, match="valid for"):
        http.get(f"https://other.test:{tls_port}/")
    assert len(proxy.requests) == 1


def test_a_name_that_is_looked_up_here(client: type[Client], proxy: Server, port: int) -> None:
    with client(proxy.url_as("socks5")) as http:
        assert http.get(f"http://localhost:{port}/") == f"localhost:{port} /"
    (request,) = proxy.requests
    assert request.atyp != NAME


def test_a_name_that_is_not_known_here(
    client: type[Client], proxy: Server, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def getaddrinfo(*args: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socks5client.tunnel.dial._getaddrinfo", getaddrinfo)
    with client(proxy.url_as("socks5")) as http, pytest.raises(client.unknown) as caught:
        http.get(f"http://unknown.test:{port}/")
    assert isinstance(client.cause(caught.value), socket.gaierror)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_literals(client: type[Client], port: int, host: str) -> None:
    with Server(routes={("::1", port): ("127.0.0.1", port)}) as server:
        with client(server.url) as http:
            assert http.get(f"http://{host}:{port}/") == f"{host}:{port} /"
        (request,) = server.requests
        assert request.host == host.strip("[]")
        assert request.atyp != NAME


def test_keep_alive(client: type[Client], proxy: Server, port: int) -> None:
    with client(proxy.url) as http:
        for number in range(3):
            assert http.get(f"http://origin.test:{port}/{number}").endswith(f"/{number}")
        assert len(proxy.requests) == 1
        http.get(f"http://127.0.0.1:{port}/")
        assert len(proxy.requests) == 2


@pytest.mark.parametrize("client", [Requests, Aiohttp])
def test_a_redirect_goes_through_the_proxy(client: type[Client], proxy: Server, port: int) -> None:
    with client(proxy.url) as http:
        text = http.get(f"http://127.0.0.1:{port}/to?http://origin.test:{port}/there")
    assert text == f"origin.test:{port} /there"
    assert [request.host for request in proxy.requests] == ["127.0.0.1", "origin.test"]


def test_refused(client: type[Client]) -> None:
    with Server(routes={("origin.test", 80): unused_address()}) as server:
        with client(server.url) as http, pytest.raises(client.unreachable) as caught:
            http.get("http://origin.test/")
        cause = client.cause(caught.value)
        assert isinstance(cause, socks5client.ConnectionRefused)
        assert isinstance(cause, ConnectionRefusedError)
        server.wait_idle()


@pytest.mark.parametrize("code", [1, 2, 3, 4, 6, 7, 8, 0xF0])
def test_what_the_proxy_reports(client: type[Client], port: int, code: int) -> None:
    """REP 6 is a TimeoutError, too, but not that of the handshake."""
    with Server(faults=[CATALOGUE[f"reply-code-{code}"]]) as server:
        with client(server.url) as http, pytest.raises(client.unreachable) as caught:
            http.get(f"http://127.0.0.1:{port}/")
        assert caught.type is client.unreachable
        cause = client.cause(caught.value)
        assert isinstance(cause, socks5client.ReplyError)
        assert cause.code == code
        server.wait_idle()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("no-acceptable", socks5client.NoAcceptableMethodError),
        ("garbage-reply", socks5client.RemoteProtocolError),
    ],
)
def test_what_the_proxy_does_wrong(
    client: type[Client], port: int, name: str, kind: type[Exception]
) -> None:
    with Server(faults=[CATALOGUE[name]]) as server:
        with client(server.url) as http, pytest.raises(client.broken) as caught:
            http.get(f"http://127.0.0.1:{port}/")
        assert isinstance(client.cause(caught.value), kind)
        server.wait_idle()


def test_nobody_listens_at_the_proxy(client: type[Client], port: int) -> None:
    url = "socks5h://{}:{}".format(*unused_address())
    with client(url) as http, pytest.raises(client.broken) as caught:
        http.get(f"http://127.0.0.1:{port}/")
    assert isinstance(client.cause(caught.value), socks5client.ProxyConnectionError)


@pytest.mark.parametrize("fault", [Fault("method", stall()), Fault("reply", drip(0.25))])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_timeout_bounds_the_handshake(
    client: type[Client], port: int, fault: Fault, scheme: str
) -> None:
    with Server(faults=[fault]) as server:
        with client(server.url, timeout=0.3) as http:
            begun = time.monotonic()
            with pytest.raises(client.timed_out) as caught:
                http.get(f"{scheme}://127.0.0.1:{port}/")
            assert time.monotonic() - begun < 3
        assert isinstance(client.cause(caught.value), socks5client.HandshakeTimeout)
        server.wait_idle()


def test_the_timeout_bounds_tls(client: type[Client], proxy: Server) -> None:
    """A server that accepts, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        begun = time.monotonic()
        with client(proxy.url, timeout=0.3) as http, pytest.raises(client.silent):
            http.get("https://{}:{}/".format(*listener.getsockname()))
        assert time.monotonic() - begun < 3
        assert len(proxy.requests) == 1


def test_credentials(client: type[Client], port: int) -> None:
    """Each goes with its own client only."""
    with Server(users={"alice": "a", "bob": "b"}) as server:
        with (
            client(server.url_as(user_info="alice:a@")) as alice,
            client(server.url_as(user_info="bob:b@")) as bob,
        ):
            for _ in range(2):
                alice.get(f"http://127.0.0.1:{port}/")
                bob.get(f"http://127.0.0.1:{port}/")
        assert [exchange.username for exchange in server.requests] == [b"alice", b"bob"]


@pytest.mark.parametrize("code", [None, 5])
def test_no_error_holds_credentials(client: type[Client], port: int, code: int | None) -> None:
    """Neither where they are refused, nor where something else is."""
    users = {"topsecretuser": "another" if code is None else "topsecretpassword"}
    faults = [] if code is None else [CATALOGUE[f"reply-code-{code}"]]
    with Server(users=users, faults=faults) as server:
        url = server.url_as(user_info="topsecretuser:topsecretpassword@")
        with client(url) as http, pytest.raises(client.unreachable) as caught:
            http.get(f"http://127.0.0.1:{port}/")
        expected = socks5client.AuthenticationError if code is None else ConnectionRefusedError
        assert isinstance(client.cause(caught.value), expected)
        error: BaseException | None = caught.value
        text = "".join(traceback.format_exception(error)) + repr(vars(http))
        while error is not None:
            text += f"{error}\n{error!r}\n{vars(error)}\n{error.args!r}"
            error = error.__cause__ or error.__context__
        assert "topsecret" not in text
        server.wait_idle()


def test_the_proxy_is_looked_up_once(
    client: type[Client], port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server() as server, Server() as other:
        monkeypatch.setenv("ALL_PROXY", server.url)
        with client() as http:
            monkeypatch.setenv("ALL_PROXY", other.url)
            http.get(f"http://127.0.0.1:{port}/")
        assert (len(server.requests), len(other.requests)) == (1, 0)


@pytest.mark.parametrize("url", ["http://a", "", "socks5h://a:b"])
def test_a_malformed_proxy(client: type[Client], url: str) -> None:
    with pytest.raises(ValueError, match="proxy URL"):
        client(url)


def test_no_proxy_is_an_error(client: type[Client]) -> None:
    with pytest.raises(ValueError, match="no proxy is configured"):
        client()


def test_direct(
    client: type[Client], port: int, monkeypatch: pytest.MonkeyPatch, proxy: Server
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    with client(DIRECT) as http:
        assert http.get(f"http://127.0.0.1:{port}/") == f"127.0.0.1:{port} /"
        with pytest.raises(client.unreachable):
            http.get("http://{}:{}/".format(*unused_address()))
    assert proxy.exchanges == []


def test_a_host_that_cannot_be(client: type[Client], proxy: Server) -> None:
    with client(proxy.url) as http, pytest.raises(client.impossible):
        http.get("http://" + ".".join(["n" * 60] * 5) + "/")
    assert proxy.exchanges == []


def test_a_chain(client: type[Client], proxy: Server, port: int) -> None:
    with Server() as first:
        with client([first.url, proxy.url]) as http:
            assert http.get(f"http://origin.test:{port}/") == f"origin.test:{port} /"
        assert [(request.host, request.port) for request in first.requests] == [proxy.address]
    assert [request.host for request in proxy.requests] == ["origin.test"]


def test_tls_to_the_proxy(
    client: type[Client], tls_port: int, ca_file: Path, server_context: ssl.SSLContext
) -> None:
    trusted = ssl.create_default_context(cafile=ca_file)
    trusted.check_hostname = False
    with Server(ssl_context=server_context, names={"origin.test": "127.0.0.1"}) as server:
        proxy = Proxy.from_url(server.url_as("socks5h+tls"), ssl_context=trusted)
        with client(proxy, ca_file) as http:
            for _ in range(2):
                assert http.get(f"https://origin.test:{tls_port}/") == f"origin.test:{tls_port} /"
        assert [request.host for request in server.requests] == ["origin.test"]


def open_fds() -> list[str]:
    return sorted(os.listdir("/proc/self/fd"))


def test_a_real_proxy_and_no_fd_left(
    client: type[Client], danted: RealProxy, origin: Origin
) -> None:
    """Both servers are processes of their own, so that whatever is open here is the client's."""

    def session() -> None:
        with client(danted.url, origin.ca_file) as http:
            assert http.get(origin.http_url + "/") == http.get(origin.https_url + "/")
            with pytest.raises(client.unreachable) as caught:
                http.get("http://{}:{}/".format(*unused_address()))
            assert isinstance(client.cause(caught.value), ConnectionRefusedError)

    session()
    before = open_fds()
    session()
    assert open_fds() == before
