"""RESOLVE and RESOLVE_PTR: of the reference server, which is asked raw as well, and of tor."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import dns.resolver
import pytest

import socks5client
from socks5client import DIRECT
from socks5client.dns import Resolver, TorNameserver
from tests.origins import unused_address
from tests.server_fixture import CATALOGUE, Fault, Server, replace, stall
from tests.standalone import standalone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.dns.resolvers import Kind
    from tests.real_servers import Tor

RESOLVE, RESOLVE_PTR = 0xF0, 0xF1
ONION = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"


@pytest.fixture
def proxy() -> Iterator[Server]:
    names: dict[str, Any] = {
        "name.test": "192.0.2.7",
        "six.test": "2001:db8::6",
        "redirected.test": ("192.0.2.9", 80),
    }
    with Server(names=names, tor=True) as server:
        yield server
        server.wait_idle()


def replying(wire: bytes) -> Server:
    """A proxy whose reply is of success, with these bytes for ATYP, BND.ADDR and BND.PORT."""
    return Server(tor=True, faults=[Fault("reply", replace(b"\x05\0\0" + wire, "close"))])


@pytest.mark.parametrize(
    ("name", "family", "expected"),
    [
        ("name.test", 0, ["192.0.2.7"]),
        ("NAME.test.", socket.AF_INET, ["192.0.2.7"]),
        ("six.test", 0, ["2001:db8::6"]),
        ("six.test", socket.AF_INET6, ["2001:db8::6"]),
    ],
)
def test_addresses(kind: Kind, proxy: Server, name: str, family: int, expected: list[str]) -> None:
    """The proxy looks it up, whatever the scheme of its URL says."""
    for url in (proxy.url, proxy.url_as("socks5")):
        assert kind.addresses("tor", name=name, family=family, proxy=url) == expected
    assert {exchange.command for exchange in proxy.requests} == {RESOLVE}
    asked = {(exchange.host, exchange.port) for exchange in proxy.requests}
    assert asked == {(name.rstrip("."), 0)}


def test_an_answer(kind: Kind, proxy: Server) -> None:
    found = kind.resolve("tor", proxy=proxy.url, question=("name.test", "A"))
    assert found.rrset.to_text() == "name.test. 60 IN A 192.0.2.7"
    assert (found.nameserver, found.port) == (proxy.url, proxy.port)
    assert TorNameserver(proxy.url).kind() == "Tor"


@pytest.mark.parametrize(
    ("address", "name"),
    [("192.0.2.7", "name.test"), ("2001:db8::6", "six.test"), ("192.0.2.99", None)],
)
def test_names(kind: Kind, proxy: Server, address: str, name: str | None) -> None:
    resolver = kind.make("tor", proxy=proxy.url)
    assert kind.call(resolver, "name_of", address) == name
    (exchange,) = proxy.requests
    assert (exchange.command, exchange.host) == (RESOLVE_PTR, address)
    assert exchange.atyp == (4 if ":" in address else 1)


def test_answers_are_cached_and_failures_are_not(kind: Kind, proxy: Server) -> None:
    resolver = kind.make("tor", proxy=proxy.url)
    for _ in range(2):  # A, and that there is no AAAA
        assert kind.call(resolver, "addresses", "name.test") == ["192.0.2.7"]
    assert len(proxy.requests) == 2
    for _ in range(2):
        with pytest.raises(socket.gaierror):
            kind.call(resolver, "addresses", "missing.test")
    assert len(proxy.requests) == 4


@pytest.mark.parametrize("question", [("name.test", "MX"), ("name.test", "PTR")])
def test_what_tor_knows_nothing_of_is_not_asked(
    kind: Kind, proxy: Server, question: tuple[str, str]
) -> None:
    with pytest.raises(dns.resolver.NoNameservers, match="NOTIMP"):
        kind.resolve("tor", proxy=proxy.url, question=question)
    assert proxy.exchanges == []


@pytest.mark.parametrize(
    "wire",
    [b"\x01" + bytes(6), b"\x04" + bytes(18), b"\x03\0\0\0", b"\x03\x01\xff\0\0"],
    ids=["no IPv4", "no IPv6", "no name", "no ASCII"],
)
def test_a_reply_without_an_answer(kind: Kind, wire: bytes) -> None:
    """Such as that of a proxy which takes every command for a CONNECT."""
    with replying(wire) as server:
        with pytest.raises(dns.resolver.NoNameservers, match="has no address"):
            kind.resolve("tor", proxy=server.url, question=("name.test", "A"))
        server.wait_idle()


@pytest.mark.parametrize(
    ("text", "name"),
    [(b"a;b.test", "a\\;b.test"), (b'"a', '\\"a'), (b"a..b", None), (b"a" * 64, None)],
)
def test_names_that_are_odd(kind: Kind, text: bytes, name: str | None) -> None:
    """What a peer says is a name is never read as more than that."""
    with replying(b"\x03" + bytes([len(text)]) + text + b"\0\0") as server:
        resolver = kind.make("tor", proxy=server.url)
        if name is not None:
            assert kind.call(resolver, "name_of", "192.0.2.7") == name
        else:
            with pytest.raises(socket.gaierror, match="has no name"):
                kind.call(resolver, "name_of", "192.0.2.7")
        server.wait_idle()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (1, socks5client.GeneralFailure),
        (7, socks5client.CommandNotSupported),
        (0xF0, socks5client.OnionServiceError),
    ],
)
def test_failures(kind: Kind, code: int, error: type[Exception]) -> None:
    """They are no answer: it may be another time."""
    with Server(tor=True, faults=[CATALOGUE[f"reply-code-{code}"]]) as server:
        with pytest.raises(socket.gaierror) as caught:
            kind.addresses("tor", name="name.test", proxy=server.url)
        assert caught.value.errno == socket.EAI_AGAIN
        assert isinstance(caught.value.__cause__, error)
        server.wait_idle()


def test_a_proxy_that_is_not_tor(kind: Kind) -> None:
    with Server() as server:
        with pytest.raises(socket.gaierror) as caught:
            kind.addresses("tor", name="name.test", proxy=server.url)
        assert isinstance(caught.value.__cause__, socks5client.CommandNotSupported)
        server.wait_idle()


def test_a_proxy_that_stalls(kind: Kind) -> None:
    with Server(tor=True, faults=[Fault("reply", stall())]) as server:
        start = time.monotonic()
        with pytest.raises(dns.resolver.LifetimeTimeout):
            kind.resolve("tor", proxy=server.url, question=("name.test", "A"), lifetime=0.5)
        assert time.monotonic() - start < 1.5
        server.wait_idle()


def test_through_a_chain_the_last_proxy_is_asked(kind: Kind, proxy: Server) -> None:
    with Server() as first:
        chain = [first.url, proxy.url]
        assert kind.addresses("tor", name="name.test", proxy=chain) == ["192.0.2.7"]
        assert {exchange.port for exchange in first.requests} == {proxy.port}
        first.wait_idle()


def test_credentials(kind: Kind) -> None:
    users = {"topsecretuser": "topsecretpassword"}
    with Server(tor=True, users=users, names={"name.test": "192.0.2.7"}) as server:
        url = server.url_as(user_info="topsecretuser:topsecretpassword@")
        found = kind.resolve("tor", proxy=url, question=("name.test", "A"))
        assert "topsecret" not in found.nameserver + str(TorNameserver(url))
        server.wait_idle()


def test_direct_is_no_tor() -> None:
    with pytest.raises(ValueError, match="DIRECT is none"):
        TorNameserver(DIRECT)


# tor itself.


def test_tor(kind: Kind, real_tor: Tor) -> None:
    for name, address in real_tor.names.items():
        assert kind.addresses("tor", name=name, proxy=real_tor.url) == [address]


def test_tor_maps_an_onion_service(kind: Kind, real_tor: Tor) -> None:
    (address,) = kind.addresses("tor", name=ONION, proxy=real_tor.url)
    resolver = kind.make("tor", proxy=real_tor.url)
    assert kind.call(resolver, "name_of", address) is None


def test_tor_does_no_udp(kind: Kind, real_tor: Tor) -> None:
    """So a name server is asked by TCP, which tor without a network refuses in its turn."""
    host, port = unused_address()
    with pytest.raises(socket.gaierror) as caught:
        kind.addresses(host, port=port, name="name.test", proxy=real_tor.url)
    assert not isinstance(caught.value.__cause__, socks5client.CommandNotSupported)
    assert isinstance(caught.value.__cause__, socks5client.ReplyError)


# The reference server.


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (b"\x05\xf0\0\x03\x09name.test\0\0", b"\x05\0\0\x01\xc0\0\x02\x07\0\0"),
        (b"\x05\xf0\0\x03\x0fredirected.test\0\0", b"\x05\0\0\x01\xc0\0\x02\x09\0\0"),
        (b"\x05\xf0\0\x01\xc0\0\x02\x01\0\0", b"\x05\0\0\x01\xc0\0\x02\x01\0\0"),
        (b"\x05\xf0\0\x03\x0cmissing.test\0\0", b"\x05\x04\0\x01" + bytes(6)),
        (b"\x05\xf1\0\x01\xc0\0\x02\x07\0\0", b"\x05\0\0\x03\x09name.test\0\0"),
        (b"\x05\xf1\0\x01\xc0\0\x02\x09\0\0", b"\x05\0\0\x03\x0fredirected.test\0\0"),
        (b"\x05\xf1\0\x01\xc0\0\x02\x63\0\0", b"\x05\x04\0\x01" + bytes(6)),
        (b"\x05\xf1\0\x03\x09name.test\0\0", b"\x05\x04\0\x01" + bytes(6)),
    ],
)
def test_the_reference_server(proxy: Server, request_: bytes, reply: bytes) -> None:
    assert conversation(proxy.address, request_) == b"\x05\0" + reply


def test_the_reference_server_only_when_told() -> None:
    with Server() as server:
        for command in (b"\xf0", b"\xf1"):
            request = b"\x05" + command + b"\0\x01\x7f\0\0\x01\0\0"
            assert conversation(server.address, request)[3] == 7


def test_the_reference_server_alone() -> None:
    with standalone("--no-resolve", "--tor") as url:
        host, _, port = url.removeprefix("socks5h://").rpartition(":")
        request = b"\x05\xf0\0\x01\xc0\0\x02\x01\0\0"
        assert conversation((host, int(port)), request)[3] == 0
        assert Resolver("tor", proxy=url).name_of("192.0.2.1") is None


def conversation(address: tuple[str, int], request: bytes) -> bytes:
    with socket.create_connection(address, 10) as sock:
        sock.sendall(b"\x05\x01\0" + request)
        sock.shutdown(socket.SHUT_WR)
        received = b""
        while data := sock.recv(1000):
            received += data
        return received
