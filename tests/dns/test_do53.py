"""UDP and TCP through a proxy, and which of the two: on every kind of loop."""

from __future__ import annotations

import asyncio
import os
import time
import traceback
from typing import TYPE_CHECKING, Any

import dns.asyncbackend
import dns.exception
import dns.message
import dns.nameserver
import dns.resolver
import pytest

import socks5client
from socks5client import DIRECT, Proxy
from socks5client.dns import AsyncResolver, Nameserver, Resolver
from tests.dns.resolvers import HIDDEN, HIDDEN6
from tests.dns.servers import answer, nothing
from tests.dns.servers import name_server as a_name_server
from tests.origins import unused_address
from tests.server_fixture import CATALOGUE, Fault, Server, close, delay, reply_code, stall

if TYPE_CHECKING:
    import ssl

    import trustme

    from tests.dns.resolvers import Kind
    from tests.real_servers import NameServer, RealProxy

CONNECT, UDP_ASSOCIATE = 1, 3
A, BIG = ("name.test", "A"), ("big.test", "TXT")


def commands(server: Server) -> list[int | None]:
    return [exchange.command for exchange in server.exchanges]


def failures(caught: pytest.ExceptionInfo[Any]) -> list[Any]:
    """What the name servers came to, of a resolver's error."""
    return [failure[3] for failure in caught.value.kwargs["errors"]]


@pytest.mark.parametrize("server", [HIDDEN, HIDDEN6])
def test_udp(kind: Kind, proxy: Server, name_server: NameServer, server: str) -> None:
    found = kind.resolve(server, proxy=proxy.url, question=A)
    assert [record.address for record in found] == [name_server.names["name.test"]]
    assert (found.nameserver, found.port) == (server, 53)
    assert 0 < found.response.time < 10
    (exchange,) = proxy.exchanges
    assert exchange.command == UDP_ASSOCIATE
    (datagram,) = exchange.datagrams_up
    assert (datagram.host, datagram.port) == (server, 53)


def test_tcp_where_the_answer_is_truncated(
    kind: Kind, proxy: Server, name_server: NameServer
) -> None:
    (record,) = kind.resolve(HIDDEN, proxy=proxy.url, question=BIG)
    assert tuple(text.decode() for text in record.strings) == name_server.texts["big.test"]
    assert commands(proxy) == [UDP_ASSOCIATE, CONNECT]
    assert (proxy.requests[1].host, proxy.requests[1].port) == (HIDDEN, 53)


# Tcp where there is no udp.

REFUSALS: dict[str, dict[str, Any]] = {
    "not supported": {"commands": [CONNECT]},
    "general failure": {"faults": [Fault("reply", reply_code(1).action, connections=[0])]},
    "not allowed": {"faults": [Fault("reply", reply_code(2).action, connections=[0])]},
    "hang-up": {"faults": [Fault("reply", close(), connections=[0])]},
    "two bytes, then a hang-up": {
        "faults": [Fault("reply", CATALOGUE["short-failure-2"].action, connections=[0])]
    },
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_proxy_that_refuses_udp(kind: Kind, refusal: str, name_server: NameServer) -> None:
    """It is not asked for it again."""
    with Server(**REFUSALS[refusal]) as server:
        resolver = kind.make(name_server.host, port=name_server.port, proxy=server.url)
        for name in ("name.test", "other.test"):
            (record,) = kind.call(resolver, "resolve", name)
            assert record.address == name_server.names[name]
        assert commands(server) == [UDP_ASSOCIATE, CONNECT, CONNECT]
        server.wait_idle()


def test_an_association_that_ends_at_once(kind: Kind) -> None:
    """As with a proxy whose UDP is switched off, but not its answer to the command."""
    with (
        a_name_server(nothing, answer("name.test. 60 IN A 192.0.2.1")) as (host, port, asked),
        Server(idle_timeout=0.05) as server,
    ):
        (record,) = kind.resolve(host, port=port, proxy=server.url, question=A)
        assert record.address == "192.0.2.1"
        assert asked == ["udp", "tcp"]
        assert commands(server) == [UDP_ASSOCIATE, CONNECT]
        server.wait_idle()


def test_a_proxy_that_is_spoken_to_by_tls(
    kind: Kind, name_server: NameServer, authority: trustme.CA, trusted: ssl.SSLContext
) -> None:
    """Its UDP would be in clear, so there is none."""
    import ssl as ssl_module

    context = ssl_module.SSLContext(ssl_module.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Server(ssl_context=context) as server:
        proxy = Proxy.from_url(server.url_as("socks5h+tls"), ssl_context=trusted)
        assert kind.resolve(name_server.host, port=name_server.port, proxy=proxy, question=A)
        assert commands(server) == [CONNECT]


def test_ssh(kind: Kind, ssh_dynamic: RealProxy, name_server: NameServer) -> None:
    """It hangs up on UDP ASSOCIATE."""
    found = kind.resolve(name_server.host, port=name_server.port, proxy=ssh_dynamic.url, question=A)
    assert [record.address for record in found] == [name_server.names["name.test"]]


def test_tcp_only(kind: Kind, proxy: Server, name_server: NameServer) -> None:
    found = kind.resolve(HIDDEN, proxy=proxy.url, tcp=True, question=A)
    assert [record.address for record in found] == [name_server.names["name.test"]]
    assert commands(proxy) == [CONNECT]


# No second attempt.


@pytest.mark.parametrize("tcp", [False, True])
def test_nobody_listens_at_the_proxy(kind: Kind, tcp: bool) -> None:
    url = "socks5h://{}:{}".format(*unused_address())
    with pytest.raises(dns.resolver.NoNameservers) as caught:
        kind.resolve(HIDDEN, proxy=url, tcp=tcp, question=A)
    (failure,) = failures(caught)
    assert isinstance(failure, socks5client.ProxyConnectionError)


@pytest.mark.parametrize(
    "fault",
    [None, Fault("auth", close()), Fault("method", close())],
    ids=["told", "auth", "method"],
)
def test_credentials_that_are_refused_are_shown_once(kind: Kind, fault: Fault | None) -> None:
    with Server(users={"me": "right"}, faults=[fault] if fault else []) as server:
        with pytest.raises(dns.resolver.NoNameservers) as caught:
            kind.resolve(HIDDEN, proxy=server.url_as(user_info="me:wrong@"), question=A)
        (failure,) = failures(caught)
        assert isinstance(failure, socks5client.SocksError)
        assert commands(server) == [None]
        server.wait_idle()


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("stage", ["method", "reply"])
def test_a_proxy_that_stalls(kind: Kind, tcp: bool, stage: Any) -> None:
    """It is what a name server that stalls is: asked again, until the lifetime has passed."""
    with Server(faults=[Fault(stage, stall())]) as server:
        start = time.monotonic()
        with pytest.raises(dns.resolver.LifetimeTimeout) as caught:
            kind.resolve(HIDDEN, proxy=server.url, tcp=tcp, lifetime=0.5, question=A)
        assert time.monotonic() - start < 1.5
        assert failures(caught)
        assert all(isinstance(failure, dns.exception.Timeout) for failure in failures(caught))
        assert isinstance(failures(caught)[0].__cause__, socks5client.HandshakeTimeout)
        server.wait_idle()


def test_one_lifetime_for_udp_and_tcp(kind: Kind) -> None:
    """UDP is refused late, and TCP stalls: it has what is left of the time."""
    faults = [Fault("reply", delay(1.5), connections=[0]), Fault("reply", stall())]
    with Server(
        commands=[CONNECT], faults=faults, routes={(HIDDEN, 53): unused_address()}
    ) as server:
        start = time.monotonic()
        with pytest.raises(dns.resolver.LifetimeTimeout):
            kind.resolve(HIDDEN, proxy=server.url, lifetime=2, question=A)
        assert time.monotonic() - start < 3
        assert commands(server) == [UDP_ASSOCIATE, CONNECT]
        server.wait_idle()


def test_a_name_server_that_says_nothing(kind: Kind) -> None:
    """Datagrams to where nobody listens."""
    host, port = unused_address()
    with Server() as server:
        with pytest.raises(dns.resolver.LifetimeTimeout):
            kind.resolve(host, port=port, proxy=server.url, lifetime=0.5, question=A)
        assert server.requests[0].datagrams_up
        assert set(commands(server)) == {UDP_ASSOCIATE}
        server.wait_idle()


@pytest.mark.parametrize("tcp", [False, True])
def test_a_time_out_that_the_proxy_tells_of(kind: Kind, tcp: bool) -> None:
    """It is no reason to ask again, unlike one of ours."""
    host, port = unused_address()
    with Server(faults=[CATALOGUE["reply-code-6"]]) as server:
        with pytest.raises(dns.resolver.NoNameservers) as caught:
            kind.resolve(host, port=port, proxy=server.url, tcp=tcp, question=A)
        (failure,) = failures(caught)
        assert isinstance(failure, socks5client.TTLExpired)
        server.wait_idle()


# What name servers say.


def test_what_is_no_answer_to_the_question_is_passed_over(kind: Kind) -> None:
    right = answer("name.test. 60 IN A 192.0.2.1")

    def respond(query: dns.message.Message) -> list[bytes]:
        other = dns.message.make_query("other.test", "A", id=query.id)
        wrong_id = dns.message.make_query("name.test", "A", id=query.id ^ 1)
        cut_short = right(query)[0][:2] + b"\x02" + right(query)[0][3:20]
        return [b"", b"junk", cut_short, *right(other), *right(wrong_id), *right(query)]

    with a_name_server(respond, nothing) as (host, port, asked), Server() as server:
        (record,) = kind.resolve(host, port=port, proxy=server.url, question=A)
        assert record.address == "192.0.2.1"
        assert asked == ["udp"]


def test_a_name_server_that_hangs_up(kind: Kind) -> None:
    with a_name_server(nothing, nothing) as (host, port, _), Server() as server:
        with pytest.raises(dns.resolver.NoNameservers) as caught:
            kind.resolve(host, port=port, proxy=server.url, tcp=True, question=A)
        assert [type(failure) for failure in failures(caught)] == [EOFError]
        server.wait_idle()


def test_names_that_do_not_exist(kind: Kind, proxy: Server) -> None:
    with pytest.raises(dns.resolver.NXDOMAIN):
        kind.resolve(HIDDEN, proxy=proxy.url, question=("missing.test", "A"))
    assert len(proxy.requests) == 1


def test_the_next_name_server(kind: Kind, proxy: Server, name_server: NameServer) -> None:
    """By TCP, where that nobody listens is told."""
    host, port = unused_address()
    dead = Nameserver(host, port, proxy=proxy.url, tcp=True)
    found = kind.resolve([dead, HIDDEN], proxy=proxy.url, question=A)
    assert [record.address for record in found] == [name_server.names["name.test"]]
    assert commands(proxy) == [CONNECT, UDP_ASSOCIATE]


# Around it.


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("code", [None, 2])
def test_no_error_holds_credentials(kind: Kind, tcp: bool, code: int | None) -> None:
    users = {"topsecretuser": "another" if code is None else "topsecretpassword"}
    faults = [] if code is None else [CATALOGUE[f"reply-code-{code}"]]
    host, port = unused_address()
    with Server(users=users, faults=faults) as server:
        url = server.url_as(user_info="topsecretuser:topsecretpassword@")
        with pytest.raises(dns.resolver.NoNameservers) as caught:
            kind.resolve(host, port=port, proxy=url, tcp=tcp, question=A)
        (failure,) = failures(caught)
        assert isinstance(failure, PermissionError)
        text = "".join(traceback.format_exception(caught.value)) + repr(caught.value.kwargs)
        assert "topsecret" not in text
        server.wait_idle()


def test_direct(kind: Kind, proxy: Server, name_server: NameServer) -> None:
    for tcp in (False, True):
        place = {"proxy": DIRECT, "port": name_server.port, "tcp": tcp}
        found = kind.resolve(name_server.host, question=A, **place)
        assert [record.address for record in found] == [name_server.names["name.test"]]
    assert proxy.exchanges == []


def test_in_a_resolver_of_dnspython(proxy: Server) -> None:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [Nameserver(HIDDEN, proxy=proxy.url)]
    assert len(resolver.resolve("name.test")) == 1
    assert len(resolver.resolve_address("192.0.2.7")) == 1
    assert len(proxy.requests) == 2


@pytest.mark.parametrize("source", [{"source": "127.0.0.1"}, {"source_port": 5353}])
def test_a_source_is_refused(kind: Kind, proxy: Server, source: dict[str, Any]) -> None:
    resolver = kind.make(HIDDEN, proxy=proxy.url)
    with pytest.raises(dns.resolver.NoNameservers, match="cannot be chosen"):
        kind.call(resolver, "resolve", "name.test", **source)
    assert proxy.exchanges == []


def test_two_at_once(proxy: Server) -> None:
    """Each query has a socket of its own."""

    async def main() -> None:
        resolver = AsyncResolver(HIDDEN, proxy=proxy.url)
        queries = [resolver.resolve(name) for name in ("name.test", "other.test")]
        answers = await asyncio.gather(*queries)
        assert [found[0].address for found in answers] == ["192.0.2.7", "192.0.2.8"]

    asyncio.run(main())
    assert len(proxy.requests) == 2


def test_a_real_proxy_and_no_fd_left(
    kind: Kind, danted: RealProxy, name_server: NameServer
) -> None:
    def session() -> None:
        for question in (A, BIG):
            place = {"proxy": danted.url, "port": name_server.port}
            assert len(kind.resolve(name_server.host, question=question, **place)) == 1

    session()
    before = sorted(os.listdir("/proc/self/fd"))
    session()
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_query_over_tcp_is_nobodys_connection(proxy: Server) -> None:
    """A BIND without a peer expects whom the program connected to, not the name server."""
    from socks5client.recent import recent

    before = recent.get()
    assert Resolver(HIDDEN, proxy=proxy.url, tcp=True).resolve("name.test")
    assert recent.get() == before
