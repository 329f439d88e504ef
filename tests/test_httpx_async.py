"""The async httpx transport, and below it the httpcore backend, on every library that runs them."""

from __future__ import annotations

import os
import socket
import ssl
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import httpcore
import httpx
import pytest

import socks5client
from socks5client import GSSAPI, Proxy
from socks5client.httpcore import AsyncSocks5Backend
from socks5client.httpx import AsyncSocks5Transport
from tests.libraries import LIBRARIES, nothing_left_open
from tests.origins import Page, unused_address, web_server
from tests.server_fixture import CATALOGUE, Fault, Server, drip, stall
from tests.standalone import run_example

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import trustme

    from tests.libraries import Run
    from tests.real_servers import Origin

MEGABYTES = 3_000_000


class Handler(Page):
    """Tells who asked for what; knows a few ways to go wrong."""

    def do_GET(self) -> None:
        if self.path == "/stall":
            self.rfile.read(1)
        elif self.path == "/large":
            self.answer(b"x" * MEGABYTES)
        else:
            self.answer(f"{self.headers['Host']} {self.path}".encode())

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))


@pytest.fixture(params=LIBRARIES.values(), ids=list(LIBRARIES))
def run(request: pytest.FixtureRequest) -> Run:
    """Runs an async function, on each library in turn."""
    function: Run = request.param
    return function


@pytest.fixture(scope="module")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("origin.test", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with web_server(Handler) as (_, number):
        yield number


@pytest.fixture(scope="module")
def tls_port(server_tls: ssl.SSLContext) -> Iterator[int]:
    with web_server(Handler, server_tls) as (_, number):
        yield number


@pytest.fixture
def proxy() -> Iterator[Server]:
    """Nothing is left open at it in the end."""
    with Server(names={"origin.test": "127.0.0.1"}) as server:
        yield server
        server.wait_idle()


def client_of(proxy: Any, timeout: Any = 10, **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=AsyncSocks5Transport(proxy, **options), timeout=timeout)


async def get(proxy: Any, url: str, timeout: Any = 10, **options: Any) -> httpx.Response:
    async with client_of(proxy, timeout, **options) as client:
        return await client.get(url)


# What works


def test_http(run: Run, proxy: Server, port: int) -> None:
    response = run(partial(get, proxy.url, f"http://origin.test:{port}/page"))
    assert response.text == f"origin.test:{port} /page"
    assert (proxy.requests[0].host, proxy.requests[0].port) == ("origin.test", port)


def test_https(run: Run, proxy: Server, tls_port: int, trusted: ssl.SSLContext) -> None:
    async def main() -> None:
        async with (
            client_of(proxy.url, verify=trusted) as client,
            client.stream("GET", f"https://origin.test:{tls_port}/large") as response,
        ):
            assert await response.aread() == b"x" * MEGABYTES
            stream = response.extensions["network_stream"]
            assert stream.get_extra_info("ssl_object").version() == "TLSv1.3"

    run(main)


@pytest.mark.parametrize("http2", [False, True])
def test_real_servers(run: Run, full_proxy: str, origin: Origin, http2: bool) -> None:
    """Pages, and bodies both ways, many at a time."""
    body = os.urandom(1_000_000)

    async def main() -> None:
        async def one(number: int) -> None:
            path = f"{origin.https_url}{origin.uploads}{number}"
            assert (await client.put(path, content=body)).status_code in (201, 204)
            response = await client.get(path)
            assert response.content == body
            assert response.http_version == ("HTTP/2" if http2 else "HTTP/1.1")

        context = ssl.create_default_context(cafile=origin.ca_file)
        async with (
            client_of(full_proxy, verify=context, http2=http2) as client,
            anyio.create_task_group() as group,
        ):
            for number in range(8):
                group.start_soon(one, number)

    if origin.uploads is None:
        pytest.skip("this nginx takes no uploads")
    run(main)


def test_keep_alive(run: Run, proxy: Server, port: int) -> None:
    async def main() -> None:
        async with client_of(proxy.url) as client:
            for _ in range(5):
                await client.get(f"http://origin.test:{port}/")
            assert len(proxy.requests) == 1
            await client.get(f"http://127.0.0.1:{port}/")
            assert len(proxy.requests) == 2

    run(main)


def test_pool_limits(run: Run, proxy: Server, port: int) -> None:
    """With one connection the second request waits for it, or for the pool's timeout."""
    url = f"http://127.0.0.1:{port}/"
    limits = httpx.Limits(max_connections=1)

    async def main() -> None:
        async with (
            client_of(proxy.url, limits=limits) as client,
            anyio.create_task_group() as group,
        ):
            for _ in range(10):
                group.start_soon(client.get, url)
        assert len(proxy.requests) == 1
        timeout = httpx.Timeout(30, pool=0.05)
        async with (
            client_of(proxy.url, timeout, limits=limits) as client,
            client.stream("GET", url),
        ):
            with pytest.raises(httpx.PoolTimeout):
                await client.get(url)

    run(main)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_streaming(
    run: Run, proxy: Server, port: int, tls_port: int, trusted: ssl.SSLContext, scheme: str
) -> None:
    """Up in pieces, down in pieces, more than any buffer holds."""
    piece = os.urandom(100_000)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield piece

    async def main() -> None:
        url = f"{scheme}://origin.test:{port if scheme == 'http' else tls_port}/"
        headers = {"Content-Length": "3000000"}
        async with (
            client_of(proxy.url, verify=trusted) as client,
            client.stream("POST", url, content=pieces(), headers=headers) as response,
        ):
            assert b"".join([part async for part in response.aiter_bytes()]) == piece * 30
        async with (
            client_of(proxy.url, verify=trusted) as client,
            client.stream("POST", url, content=piece * 30) as response,
        ):
            assert len(await response.aread()) == 3_000_000

    run(main)


def test_tls_to_the_proxy(
    run: Run, port: int, tls_port: int, server_tls: ssl.SSLContext, trusted: ssl.SSLContext
) -> None:
    with Server(names={"origin.test": "127.0.0.1"}, ssl_context=server_tls) as server:
        proxy = Proxy.from_url(server.url_as("socks5h+tls"), ssl_context=trusted)
        for url in (f"http://origin.test:{port}/", f"https://origin.test:{tls_port}/"):
            assert run(partial(get, proxy, url, verify=trusted)).status_code == 200
        server.wait_idle()


@pytest.mark.usefixtures("kerberos")
def test_gssapi(run: Run, tls_port: int, trusted: ssl.SSLContext) -> None:
    with Server(methods=(1,), names={"origin.test": "127.0.0.1"}) as server:
        proxy = Proxy(server.host, server.port, auth=GSSAPI(hostname="localhost"))
        response = run(partial(get, proxy, f"https://origin.test:{tls_port}/large", verify=trusted))
        assert response.content == b"x" * MEGABYTES
        server.wait_idle()
        assert [one.gss_level for one in server.requests] == [2]


def test_local_address_and_socket_options(run: Run, proxy: Server, port: int) -> None:
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]

    async def main() -> None:
        async with (
            client_of(proxy.url, local_address="127.0.0.9", socket_options=options) as client,
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

    run(main)


@pytest.mark.parametrize(
    ("environment", "trust_env", "no_proxy", "through_proxy"),
    [
        ("127.0.0.1", True, None, False),
        ("127.0.0.1", False, None, True),
        ("127.0.0.1", True, "", True),
        ("", True, "127.0.0.0/8", False),
        ("other.test", True, None, True),
        ("", True, socks5client.Bypass("*"), False),
    ],
)
def test_no_proxy(
    run: Run,
    proxy: Server,
    port: int,
    monkeypatch: pytest.MonkeyPatch,
    environment: str,
    trust_env: bool,
    no_proxy: Any,
    through_proxy: bool,
) -> None:
    monkeypatch.setenv("no_proxy", environment)
    options = {"trust_env": trust_env, "no_proxy": no_proxy}
    run(partial(get, proxy.url, f"http://127.0.0.1:{port}/", **options))
    assert len(proxy.exchanges) == through_proxy


def test_what_is_not_bypassed_never_goes_direct(run: Run, port: int) -> None:
    with pytest.raises(httpx.ProxyError):
        run(partial(get, "socks5h://{}:{}".format(*unused_address()), f"http://127.0.0.1:{port}/"))


def test_retries(run: Run, port: int) -> None:
    faults = [Fault("reply", CATALOGUE["reply-code-5"].action, connections={0})]
    with Server(faults=faults) as server:
        response = run(partial(get, server.url, f"http://127.0.0.1:{port}/", retries=1))
        assert response.status_code == 200
        assert len(server.exchanges) == 2


def test_trace(run: Run, proxy: Server, port: int) -> None:
    told: list[str] = []

    def trace(_: Proxy, message: object) -> None:
        told.append(type(message).__name__)

    run(partial(get, proxy.url, f"http://127.0.0.1:{port}/", trace=trace))
    assert told[0] == "Connected"
    assert told[-1] == "Reply"


def test_without_sniffio(proxy: Server, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which trio depends on, and asyncio does not."""
    monkeypatch.setitem(sys.modules, "sniffio", None)
    response = LIBRARIES["asyncio"](partial(get, proxy.url, f"http://127.0.0.1:{port}/"))
    assert response.status_code == 200
    assert len(proxy.requests) == 1


def test_unix_sockets_are_local(run: Run, proxy: Server, tmp_path: Any) -> None:
    path = str(tmp_path / "origin")

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def main() -> None:
        backend = AsyncSocks5Backend(proxy.url)
        async with httpcore.AsyncConnectionPool(uds=path, network_backend=backend) as pool:
            assert (await pool.request("GET", "http://origin.test/")).content == b"ok"

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        run(main)
        thread.join()
    assert proxy.exchanges == []
    with pytest.raises(TypeError, match="uds"):
        AsyncSocks5Transport(proxy.url, uds=path)  # type: ignore[call-arg]


# What goes wrong


def test_certificates_are_checked(run: Run, proxy: Server, tls_port: int) -> None:
    with pytest.raises(httpx.ConnectError, match="certificate"):
        run(partial(get, proxy.url, f"https://origin.test:{tls_port}/"))


def test_what_the_proxy_reports_is_a_connect_error(run: Run, proxy: Server) -> None:
    with nothing_left_open():
        with pytest.raises(httpx.ConnectError) as caught:
            run(partial(get, proxy.url, "http://{}:{}/".format(*unused_address())))
        assert isinstance(caught.value.__cause__, socks5client.ConnectionRefused)
        proxy.wait_idle()


def test_refused_credentials(run: Run, port: int) -> None:
    with Server(users={"alice": "secret"}) as server, pytest.raises(httpx.ProxyError) as caught:
        run(partial(get, server.url_as(user_info="alice:wrong@"), f"http://127.0.0.1:{port}/"))
    assert isinstance(caught.value.__cause__, socks5client.AuthenticationError)
    for error in (caught.value, caught.value.__cause__):
        assert "wrong" not in f"{error} {error!r} {vars(error)}"
        assert "alice" not in f"{error} {error!r} {vars(error)}"


@pytest.mark.parametrize("fault", [Fault("method", stall()), Fault("reply", drip(0.25))])
def test_connect_timeout_is_for_the_whole_handshake(run: Run, port: int, fault: Fault) -> None:
    timeout = httpx.Timeout(30, connect=0.3)
    with nothing_left_open(), Server(faults=[fault]) as server:
        begun = time.monotonic()
        with pytest.raises(httpx.ConnectTimeout) as caught:
            run(partial(get, server.url, f"http://127.0.0.1:{port}/", timeout))
        assert time.monotonic() - begun < 3
        assert isinstance(caught.value.__cause__, socks5client.HandshakeTimeout)


def test_read_timeout(run: Run, proxy: Server, port: int) -> None:
    with pytest.raises(httpx.ReadTimeout):
        run(partial(get, proxy.url, f"http://127.0.0.1:{port}/stall", httpx.Timeout(30, read=0.1)))


# The example


@pytest.mark.parametrize("library", [[], ["--trio"]], ids=["asyncio", "trio"])
def test_example(
    proxy: Server, port: int, monkeypatch: pytest.MonkeyPatch, library: list[str]
) -> None:
    """Of three hosts one is direct by `mounts`, one by NO_PROXY, one is left to the proxy."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    urls = [f"http://{host}:{port}/" for host in ("origin.test", "localhost", "127.0.0.1")]
    done = run_example("httpx_mounts", proxy.url, *library, "--direct", "localhost", *urls)
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(done.stdout.decode().split()[::4]) == sorted(urls)
    assert [request.host for request in proxy.requests] == ["origin.test"]


def test_example_says_what_is_wrong(proxy: Server) -> None:
    done = run_example("httpx_mounts", proxy.url, "http://unknown.test/")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(
        b"httpx_mounts: http://unknown.test/: [Errno 113] host unreachable"
    )
    assert done.stderr.count(b"\n") == 1
