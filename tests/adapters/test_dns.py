"""dnspython's resolvers through a proxy: UDP, truncation, TCP, on every kind of loop."""

from __future__ import annotations

import asyncio
import os
import traceback
from typing import TYPE_CHECKING, Any

import dns.asyncbackend
import dns.exception
import dns.nameserver
import dns.resolver
import pytest
import trio

import socks5client
from socks5client import DIRECT
from socks5client.dns import Socks5AsyncResolver, Socks5Nameserver, Socks5Resolver
from tests.origins import unused_address
from tests.server_fixture import CATALOGUE, Fault, Server, stall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.real_servers import NameServer, RealProxy

    # Takes what the resolver takes, then what its `resolve` takes.
    Ask = Callable[..., dns.resolver.Answer]

CONNECT, UDP_ASSOCIATE = 1, 3
# Addresses for documentation: only the proxy finds something there.
HIDDEN, HIDDEN6 = "192.0.2.53", "2001:db8::53"


def ask_sync(*args: Any, question: tuple[str, str], **kwargs: Any) -> dns.resolver.Answer:
    lifetime = kwargs.pop("lifetime", 10)
    return Socks5Resolver(*args, **kwargs).resolve(*question, lifetime=lifetime)


async def ask(
    backend: str, args: Any, kwargs: Any, question: tuple[str, str], lifetime: float
) -> dns.resolver.Answer:
    resolver = Socks5AsyncResolver(*args, **kwargs)
    loop = dns.asyncbackend.get_backend(backend)
    return await resolver.resolve(*question, lifetime=lifetime, backend=loop)


def ask_asyncio(*args: Any, question: tuple[str, str], **kwargs: Any) -> dns.resolver.Answer:
    return asyncio.run(ask("asyncio", args, kwargs, question, kwargs.pop("lifetime", 10)))


def ask_trio(*args: Any, question: tuple[str, str], **kwargs: Any) -> dns.resolver.Answer:
    return trio.run(ask, "trio", args, kwargs, question, kwargs.pop("lifetime", 10))


@pytest.fixture(params=[ask_sync, ask_asyncio, ask_trio], ids=["sync", "asyncio", "trio"])
def resolve(request: pytest.FixtureRequest) -> Ask:
    """Each kind of resolver, in turn."""
    function: Ask = request.param
    return function


@pytest.fixture
def proxy(name_server: NameServer) -> Iterator[Server]:
    place = name_server.host, name_server.port
    routes = {(HIDDEN, 53): place, (HIDDEN6, 53): place}
    with Server(routes=routes) as server:
        yield server
        server.wait_idle()


A, BIG = ("name.test", "A"), ("big.test", "TXT")


@pytest.mark.parametrize("server", [HIDDEN, HIDDEN6])
def test_udp(resolve: Ask, proxy: Server, name_server: NameServer, server: str) -> None:
    answer = resolve(server, proxy=proxy.url, question=A)
    assert [record.address for record in answer] == [name_server.names["name.test"]]
    assert (answer.nameserver, answer.port) == (server, 53)
    (exchange,) = proxy.exchanges
    assert exchange.command == UDP_ASSOCIATE
    (datagram,) = exchange.datagrams_up
    assert (datagram.host, datagram.port) == (server, 53)


def test_tcp_where_the_answer_is_truncated(
    resolve: Ask, proxy: Server, name_server: NameServer
) -> None:
    (record,) = resolve(HIDDEN, proxy=proxy.url, question=BIG)
    assert tuple(text.decode() for text in record.strings) == name_server.texts["big.test"]
    assert [exchange.command for exchange in proxy.requests] == [UDP_ASSOCIATE, CONNECT]
    assert (proxy.requests[1].host, proxy.requests[1].port) == (HIDDEN, 53)


def test_a_proxy_without_udp(resolve: Ask, name_server: NameServer) -> None:
    with Server(commands=[CONNECT]) as server:
        place = {"proxy": server.url, "port": name_server.port}
        with pytest.raises(dns.resolver.NoNameservers) as caught:
            resolve(name_server.host, question=A, **place)
        (failure,) = caught.value.kwargs["errors"]
        assert isinstance(failure[3], socks5client.CommandNotSupported)
        answer = resolve(name_server.host, question=A, tcp=True, **place)
        assert [record.address for record in answer] == [name_server.names["name.test"]]
        assert server.requests[-1].command == CONNECT
        server.wait_idle()


def test_names_that_do_not_exist(resolve: Ask, proxy: Server) -> None:
    with pytest.raises(dns.resolver.NXDOMAIN):
        resolve(HIDDEN, proxy=proxy.url, question=("missing.test", "A"))
    assert len(proxy.requests) == 1


def test_the_next_name_server(resolve: Ask, proxy: Server, name_server: NameServer) -> None:
    """By TCP, where that nobody listens is told."""
    host, port = unused_address()
    dead = Socks5Nameserver(host, port, proxy=proxy.url, tcp=True)
    answer = resolve([dead, HIDDEN], proxy=proxy.url, question=A)
    assert [record.address for record in answer] == [name_server.names["name.test"]]
    assert [exchange.command for exchange in proxy.requests] == [CONNECT, UDP_ASSOCIATE]


@pytest.mark.parametrize("tcp", [False, True])
def test_nobody_listens_at_the_proxy(resolve: Ask, tcp: bool) -> None:
    url = "socks5h://{}:{}".format(*unused_address())
    with pytest.raises(dns.resolver.NoNameservers) as caught:
        resolve(HIDDEN, proxy=url, tcp=tcp, question=A)
    (failure,) = caught.value.kwargs["errors"]
    assert isinstance(failure[3], socks5client.ProxyConnectionError)


@pytest.mark.parametrize("tcp", [False, True])
def test_a_proxy_that_stalls(resolve: Ask, tcp: bool) -> None:
    """It is what a name server that stalls is: asked again, until the lifetime has passed."""
    with Server(faults=[Fault("method", stall())]) as server:
        with pytest.raises(dns.resolver.LifetimeTimeout) as caught:
            resolve(HIDDEN, proxy=server.url, tcp=tcp, lifetime=0.5, question=A)
        failures = [failure[3] for failure in caught.value.kwargs["errors"]]
        assert failures
        assert all(isinstance(failure, dns.exception.Timeout) for failure in failures)
        assert isinstance(failures[0].__cause__, socks5client.HandshakeTimeout)
        server.wait_idle()


def test_a_name_server_that_says_nothing(resolve: Ask) -> None:
    """Datagrams to where nobody listens."""
    host, port = unused_address()
    with Server() as server:
        with pytest.raises(dns.resolver.LifetimeTimeout):
            resolve(host, port=port, proxy=server.url, lifetime=0.5, question=A)
        assert server.requests[0].datagrams_up
        server.wait_idle()


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("code", [None, 2])
def test_no_error_holds_credentials(resolve: Ask, tcp: bool, code: int | None) -> None:
    users = {"topsecretuser": "another" if code is None else "topsecretpassword"}
    faults = [] if code is None else [CATALOGUE[f"reply-code-{code}"]]
    host, port = unused_address()
    with Server(users=users, faults=faults) as server:
        url = server.url_as(user_info="topsecretuser:topsecretpassword@")
        with pytest.raises(dns.resolver.NoNameservers) as caught:
            resolve(host, port=port, proxy=url, tcp=tcp, question=A)
        (failure,) = caught.value.kwargs["errors"]
        assert isinstance(failure[3], PermissionError)
        text = "".join(traceback.format_exception(caught.value)) + repr(caught.value.kwargs)
        assert "topsecret" not in text
        server.wait_idle()


def test_direct(resolve: Ask, proxy: Server, name_server: NameServer) -> None:
    for tcp in (False, True):
        place = {"proxy": DIRECT, "port": name_server.port, "tcp": tcp}
        answer = resolve(name_server.host, question=A, **place)
        assert [record.address for record in answer] == [name_server.names["name.test"]]
    assert proxy.exchanges == []


def test_the_proxy_is_looked_up_once(proxy: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    resolver = Socks5Resolver(HIDDEN)
    monkeypatch.setenv("ALL_PROXY", "socks5h://{}:{}".format(*unused_address()))
    assert len(resolver.resolve("name.test")) == 1
    assert len(proxy.requests) == 1


def test_text_that_is_assigned_later_goes_through_the_proxy(
    proxy: Server, name_server: NameServer
) -> None:
    resolver = Socks5Resolver([], proxy=proxy.url)
    assert resolver.nameservers == []
    resolver.nameserver_ports = {name_server.host: name_server.port}
    resolver.nameservers = [name_server.host]
    assert len(resolver.resolve("name.test")) == 1
    assert [datagram.port for datagram in proxy.requests[0].datagrams_up] == [name_server.port]


def test_in_a_resolver_of_dnspython(proxy: Server) -> None:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [Socks5Nameserver(HIDDEN, proxy=proxy.url)]
    assert len(resolver.resolve("name.test")) == 1
    assert len(resolver.resolve_address("192.0.2.7")) == 1
    assert len(proxy.requests) == 2


@pytest.mark.parametrize("source", [{"source": "127.0.0.1"}, {"source_port": 5353}])
def test_a_source_is_refused(proxy: Server, source: dict[str, Any]) -> None:
    with pytest.raises(dns.resolver.NoNameservers, match="cannot be chosen"):
        Socks5Resolver(HIDDEN, proxy=proxy.url).resolve("name.test", **source)
    assert proxy.exchanges == []


@pytest.mark.parametrize("server", ["ns.test", "https://dns.test/dns-query", ""])
def test_what_is_no_address(proxy: Server, server: str) -> None:
    with pytest.raises(ValueError, match="no IP address"):
        Socks5Resolver(server, proxy=proxy.url)
    with pytest.raises(ValueError, match="no proxy is configured"):
        Socks5Resolver(HIDDEN)


def test_two_at_once(proxy: Server) -> None:
    """Each query has a socket of its own."""

    async def main() -> None:
        resolver = Socks5AsyncResolver(HIDDEN, proxy=proxy.url)
        backend = dns.asyncbackend.get_backend("asyncio")
        names = ("name.test", "other.test")
        queries = [resolver.resolve(name, backend=backend) for name in names]
        answers = await asyncio.gather(*queries)
        assert [answer[0].address for answer in answers] == ["192.0.2.7", "192.0.2.8"]

    asyncio.run(main())
    assert len(proxy.requests) == 2


def test_a_real_proxy_and_no_fd_left(
    resolve: Ask, danted: RealProxy, name_server: NameServer
) -> None:
    def session() -> None:
        for question in (A, BIG):
            place = {"proxy": danted.url, "port": name_server.port}
            assert len(resolve(name_server.host, question=question, **place)) == 1

    session()
    before = sorted(os.listdir("/proc/self/fd"))
    session()
    assert sorted(os.listdir("/proc/self/fd")) == before
