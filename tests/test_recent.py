"""Whom a BIND expects by default: where this thread or task connected to last, by that proxy."""

from __future__ import annotations

import asyncio
import contextvars
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import trio

import socks5client
import socks5client.asyncio
import socks5client.trio
from socks5client import Address, Proxy, recent, set_default_proxy
from socks5client.recent import last_destination, note_destination
from tests.drivers import DRIVERS
from tests.server_fixture import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.drivers import Driver
    from tests.origins import Echo

ZEROS = ("0.0.0.0", 0)


@pytest.fixture(autouse=True)
def nothing_yet() -> Iterator[None]:
    """What other tests connected to in this thread does not count."""
    token = recent.recent.set(())
    yield
    recent.recent.reset(token)


def chain(*hosts: str) -> tuple[Proxy, ...]:
    return tuple(Proxy(host) for host in hosts)


# By itself


def test_the_last_one_of_each_chain() -> None:
    assert last_destination(chain("a")) is None
    note_destination(chain("a"), Address("one", 1))
    note_destination(chain("b"), Address("two", 2))
    note_destination(chain("a", "b"), Address("three", 3))
    assert last_destination(chain("a")) == ("one", 1)
    assert last_destination(chain("b")) == ("two", 2)
    assert last_destination(chain("a", "b")) == ("three", 3)
    assert last_destination(chain("b", "a")) is None
    for number in range(20):
        note_destination(chain("a"), Address("again", number))
    assert last_destination(chain("a")) == ("again", 19)
    assert last_destination(chain("b")) == ("two", 2)


def test_other_credentials_are_another_proxy() -> None:
    alice, bob = (Proxy.from_url(f"socks5h://{user}:x@proxy") for user in ("alice", "bob"))
    note_destination((alice,), Address("one", 1))
    assert last_destination((bob,)) is None
    assert last_destination((Proxy.from_url("socks5h://alice:x@proxy"),)) == ("one", 1)


def test_eight_chains_at_most() -> None:
    for number in range(8):
        note_destination(chain(f"proxy{number}"), Address("target", number))
    for number in (3, 0):  # neither is the latest, and then they are
        note_destination(chain(f"proxy{number}"), Address("target", number))
    for number in range(8):
        assert last_destination(chain(f"proxy{number}")) == ("target", number)
    note_destination(chain("another"), Address("target", 8))
    assert last_destination(chain("another")) == ("target", 8)
    assert last_destination(chain("proxy1")) is None
    for number in (0, *range(2, 8)):
        assert last_destination(chain(f"proxy{number}")) == ("target", number)
    assert len(recent.recent.get()) == 8


def test_each_thread_its_own() -> None:
    def elsewhere() -> Address | None:
        before = last_destination(chain("a"))
        note_destination(chain("a"), Address("there", 2))
        return before

    note_destination(chain("a"), Address("here", 1))
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(elsewhere).result() is None
        assert pool.submit(elsewhere).result() == ("there", 2)
    assert last_destination(chain("a")) == ("here", 1)


def test_each_task_its_own() -> None:
    async def connects(number: int) -> Address | None:
        note_destination(chain("a"), Address("task", number))
        await met.wait()
        return last_destination(chain("a"))

    async def main() -> list[Address | None]:
        nonlocal met
        met = asyncio.Barrier(2)
        note_destination(chain("a"), Address("main", 0))
        tasks = [asyncio.create_task(connects(number)) for number in (1, 2)]
        return [*await asyncio.gather(*tasks), last_destination(chain("a"))]

    met: Any = None
    assert asyncio.run(main()) == [("task", 1), ("task", 2), ("main", 0)]
    assert last_destination(chain("a")) is None


def test_each_context_its_own() -> None:
    context = contextvars.copy_context()
    context.run(note_destination, chain("a"), Address("there", 1))
    assert last_destination(chain("a")) is None
    assert context.run(last_destination, chain("a")) == ("there", 1)


# As the proxy is told


@pytest.fixture
def server(echo: Echo) -> Iterator[Server]:
    with Server(names={"origin.test": echo.address}) as server:
        yield server


def told(server: Server, proxy: Any = None, expected: Any = None) -> tuple[Any, Any]:
    """Whom a listener made now tells the server that it expects."""
    with socks5client.socket(proxy=proxy or server.url) as listener:
        listener.settimeout(5)
        assert listener.expected_peer is None
        listener.expected_peer = expected
        listener.listen()
        exchange = server.requests[-1]
        assert exchange.command == 2
        return exchange.host, exchange.port


# Those of an event loop run in tasks of their own.
BLOCKING = [name for name in DRIVERS if not re.search("asyncio|uvloop|trio", name)]


@pytest.mark.parametrize("connect", [DRIVERS[name] for name in BLOCKING], ids=BLOCKING)
def test_the_last_connect(echo: Echo, server: Server, connect: Driver) -> None:
    assert told(server) == ZEROS
    connect(echo.address, server.url).close()
    assert told(server) == echo.address
    assert told(server) == echo.address
    connect(("origin.test", echo.address[1]), server.url).close()
    assert told(server) == ("origin.test", echo.address[1])
    with pytest.raises(OSError):
        connect(("unknown.test", 80), server.url)  # nothing to expect from there
    assert told(server) == ("origin.test", echo.address[1])


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_the_last_connect_of_a_task(echo: Echo, server: Server, library: str) -> None:
    async def task() -> None:
        assert told(server) == ZEROS
        if library == "trio":
            await (await socks5client.trio.connect(echo.address, proxy=server.url)).aclose()
        else:
            (await socks5client.asyncio.connect(echo.address, proxy=server.url)).close()
        assert told(server) == echo.address

    if library == "trio":
        trio.run(task)
    else:
        asyncio.run(task())
    assert told(server) == ZEROS


def test_what_it_is_told_comes_first(echo: Echo, server: Server) -> None:
    socks5client.connect(echo.address, proxy=server.url).close()
    assert told(server, expected=("192.0.2.7", 80)) == ("192.0.2.7", 80)
    assert told(server, expected=ZEROS) == ZEROS
    assert told(server) == echo.address  # a BIND is no CONNECT


def test_it_counts_at_each_request(echo: Echo, server: Server) -> None:
    with socks5client.socket(proxy=server.url) as listener:
        listener.settimeout(0)
        listener.listen()
        for expected in (None, ("192.0.2.7", 80), None):
            socks5client.connect(echo.address, proxy=server.url).close()
            listener.expected_peer = expected
            server.hang_up(next(ex for ex in server.requests if not ex.closed and ex.command == 2))
            with pytest.raises(socks5client.RemoteProtocolError):
                listener.settimeout(5)
                listener.accept()
            listener.getsockname()
            last = server.requests[-1]
            assert (last.host, last.port) == (expected or echo.address)


def test_the_default_proxy_is_that_proxy(echo: Echo, server: Server) -> None:
    set_default_proxy(server.url)
    try:
        socks5client.connect(echo.address).close()
    finally:
        set_default_proxy(None)
    assert told(server) == echo.address


def test_another_proxy_does_not_count(echo: Echo, server: Server) -> None:
    with Server() as other:
        socks5client.connect(echo.address, proxy=other.url).close()
        assert told(server) == ZEROS
        socks5client.connect(echo.address, proxy=[other.url, server.url]).close()
        assert told(server) == ZEROS
        assert told(server, [other.url, server.url]) == echo.address
    with_credentials = f"socks5h://alice:secret@{server.host}:{server.port}"
    assert told(server, with_credentials) == ZEROS


def test_another_thread_does_not_count(echo: Echo, server: Server) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(socks5client.connect, echo.address, proxy=server.url).result().close()
        assert told(server) == ZEROS
        assert pool.submit(told, server).result() == echo.address


def test_another_task_does_not_count(echo: Echo, server: Server) -> None:
    async def connects() -> tuple[Any, Any]:
        socks5client.connect(echo.address, proxy=server.url).close()
        return told(server)

    async def main() -> None:
        assert await asyncio.create_task(connects()) == echo.address
        assert told(server) == ZEROS
        socks5client.connect(("origin.test", 7), proxy=server.url).close()
        assert told(server) == ("origin.test", 7)

    asyncio.run(main())


def test_what_failed_does_not_count(server: Server) -> None:
    with socket.socket() as held, pytest.raises(ConnectionRefusedError):
        held.bind(("127.0.0.1", 0))  # so that nobody else gets the port
        socks5client.connect(held.getsockname(), proxy=server.url)
    assert told(server) == ZEROS


def test_names_looked_up_here(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that the proxy took counts, whatever else the name means."""
    addresses = [("192.0.2.1", 80), ("192.0.2.2", 80)]
    infos = [(2, 1, 6, "", address) for address in addresses]
    monkeypatch.setattr("socks5client.tunnel.dial._getaddrinfo", lambda *args: infos)
    routes: Any = dict(zip(addresses, (ConnectionRefusedError(), echo.address), strict=True))
    with Server(routes=routes) as server:
        proxy = server.url.replace("socks5h", "socks5")
        socks5client.connect(("origin.test", 80), proxy=proxy).close()
        assert told(server, proxy) == ("192.0.2.2", 80)


@pytest.mark.parametrize("expected", [("n" * 256, 80), ("a", 65536), ("", 1)])
def test_what_cannot_be_expected(server: Server, expected: Any) -> None:
    with pytest.raises(ValueError):
        told(server, expected=expected)
    assert server.exchanges == []
