"""`addresses` and `name_of`: what a program asks that knows nothing of the DNS."""

from __future__ import annotations

import socket
import time
import traceback
from typing import TYPE_CHECKING, Any

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver
import pytest

import socks5client
from tests.dns.servers import answer, name_server, nothing
from tests.origins import unused_address
from tests.server_fixture import CATALOGUE, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.dns.resolvers import Kind
    from tests.real_servers import Unbound

    Ask = Callable[..., Any]


@pytest.fixture
def proxy() -> Iterator[Server]:
    with Server() as server:
        yield server
        server.wait_idle()


@pytest.fixture
def ask(kind: Kind, dns_server: Unbound, proxy: Server) -> Ask:
    """A method of a resolver of each kind, which asks the real name server through the proxy."""

    def ask(method: str, *args: Any) -> Any:
        resolver = kind.make(dns_server.host, port=dns_server.port, proxy=proxy.url)
        return kind.call(resolver, method, *args)

    return ask


@pytest.mark.parametrize(
    ("name", "family", "expected"),
    [
        ("name.test", 0, ["192.0.2.7", "2001:db8::7"]),
        ("name.test.", 0, ["192.0.2.7", "2001:db8::7"]),
        ("name.test", socket.AF_INET, ["192.0.2.7"]),
        ("name.test", socket.AF_INET6, ["2001:db8::7"]),
        ("alias.test", 0, ["192.0.2.7", "2001:db8::7"]),
        ("four.test", 0, ["192.0.2.4"]),
        ("six.test", 0, ["2001:db8::6"]),
        ("bücher.test", socket.AF_INET, ["192.0.2.8"]),
    ],
)
def test_addresses(ask: Ask, name: str, family: int, expected: list[str]) -> None:
    assert ask("addresses", name, family) == expected


@pytest.mark.parametrize(
    ("name", "family", "questions"),
    [
        ("missing.test", 0, 1),  # if one type says so it is of all
        ("missing.test", socket.AF_INET6, 1),
        ("text.test", 0, 2),
        ("four.test", socket.AF_INET6, 1),
        ("six.test", socket.AF_INET, 1),
    ],
)
def test_no_addresses(ask: Ask, proxy: Server, name: str, family: int, questions: int) -> None:
    with pytest.raises(socket.gaierror, match=name) as caught:
        ask("addresses", name, family)
    assert caught.value.errno == socket.EAI_NONAME
    assert isinstance(caught.value.__cause__, (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer))
    assert len(proxy.requests) == questions


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("192.0.2.1", 0),
        ("192.0.2.1", socket.AF_INET),
        ("2001:db8::1", 0),
        ("2001:db8::1", socket.AF_INET6),
    ],
)
def test_an_address_is_its_own(ask: Ask, proxy: Server, name: str, family: int) -> None:
    assert ask("addresses", name, family) == [name]
    assert proxy.exchanges == []


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("192.0.2.1", socket.AF_INET6),
        ("2001:db8::1", socket.AF_INET),
        ("", 0),
        ("a b", 0),
        ("a\0b", 0),
        ("a..b", 0),
        ("a" * 64, 0),
        ("a." * 200, 0),
        ("fe80::1%eth0", 0),
    ],
)
def test_what_has_no_address_is_not_asked_for(
    ask: Ask, proxy: Server, name: str, family: int
) -> None:
    with pytest.raises(socket.gaierror) as caught:
        ask("addresses", name, family)
    assert caught.value.errno == socket.EAI_NONAME
    assert proxy.exchanges == []


def test_another_family(ask: Ask) -> None:
    with pytest.raises(ValueError, match="family 1 is neither"):
        ask("addresses", "name.test", socket.AF_UNIX)


def test_name_of(ask: Ask, proxy: Server) -> None:
    assert ask("name_of", "192.0.2.7") == "name.test"
    assert ask("name_of", "192.0.2.8") is None
    assert len(proxy.requests) == 2


@pytest.mark.parametrize("address", ["name.test", "", "192.0.2", "fe80::1%eth0"])
def test_the_name_of_what_is_no_address(ask: Ask, proxy: Server, address: str) -> None:
    with pytest.raises(ValueError, match="is no IP address"):
        ask("name_of", address)
    assert proxy.exchanges == []


# Failures.


def by_type(**answers: Any) -> Any:
    """What to answer, by the question's type."""

    def respond(query: dns.message.Message) -> list[bytes]:
        found: list[bytes] = answers[dns.rdatatype.to_text(query.question[0].rdtype)](query)
        return found

    return respond


SERVFAIL, REFUSED = answer(rcode=dns.rcode.SERVFAIL), answer(rcode=dns.rcode.REFUSED)
A, AAAA = answer("name.test. 60 IN A 192.0.2.1"), answer("name.test. 60 IN AAAA 2001:db8::1")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"A": A, "AAAA": SERVFAIL}, ["192.0.2.1"]),
        ({"A": A, "AAAA": nothing}, ["192.0.2.1"]),
        ({"A": REFUSED, "AAAA": AAAA}, ["2001:db8::1"]),
    ],
)
def test_one_family_that_cannot_be_learnt(
    kind: Kind, proxy: Server, answers: dict[str, Any], expected: list[str]
) -> None:
    with name_server(by_type(**answers), nothing) as (host, port, _):
        resolver = kind.make(host, port=port, proxy=proxy.url)
        resolver.lifetime = 0.5
        assert kind.call(resolver, "addresses", "name.test") == expected


@pytest.mark.parametrize(
    "answers",
    [
        {"A": SERVFAIL, "AAAA": SERVFAIL},
        {"A": REFUSED, "AAAA": answer()},
        {"A": answer(), "AAAA": nothing},
    ],
)
def test_failures_that_may_pass(kind: Kind, proxy: Server, answers: dict[str, Any]) -> None:
    with name_server(by_type(**answers), nothing) as (host, port, _):
        resolver = kind.make(host, port=port, proxy=proxy.url)
        resolver.lifetime = 0.5
        start = time.monotonic()
        with pytest.raises(socket.gaierror, match=r"name\.test") as caught:
            kind.call(resolver, "addresses", "name.test")
        assert time.monotonic() - start < 1.5
    assert caught.value.errno == socket.EAI_AGAIN
    assert isinstance(caught.value.__cause__, dns.exception.DNSException)


def test_one_lifetime_for_both_families(kind: Kind, proxy: Server) -> None:
    with name_server(nothing, nothing) as (host, port, _):
        resolver = kind.make(host, port=port, proxy=proxy.url)
        resolver.lifetime = 1
        start = time.monotonic()
        with pytest.raises(socket.gaierror) as caught:
            kind.call(resolver, "addresses", "name.test")
        assert time.monotonic() - start < 1.9
        assert caught.value.errno == socket.EAI_AGAIN


@pytest.mark.parametrize("method", ["addresses", "name_of"])
@pytest.mark.parametrize("code", [None, 2])
def test_the_proxys_error_is_the_cause(kind: Kind, method: str, code: int | None) -> None:
    """And no credentials are in the text."""
    argument = "name.test" if method == "addresses" else "192.0.2.1"
    users = {"topsecretuser": "another" if code is None else "topsecretpassword"}
    faults = [] if code is None else [CATALOGUE[f"reply-code-{code}"]]
    with Server(users=users, faults=faults) as server:
        url = server.url_as(user_info="topsecretuser:topsecretpassword@")
        host, port = unused_address()
        resolver = kind.make(host, port=port, proxy=url)
        with pytest.raises(socket.gaierror, match=argument) as caught:
            kind.call(resolver, method, argument)
        assert caught.value.errno == socket.EAI_AGAIN
        expected = socks5client.NotAllowed if code else socks5client.AuthenticationError
        assert isinstance(caught.value.__cause__, expected)
        assert "topsecret" not in "".join(traceback.format_exception(caught.value))
        server.wait_idle()


def test_no_proxy_there(kind: Kind) -> None:
    url = "socks5h://{}:{}".format(*unused_address())
    with pytest.raises(socket.gaierror) as caught:
        kind.addresses("192.0.2.53", name="name.test", proxy=url)
    assert isinstance(caught.value.__cause__, socks5client.ProxyConnectionError)
