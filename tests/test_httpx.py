"""The httpx transport, and below it the httpcore backend."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

import httpcore
import httpx
import pytest

import socks5client
from socks5client.httpcore import Socks5Backend
from socks5client.httpx import Socks5Transport
from tests.origins import Page, unused_address, web_server
from tests.server_fixture import CATALOGUE, Fault, Server, drip, stall

if TYPE_CHECKING:
    from collections.abc import Iterator

    import trustme


class Handler(Page):
    """Tells who asked for what; knows a few ways to go wrong."""

    def do_GET(self) -> None:
        if self.path == "/stall":
            self.rfile.read(1)
        elif self.path == "/short":
            self.answer(b"x", length=100)
            self.close_connection = True
        else:
            self.answer(f"{self.headers['Host']} {self.path}".encode())

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with web_server(Handler) as (_, number):
        yield number


@pytest.fixture(scope="module")
def tls_port(authority: trustme.CA) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("origin.test").configure_cert(context)
    with web_server(Handler, context) as (_, number):
        yield number


@pytest.fixture
def proxy() -> Iterator[Server]:
    with Server(names={"origin.test": "127.0.0.1"}) as server:
        yield server


def test_http(proxy: Server, port: int) -> None:
    with httpx.Client(transport=Socks5Transport(proxy.url)) as client:
        response = client.get(f"http://origin.test:{port}/page")
        assert response.text == f"origin.test:{port} /page"
        assert response.http_version == "HTTP/1.1"
        assert (proxy.requests[0].host, proxy.requests[0].port) == ("origin.test", port)


def test_keep_alive(proxy: Server, port: int) -> None:
    with httpx.Client(transport=Socks5Transport(proxy.url)) as client:
        for _ in range(5):
            client.get(f"http://origin.test:{port}/")
        assert len(proxy.requests) == 1
        client.get(f"http://127.0.0.1:{port}/")
        assert len(proxy.requests) == 2
    proxy.wait_idle()


def test_https(proxy: Server, tls_port: int, trusted: ssl.SSLContext) -> None:
    with httpx.Client(transport=Socks5Transport(proxy.url, verify=trusted)) as client:
        assert client.get(f"https://origin.test:{tls_port}/").status_code == 200
        with pytest.raises(httpx.ConnectError, match="certificate"):
            client.get(f"https://127.0.0.1:{tls_port}/")
    proxy.wait_idle()


def test_certificate_that_is_not_trusted(proxy: Server, tls_port: int) -> None:
    with (
        httpx.Client(transport=Socks5Transport(proxy.url)) as client,
        pytest.raises(httpx.ConnectError, match="certificate"),
    ):
        client.get(f"https://origin.test:{tls_port}/")
    with httpx.Client(transport=Socks5Transport(proxy.url, verify=False)) as client:
        assert client.get(f"https://origin.test:{tls_port}/").status_code == 200
    proxy.wait_idle()


def test_upload_and_streaming(proxy: Server, port: int) -> None:
    body = b"x" * 2_000_000
    with (
        httpx.Client(transport=Socks5Transport(proxy.url)) as client,
        client.stream("POST", f"http://origin.test:{port}/", content=body) as response,
    ):
        assert b"".join(response.iter_bytes()) == body


def test_a_body_cut_short(proxy: Server, port: int) -> None:
    with (
        httpx.Client(transport=Socks5Transport(proxy.url)) as client,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        client.get(f"http://origin.test:{port}/short")


def test_credentials_are_never_shared(port: int) -> None:
    users = {"alice": "a", "bob": "b"}
    with Server(users=users) as server:
        place = f"{server.host}:{server.port}"
        with (
            httpx.Client(transport=Socks5Transport(f"socks5h://alice:a@{place}")) as alice,
            httpx.Client(transport=Socks5Transport(f"socks5h://bob:b@{place}")) as bob,
        ):
            for _ in range(2):
                alice.get(f"http://127.0.0.1:{port}/")
                bob.get(f"http://127.0.0.1:{port}/")
        assert [exchange.username for exchange in server.requests] == [b"alice", b"bob"]


def test_the_proxy_is_looked_up_once(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A default that changes later must not change whose credentials a pool uses."""
    with Server() as server, Server() as other:
        monkeypatch.setenv("SOCKS5CLIENT_PROXY", server.url)
        with httpx.Client(transport=Socks5Transport()) as client:
            monkeypatch.setenv("SOCKS5CLIENT_PROXY", other.url)
            client.get(f"http://127.0.0.1:{port}/")
        assert (len(server.requests), len(other.requests)) == (1, 0)


REPLY_CODES = [1, 2, 3, 4, 5, 6, 7, 8, 0xF0, 0x63]


@pytest.mark.parametrize("code", REPLY_CODES)
def test_what_the_proxy_reports_is_a_connect_error(port: int, code: int) -> None:
    with (
        Server(faults=[CATALOGUE[f"reply-code-{code}"]]) as server,
        httpx.Client(transport=Socks5Transport(server.url)) as client,
    ):
        with pytest.raises(httpx.ConnectError) as caught:
            client.get(f"http://127.0.0.1:{port}/")
        assert isinstance(caught.value.__cause__, socks5client.ReplyError)
        assert caught.value.__cause__.code == code
        assert caught.value.request.url.port == port
        server.wait_idle()


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("method-not-offered", socks5client.NoAcceptableMethodError),
        ("no-acceptable", socks5client.NoAcceptableMethodError),
        ("garbage-method", socks5client.RemoteProtocolError),
        ("garbage-reply", socks5client.RemoteProtocolError),
        ("unknown-atyp", socks5client.RemoteProtocolError),
    ],
)
def test_what_the_proxy_does_wrong_is_a_proxy_error(
    port: int, name: str, cause: type[Exception]
) -> None:
    with (
        Server(faults=[CATALOGUE[name]]) as server,
        httpx.Client(transport=Socks5Transport(server.url)) as client,
    ):
        with pytest.raises(httpx.ProxyError) as caught:
            client.get(f"http://127.0.0.1:{port}/")
        assert isinstance(caught.value.__cause__, cause)
        server.wait_idle()


def test_refused_credentials(port: int) -> None:
    with (
        Server(users={"alice": "secret"}) as server,
        httpx.Client(
            transport=Socks5Transport(f"socks5h://alice:wrong@{server.host}:{server.port}")
        ) as client,
        pytest.raises(httpx.ProxyError) as caught,
    ):
        client.get(f"http://127.0.0.1:{port}/")
    assert isinstance(caught.value.__cause__, socks5client.AuthenticationError)
    assert "wrong" not in str(caught.value)


def test_nobody_listens_at_the_proxy(port: int) -> None:
    host, proxy_port = unused_address()
    with (
        httpx.Client(transport=Socks5Transport(f"socks5h://{host}:{proxy_port}")) as client,
        pytest.raises(httpx.ProxyError) as caught,
    ):
        client.get(f"http://127.0.0.1:{port}/")
    assert isinstance(caught.value.__cause__, socks5client.ProxyConnectionError)


def test_name_that_is_not_known_here(
    proxy: Server, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def getaddrinfo(*args: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socks5client.tunnel.dial._getaddrinfo", getaddrinfo)
    transport = Socks5Transport(proxy.url.replace("socks5h", "socks5"))
    with (
        httpx.Client(transport=transport) as client,
        pytest.raises(httpx.ConnectError, match="Name or service not known"),
    ):
        client.get(f"http://unknown.test:{port}/")


@pytest.mark.parametrize("fault", [Fault("method", stall()), Fault("reply", drip(0.25))])
def test_connect_timeout_is_for_the_whole_handshake(port: int, fault: Fault) -> None:
    timeout = httpx.Timeout(30, connect=0.3)
    with (
        Server(faults=[fault]) as server,
        httpx.Client(transport=Socks5Transport(server.url), timeout=timeout) as client,
    ):
        begun = time.monotonic()
        with pytest.raises(httpx.ConnectTimeout) as caught:
            client.get(f"http://127.0.0.1:{port}/")
        assert time.monotonic() - begun < 3
        assert isinstance(caught.value.__cause__, socks5client.HandshakeTimeout)
        server.wait_idle()


def test_read_timeout(proxy: Server, port: int) -> None:
    timeout = httpx.Timeout(30, read=0.1)
    with (
        httpx.Client(transport=Socks5Transport(proxy.url), timeout=timeout) as client,
        pytest.raises(httpx.ReadTimeout),
    ):
        client.get(f"http://127.0.0.1:{port}/stall")


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_write_timeout(proxy: Server) -> None:
    """A server that accepts, and reads nothing."""
    timeout = httpx.Timeout(30, write=0.1)
    with (
        listening() as listener,
        httpx.Client(transport=Socks5Transport(proxy.url), timeout=timeout) as client,
        pytest.raises(httpx.WriteTimeout),
    ):
        address = "http://{}:{}/".format(*listener.getsockname())
        client.post(address, content=b"x" * 50_000_000)


def test_write_error(proxy: Server) -> None:
    """A server that resets while it is sent to."""

    def serve() -> None:
        client, _ = listener.accept()
        client.recv(1)
        client.close()  # with data unread, which is a reset

    with listening() as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        with (
            httpx.Client(transport=Socks5Transport(proxy.url)) as client,
            # httpcore looks for an answer before it gives up.
            pytest.raises((httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError)),
        ):
            address = "http://{}:{}/".format(*listener.getsockname())
            client.post(address, content=b"x" * 50_000_000)
        thread.join()


def test_tls_that_stalls(proxy: Server) -> None:
    timeout = httpx.Timeout(30, connect=0.3)
    with (
        listening() as listener,
        httpx.Client(transport=Socks5Transport(proxy.url), timeout=timeout) as client,
        pytest.raises(httpx.ConnectTimeout),
    ):
        client.get("https://{}:{}/".format(*listener.getsockname()))
    proxy.wait_idle()


def test_retries(port: int) -> None:
    faults = [Fault("reply", CATALOGUE["reply-code-5"].action, connections={0, 1})]
    with (
        Server(faults=faults) as server,
        httpx.Client(transport=Socks5Transport(server.url, retries=2)) as client,
    ):
        assert client.get(f"http://127.0.0.1:{port}/").status_code == 200
        assert len(server.exchanges) == 3


def test_limits(proxy: Server, port: int) -> None:
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
    timeout = httpx.Timeout(30, pool=0.05)
    with httpx.Client(
        transport=Socks5Transport(proxy.url, limits=limits), timeout=timeout
    ) as client:
        client.get(f"http://127.0.0.1:{port}/")
        client.get(f"http://127.0.0.1:{port}/")
        assert len(proxy.requests) == 2
        with (
            client.stream("GET", f"http://127.0.0.1:{port}/"),
            pytest.raises(httpx.PoolTimeout),
        ):
            client.get(f"http://127.0.0.1:{port}/")


def test_local_address_and_socket_options(proxy: Server, port: int) -> None:
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    transport = Socks5Transport(proxy.url, local_address="127.0.0.9", socket_options=options)
    with (
        httpx.Client(transport=transport) as client,
        client.stream("GET", f"http://127.0.0.1:{port}/") as response,
    ):
        stream = response.extensions["network_stream"]
        sock = stream.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert stream.get_extra_info("client_addr")[0] == "127.0.0.9"
        assert stream.get_extra_info("server_addr") == proxy.address
        assert stream.get_extra_info("ssl_object") is None
        assert stream.get_extra_info("unheard of") is None
    assert proxy.exchanges[0].peer[0] == "127.0.0.9"  # type: ignore[index]


@pytest.mark.parametrize(
    ("environment", "trust_env", "no_proxy", "through_proxy"),
    [
        ("127.0.0.1", True, None, False),
        ("127.0.0.1", False, None, True),
        ("127.0.0.1", True, "", True),
        ("", True, "127.0.0.0/8", False),
        ("*", True, None, False),
        ("other.test", True, None, True),
        ("", True, socks5client.Bypass("*"), False),
    ],
)
def test_no_proxy(
    proxy: Server,
    port: int,
    monkeypatch: pytest.MonkeyPatch,
    environment: str,
    trust_env: bool,
    no_proxy: Any,
    through_proxy: bool,
) -> None:
    monkeypatch.setenv("no_proxy", environment)
    transport = Socks5Transport(proxy.url, trust_env=trust_env, no_proxy=no_proxy)
    with httpx.Client(transport=transport) as client:
        assert client.get(f"http://127.0.0.1:{port}/").status_code == 200
    assert len(proxy.exchanges) == through_proxy


def test_direct(port: int) -> None:
    with httpx.Client(transport=Socks5Transport(socks5client.DIRECT)) as client:
        assert client.get(f"http://127.0.0.1:{port}/").status_code == 200


@pytest.mark.parametrize("proxy_url", ["http://a", "", "socks5h://a:b"])
def test_malformed_proxy(proxy_url: str) -> None:
    with pytest.raises(ValueError, match="proxy URL"):
        Socks5Transport(proxy_url)


def test_host_that_cannot_be_is_refused_before_any_io(proxy: Server) -> None:
    with (
        httpcore.ConnectionPool(network_backend=Socks5Backend(proxy.url)) as pool,
        pytest.raises(ValueError, match="256 bytes"),
    ):
        pool.request("GET", "http://" + "n" * 256 + "/")
    assert proxy.exchanges == []


def test_trace(proxy: Server, port: int) -> None:
    told: list[Any] = []
    transport = Socks5Transport(proxy.url, trace=lambda *event: told.append(event))
    with httpx.Client(transport=transport) as client:
        client.get(f"http://127.0.0.1:{port}/")
    names = [type(message).__name__ for _, message in told]
    assert names == [
        "Connected",
        "MethodOffer",
        "MethodSelection",
        "Authenticated",
        "Request",
        "Reply",
    ]
    assert {str(hop) for hop, _ in told} == {proxy.url}


def test_a_server_that_closes_an_idle_connection(proxy: Server) -> None:
    """The pool sees it and opens another, instead of failing the next request."""
    idle = threading.Event()

    def serve() -> None:
        for _ in range(2):
            client, _ = listener.accept()
            with client:
                client.recv(65536)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                idle.wait(10)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=serve)
        thread.start()
        address = "http://127.0.0.1:{1}/".format(*listener.getsockname())
        with httpx.Client(transport=Socks5Transport(proxy.url)) as client:
            response = client.get(address)
            stream = response.extensions["network_stream"]
            assert response.text == "ok"
            assert not stream.get_extra_info("is_readable")
            idle.set()
            sock = stream.get_extra_info("socket")
            sock.settimeout(10)
            assert sock.recv(1, socket.MSG_PEEK) == b""  # the close has arrived
            assert stream.get_extra_info("is_readable")
            assert client.get(address).text == "ok"
        assert stream.get_extra_info("is_readable")  # closed counts as readable
        thread.join()
    assert len(proxy.requests) == 2


def test_unix_sockets_are_local(proxy: Server, tmp_path: Any) -> None:
    path = str(tmp_path / "origin")
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            client.recv(65536)
            client.sendall(answer)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        with httpcore.ConnectionPool(uds=path, network_backend=Socks5Backend(proxy.url)) as pool:
            assert pool.request("GET", "http://origin.test/").content == b"ok"
        thread.join()
    assert proxy.exchanges == []
