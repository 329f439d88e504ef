"""What resolvers are made of: name servers as text, the system's, the proxy, the cache."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import dns.nameserver
import dns.resolver
import pytest
import trio

from socks5client import Proxy
from socks5client.dns import (
    AsyncResolver,
    DoHNameserver,
    DoTNameserver,
    Nameserver,
    Resolver,
    TorNameserver,
)
from tests.dns.resolvers import HIDDEN
from tests.dns.servers import answer, nothing
from tests.dns.servers import name_server as a_name_server
from tests.origins import unused_address
from tests.server_fixture import Server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dns.resolvers import Kind
    from tests.real_servers import NameServer, Unbound

URL = "socks5h://192.0.2.1"


@pytest.mark.parametrize(
    ("text", "cls", "described", "port"),
    [
        ("192.0.2.53", Nameserver, "Do53:192.0.2.53@53", 53),
        ("2001:db8::53", Nameserver, "Do53:2001:db8::53@53", 53),
        ("tls://192.0.2.53", DoTNameserver, "DoT:192.0.2.53@853", 853),
        ("tls://[2001:db8::53]:8530#dns.example", DoTNameserver, "DoT:2001:db8::53@8530", 8530),
        ("tls://dns.example", DoTNameserver, "DoT:dns.example@853", 853),
        ("https://dns.example", DoHNameserver, "https://dns.example", 443),
        (
            "https://[2001:db8::53]:8443/q?a=b",
            DoHNameserver,
            "https://[2001:db8::53]:8443/q?a=b",
            8443,
        ),
        ("tor", TorNameserver, "Tor:socks5h://192.0.2.1:1080", 1080),
    ],
)
def test_text(text: str, cls: type, described: str, port: int) -> None:
    for resolver in (Resolver(text, proxy=URL), AsyncResolver([text], proxy=URL)):
        (server,) = resolver.nameservers
        assert type(server) is cls
        assert str(server) == described
        assert server.answer_port() == port


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "'' is no IP address, no tls:// or https:// URL, and not 'tor'"),
        ("ns.test", "'ns.test' is no IP address"),
        ("192.0.2.53:53", "is no IP address"),
        ("http://dns.test/", "is no IP address"),
        ("fe80::1%eth0", "has a zone"),
        ("tls://", "'tls://': it is not tls://host"),
        ("tls:dns.test", "it is not tls://host"),
        ("tls://dns.test/path", "it is not tls://host"),
        ("tls://dns.test?query", "it is not tls://host"),
        ("tls://dns.test:0", "port 0 is outside"),
        ("tls://dns.test:99999", "Port out of range"),
        ("tls://dns\n.test", "control character"),
        ("tls://dns.test#a b", "has the character ' '"),
        ("https://", "it is not https://host"),
        ("https:/dns.test", "it is not https://host"),
        ("https://dns.test/#fragment", "no fragment"),
        ("https://dns.test:x/", "Port could not be cast"),
        ("https://dns.test:0/", "port 0 is outside"),
        ("https://dns.test/ü", "percent-encoded"),
        ("https://dns.test/a b", "percent-encoded"),
        ("https://dns\t.test/", "control character"),
        ("https://" + "a" * 256, "255 is the most"),
    ],
)
def test_text_that_names_none(text: str, error: str) -> None:
    for make in (Resolver, AsyncResolver):
        with pytest.raises(ValueError, match=error):
            make(text, proxy=URL)


@pytest.mark.parametrize("scheme", ["tls", "https", "http"])
def test_a_password_in_a_name_servers_url_is_not_told(scheme: str) -> None:
    with pytest.raises(ValueError, match=r"an @|user info") as caught:
        Resolver(f"{scheme}://topsecretuser:topsecretpassword@dns.test/", proxy=URL)
    assert "topsecret" not in repr(caught.value)


@pytest.mark.parametrize("port", [0, 65536, -1])
def test_ports(port: int) -> None:
    for make in (Nameserver, DoTNameserver):
        with pytest.raises(ValueError, match=f"port {port} is outside"):
            make("192.0.2.53", port, proxy=URL)
    with pytest.raises(ValueError, match=f"port {port} is outside"):
        Resolver("192.0.2.53", port=port, proxy=URL)


def test_what_asks_past_the_proxy_is_refused() -> None:
    resolver = Resolver(HIDDEN, proxy=URL)
    for server in (
        dns.nameserver.Do53Nameserver(HIDDEN),
        dns.nameserver.DoTNameserver(HIDDEN),
        dns.nameserver.DoHNameserver("https://dns.test/"),
    ):
        with pytest.raises(ValueError, match="asks past the proxy"):
            Resolver(server, proxy=URL)
        with pytest.raises(ValueError, match="asks past the proxy"):
            resolver.nameservers = [server]


def test_the_discovery_of_resolvers_is_refused(kind: Kind, proxy: Server) -> None:
    resolver = kind.make(HIDDEN, proxy=proxy.url)
    with pytest.raises(NotImplementedError, match="past the proxy"):
        kind.call(resolver, "try_ddr")
    assert proxy.exchanges == []


# The system's.


@pytest.fixture
def resolv_conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "resolv.conf"
    read = dns.resolver.BaseResolver.read_resolv_conf
    monkeypatch.setattr(
        dns.resolver.BaseResolver, "read_resolv_conf", lambda self, f: read(self, str(path))
    )
    return path


def test_the_systems(resolv_conf: Path) -> None:
    resolv_conf.write_text(
        "search test\noptions rotate\nnameserver 127.0.0.53\nnameserver ::1\n"
        "nameserver 192.0.2.53\nnameserver fe80::1%eth0\nnameserver 2001:db8::53\n"
    )
    for resolver in (Resolver(proxy=URL), AsyncResolver(proxy=URL)):
        servers = [str(server) for server in resolver.nameservers]
        assert servers == ["Do53:192.0.2.53@53", "Do53:2001:db8::53@53"]
        assert resolver.search == []


@pytest.mark.parametrize(
    ("text", "found"),
    [("nameserver 127.0.0.53\n", "127.0.0.53"), ("", "none at all"), (None, "none at all")],
)
def test_the_system_has_none(resolv_conf: Path, text: str | None, found: str) -> None:
    if text is not None:
        resolv_conf.write_text(text)
    with pytest.raises(ValueError, match=rf"proxy could reach \({found}\): name some"):
        Resolver(proxy=URL)


# The proxy.


def test_no_proxy_is_configured() -> None:
    for make in (Resolver, AsyncResolver, Nameserver, TorNameserver):
        arguments: Any = () if make is TorNameserver else (HIDDEN,)
        with pytest.raises(ValueError, match="no proxy is configured"):
            make(*arguments)


def test_the_proxy_is_looked_up_once(proxy: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    resolver = Resolver(HIDDEN)
    monkeypatch.setenv("ALL_PROXY", "socks5h://{}:{}".format(*unused_address()))
    assert len(resolver.resolve("name.test")) == 1
    assert len(proxy.requests) == 1


def test_text_that_is_assigned_later_goes_through_the_proxy(
    proxy: Server, name_server: NameServer
) -> None:
    resolver = Resolver([], proxy=proxy.url)
    assert resolver.nameservers == []
    resolver.nameserver_ports = {name_server.host: name_server.port}
    resolver.nameservers = [name_server.host]
    assert len(resolver.resolve("name.test")) == 1
    assert [datagram.port for datagram in proxy.requests[0].datagrams_up] == [name_server.port]


def test_one_resolver_on_both_libraries(proxy: Server) -> None:
    """dnspython by itself goes on with the first one."""
    resolver = AsyncResolver(HIDDEN, proxy=Proxy.from_url(proxy.url), cache=False)

    async def main() -> list[str]:
        return await resolver.addresses("name.test", 2)

    assert asyncio.run(main()) == trio.run(main) == asyncio.run(main()) == ["192.0.2.7"]
    assert len(proxy.requests) == 3


# The cache.


def test_an_answer_is_asked_for_once(kind: Kind, dns_server: Unbound) -> None:
    """And so is that there is none, where the name server says for how long."""
    with Server() as server:
        resolver = kind.make(dns_server.host, port=dns_server.port, proxy=server.url)
        for _ in range(2):
            assert len(kind.call(resolver, "addresses", "name.test")) == 2
        assert len(server.requests) == 2
        for _ in range(2):
            with pytest.raises(dns.resolver.NXDOMAIN):
                kind.call(resolver, "resolve", "missing.test")
            with pytest.raises(dns.resolver.NoAnswer):
                kind.call(resolver, "resolve", "text.test")
        assert len(server.requests) == 4
        server.wait_idle()


def test_a_ttl_that_has_passed(
    kind: Kind, dns_server: Unbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    with Server() as server:
        resolver = kind.make(dns_server.host, port=dns_server.port, proxy=server.url)
        for later, questions in ((0, 1), (299, 1), (301, 2)):
            now = time.time() + later
            with monkeypatch.context() as patch:
                patch.setattr(time, "time", lambda now=now: now)
                assert kind.call(resolver, "addresses", "four.test", 2) == ["192.0.2.4"]
            assert len(server.requests) == questions
        server.wait_idle()


def test_that_there_is_none_without_an_soa_is_not_remembered(kind: Kind) -> None:
    for rcode in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        with (
            a_name_server(answer(rcode=rcode), nothing) as (host, port, asked),
            Server() as server,
        ):
            resolver = kind.make(host, port=port, proxy=server.url)
            for _ in range(2):
                with pytest.raises((dns.resolver.NXDOMAIN, dns.resolver.NoAnswer)):
                    kind.call(resolver, "resolve", "name.test")
            assert asked == ["udp", "udp"]


@pytest.mark.parametrize("cache", [False, None])
def test_no_cache(dns_server: Unbound, cache: Any) -> None:
    with Server() as server:
        place: dict[str, Any] = {"nameservers": dns_server.host, "port": dns_server.port}
        resolver = Resolver(**place, proxy=server.url, cache=cache)
        for _ in range(2):
            assert resolver.addresses("four.test", 2)
        assert len(server.requests) == 2
        server.wait_idle()


def test_a_cache_of_ones_own_is_shared(dns_server: Unbound) -> None:
    place: dict[str, Any] = {"nameservers": dns_server.host, "port": dns_server.port}
    cache = dns.resolver.LRUCache()
    with Server() as server:
        for _ in range(2):
            assert Resolver(**place, proxy=server.url, cache=cache).addresses("four.test", 2)
        assert len(server.requests) == 1
        for _ in range(2):
            assert Resolver(**place, proxy=server.url).addresses("four.test", 2)
        assert len(server.requests) == 3
        server.wait_idle()


def test_the_cache_is_bounded(proxy: Server) -> None:
    resolver = Resolver(HIDDEN, proxy=proxy.url)
    found = resolver.resolve("name.test")
    for number in range(1001):
        resolver.cache.put((f"{number}.test", 1, 1), found)
    assert len(resolver.cache.data) == 1000
