"""DNS over TLS and over HTTPS through a proxy, to a real server and to hostile ones."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, ClassVar

import dns.message
import dns.resolver
import pytest

import socks5client
from socks5client import DIRECT
from socks5client.dns import DoHNameserver, DoTNameserver, Resolver
from tests.dns.servers import dripping
from tests.origins import Page, unused_address, web_server
from tests.server_fixture import CATALOGUE, Fault, Server, stall

if TYPE_CHECKING:
    from collections.abc import Iterator

    import trustme

    from tests.dns.resolvers import Kind
    from tests.real_servers import RealProxy, Unbound

CONNECT = 1
A = ("name.test", "A")


@pytest.fixture
def proxy() -> Iterator[Server]:
    """It alone knows where dns.test is."""
    with Server(names={"dns.test": "127.0.0.1", "other.test": "127.0.0.1"}) as server:
        yield server
        server.wait_idle()


@pytest.fixture(params=["tls", "https"])
def scheme(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("dns.test", "127.0.0.1").configure_cert(context)
    return context


def url_of(server: Unbound, scheme: str, host: str) -> str:
    return url_at(server.tls if scheme == "tls" else server.https, scheme, host)


def url_at(port: int, scheme: str, host: str = "dns.test") -> str:
    return f"{scheme}://{host}:{port}{'/dns-query' if scheme == 'https' else ''}"


def failure_of(kind: Kind, *args: Any, **kwargs: Any) -> Any:
    """What the one name server comes to."""
    with pytest.raises(dns.resolver.NoNameservers) as caught:
        kind.resolve(*args, question=A, **kwargs)
    (failure,) = caught.value.kwargs["errors"]
    return failure[3]


@pytest.mark.parametrize("host", ["dns.test", "127.0.0.1"])
@pytest.mark.parametrize("question", [A, ("name.test", "AAAA"), ("text.test", "TXT")])
def test_an_answer(
    kind: Kind,
    proxy: Server,
    dns_server: Unbound,
    trusted: ssl.SSLContext,
    scheme: str,
    host: str,
    question: tuple[str, str],
) -> None:
    """The proxy looks the name up, whatever the scheme of its URL says."""
    url = url_of(dns_server, scheme, host)
    for proxy_url in (proxy.url, proxy.url_as("socks5")):
        found = kind.resolve(url, proxy=proxy_url, ssl_context=trusted, question=question)
        assert len(found) == 1
        assert found.rrset.ttl == 300
        assert (proxy.requests[-1].command, proxy.requests[-1].host) == (CONNECT, host)
    assert len(proxy.exchanges) == 2


def test_the_name_in_the_certificate(
    kind: Kind, proxy: Server, dns_server: Unbound, trusted: ssl.SSLContext
) -> None:
    url = url_of(dns_server, "tls", "other.test")
    options: dict[str, Any] = {"proxy": proxy.url, "ssl_context": trusted}
    assert kind.resolve(url + "#dns.test", question=A, **options)
    assert isinstance(failure_of(kind, url, **options), ssl.SSLCertVerificationError)
    assert isinstance(
        failure_of(kind, url_of(dns_server, "https", "other.test"), **options),
        ssl.SSLCertVerificationError,
    )


def test_a_certificate_that_nobody_vouches_for(
    kind: Kind, proxy: Server, dns_server: Unbound, scheme: str
) -> None:
    """Without a context of his own a user trusts whom the system trusts."""
    url = url_of(dns_server, scheme, "dns.test")
    assert isinstance(failure_of(kind, url, proxy=proxy.url), ssl.SSLCertVerificationError)


def test_a_real_proxy_and_no_fd_left(
    kind: Kind, danted: RealProxy, dns_server: Unbound, trusted: ssl.SSLContext, scheme: str
) -> None:
    def session() -> None:
        url = url_of(dns_server, scheme, "127.0.0.1")
        assert kind.resolve(url, proxy=danted.url, ssl_context=trusted, question=A)

    session()
    before = sorted(os.listdir("/proc/self/fd"))
    session()
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_direct(kind: Kind, dns_server: Unbound, trusted: ssl.SSLContext, scheme: str) -> None:
    url = url_of(dns_server, scheme, "127.0.0.1")
    assert kind.resolve(url, proxy=DIRECT, ssl_context=trusted, question=A)


def test_no_proxy_does_not_count(
    kind: Kind, proxy: Server, dns_server: Unbound, trusted: ssl.SSLContext, scheme: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, "*")
        url = url_of(dns_server, scheme, "127.0.0.1")
        assert kind.resolve(url, proxy=proxy.url, ssl_context=trusted, question=A)
    assert len(proxy.requests) == 1


# What may go wrong.


def test_the_proxys_errors(kind: Kind, scheme: str) -> None:
    with Server(faults=[CATALOGUE["reply-code-2"]]) as server:
        failure = failure_of(kind, url_at(853, scheme), proxy=server.url)
        assert isinstance(failure, socks5client.NotAllowed)
        server.wait_idle()
    url = "socks5h://{}:{}".format(*unused_address())
    failure = failure_of(kind, url_at(853, scheme), proxy=url)
    assert isinstance(failure, socks5client.ProxyConnectionError)


def test_no_error_holds_credentials(kind: Kind, scheme: str) -> None:
    with Server(users={"topsecretuser": "right"}) as server:
        proxy = server.url_as(user_info="topsecretuser:topsecretpassword@")
        failure = failure_of(kind, url_at(853, scheme), proxy=proxy)
        assert isinstance(failure, socks5client.AuthenticationError)
        assert "topsecret" not in f"{failure} {failure!r}"
        assert len(server.exchanges) == 1
        server.wait_idle()


def test_a_proxy_that_stalls(kind: Kind, scheme: str) -> None:
    with Server(faults=[Fault("reply", stall())]) as server:
        start = time.monotonic()
        with pytest.raises(dns.resolver.LifetimeTimeout):
            kind.resolve(url_at(853, scheme), proxy=server.url, question=A, lifetime=0.5)
        assert time.monotonic() - start < 1.5
        server.wait_idle()


STARTS = {
    "tls": b"\xff\xff",
    "https": b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n",
    "https, in the head": b"HTTP/1.1 200 OK\r\nX: ",
}


@pytest.mark.parametrize("start", STARTS)
def test_a_name_server_that_drips_does_not_put_off_the_end(
    kind: Kind,
    proxy: Server,
    server_context: ssl.SSLContext,
    trusted: ssl.SSLContext,
    start: str,
) -> None:
    with dripping(server_context, STARTS[start]) as port:
        url = url_at(port, start.partition(",")[0])
        begin = time.monotonic()
        with pytest.raises(dns.resolver.LifetimeTimeout):
            kind.resolve(url, proxy=proxy.url, ssl_context=trusted, question=A, lifetime=0.5)
        assert time.monotonic() - begin < 1.5


def test_a_web_server_that_speaks_no_http(
    kind: Kind, proxy: Server, server_context: ssl.SSLContext, trusted: ssl.SSLContext
) -> None:
    with dripping(server_context, b"junk\r\n\r\n") as port:
        failure = failure_of(kind, url_at(port, "https"), proxy=proxy.url, ssl_context=trusted)
        assert "HTTP with the name server failed" in str(failure)


def test_a_tls_handshake_that_stalls(kind: Kind, proxy: Server, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = url_at(listener.getsockname()[1], scheme)
        begin = time.monotonic()
        with pytest.raises(dns.resolver.LifetimeTimeout):
            kind.resolve(url, proxy=proxy.url, question=A, lifetime=0.5)
        assert time.monotonic() - begin < 1.5


class Web(Page):
    """Answers by what the path says, and notes what it was asked."""

    asked: ClassVar[list[Any]]

    def do_POST(self) -> None:
        query = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.path, dict(self.headers), query))
        if self.path == "/large":
            self.answer(b"x" * 70000)
        elif self.path == "/junk":
            self.answer(b"<html>sign in</html>")
        elif self.path.startswith("/good"):
            response = dns.message.make_response(dns.message.from_wire(query))
            self.answer(response.to_wire())
        else:
            self.send_response(int(self.path[1:]))
            self.send_header("Location", "/good")
            self.send_header("Content-Length", "0")
            self.end_headers()


@pytest.fixture(autouse=True)
def nothing_asked() -> None:
    Web.asked = []


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/503", "answered with HTTP status 503"),
        ("/302", "answered with HTTP status 302"),
        ("/large", "longer than 65535 bytes"),
        ("/junk", "DNS"),
    ],
)
def test_web_servers_that_are_no_name_servers(
    kind: Kind,
    proxy: Server,
    server_context: ssl.SSLContext,
    trusted: ssl.SSLContext,
    path: str,
    error: str,
) -> None:
    with web_server(Web, server_context) as (_, port):
        url = f"https://dns.test:{port}{path}"
        failure = failure_of(kind, url, proxy=proxy.url, ssl_context=trusted)
        assert error in str(failure)
    assert len(proxy.requests) == 1


def test_what_is_posted(
    kind: Kind, proxy: Server, server_context: ssl.SSLContext, trusted: ssl.SSLContext
) -> None:
    """Over HTTP/1.1, which unbound does not speak."""
    with web_server(Web, server_context) as (_, port):
        url = f"https://dns.test:{port}/good?id=1"
        resolver = kind.make(url, proxy=proxy.url, ssl_context=trusted)
        found = kind.call(resolver, "resolve", *A, raise_on_no_answer=False)
    assert found.nameserver == url
    assert found.port == port
    ((path, headers, query),) = Web.asked
    assert path == "/good?id=1"
    assert headers["Content-Type"] == headers["Accept"] == "application/dns-message"
    assert headers["Host"] == f"dns.test:{port}"
    assert dns.message.from_wire(query).question[0].to_text() == "name.test. IN A"


def test_the_missing_extra_is_one_clear_sentence() -> None:
    code = (
        "import dns.asyncresolver, sys; sys.modules['httpcore'] = None\n"  # which imports it, too
        "from socks5client.dns import Resolver\n"
        "Resolver('tls://dns.test', proxy='socks5h://127.0.0.1')\n"
        "Resolver('https://dns.test/', proxy='socks5h://127.0.0.1')"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.stderr.strip().splitlines()[-1] == (
        "ImportError: https:// name servers need httpcore: pip install 'socks5client[dns,httpx]'"
    )


def test_as_classes(proxy: Server, dns_server: Unbound, trusted: ssl.SSLContext) -> None:
    options: Any = {"proxy": proxy.url, "ssl_context": trusted}
    servers = [
        DoTNameserver("dns.test", dns_server.tls, **options),
        DoTNameserver("127.0.0.1", dns_server.tls, hostname="dns.test", **options),
        DoHNameserver(f"https://dns.test:{dns_server.https}/dns-query", **options),
    ]
    for server in servers:
        assert Resolver(server, proxy=proxy.url).addresses("four.test") == ["192.0.2.4"]
    assert [server.kind() for server in servers] == ["DoT", "DoT", "DoH"]
    assert str(servers[0]) == f"DoT:dns.test@{dns_server.tls}"
    assert all(server.is_always_max_size() for server in servers)
