"""A proxy whose name has several addresses: the next is tried beside one that hangs (RFC 8305)."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
import trio

import socks5client
import socks5client.asyncio
import socks5client.trio
from socks5client import HandshakeTimeout, ProxyConnectionError, sync
from socks5client.tunnel import dial
from tests.drivers.in_asyncio import runner
from tests.origins import Echo, unused_address
from tests.server_fixture import Server
from tests.test_scenarios import check_echo
from tests.test_sync import addresses
from tests.tunnel.leftovers import nothing_left
from tests.tunnel.stalling import SOMEWHERE, blackhole, deaf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.drivers import Driver

PROXY = "socks5h://proxy.test"
LONG = 30.0  # a delay that no test waits for


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    with Echo() as origin:
        yield origin


@pytest.fixture
def nowhere() -> Iterator[tuple[str, int]]:
    with blackhole() as address:
        yield address


@pytest.fixture
def delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits before the next attempt does so for too long."""
    monkeypatch.setattr(dial, "ATTEMPT_DELAY", LONG)


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says what the proxy's name means."""
    return lambda *places: monkeypatch.setattr(dial, "_getaddrinfo", addresses(*places))


def test_a_blackhole(nowhere: Any) -> None:
    """It is one: a connection there is neither made nor refused."""
    with socket.socket() as sock, pytest.raises(TimeoutError):
        sock.settimeout(0.5)
        sock.connect(nowhere)


def test_one_that_hangs(connect: Driver, echo: Echo, resolve: Any, nowhere: Any) -> None:
    with Server() as server:
        resolve(nowhere, server.address)
        started = time.monotonic()
        connection = connect(echo.address, PROXY, 10)
        assert 0.2 < time.monotonic() - started < 1.5
        check_echo(connection)


@pytest.mark.usefixtures("delay")
def test_one_that_refuses(connect: Driver, echo: Echo, resolve: Any) -> None:
    """The next one is tried at once."""
    with Server() as server:
        resolve(unused_address(), unused_address(), server.address)
        check_echo(connect(echo.address, PROXY, 10))


@pytest.mark.usefixtures("delay")
def test_the_first_takes_it(connect: Driver, echo: Echo, resolve: Any, nowhere: Any) -> None:
    """Then nobody asks the others."""
    with Server() as server:
        resolve(server.address, nowhere, ("192.0.2.1", 1))
        check_echo(connect(echo.address, PROXY, 10))


def test_the_slower_one_may_win(connect: Driver, echo: Echo, resolve: Any, nowhere: Any) -> None:
    """An attempt goes on beside those that fail after it."""
    with Server() as server:
        resolve(nowhere, unused_address(), unused_address(), server.address)
        started = time.monotonic()
        check_echo(connect(echo.address, PROXY, 10))
        assert time.monotonic() - started < 1.5


@pytest.mark.usefixtures("delay")
def test_all_refuse(connect: Driver, echo: Echo, resolve: Any) -> None:
    resolve(unused_address(), unused_address(), unused_address())
    with nothing_left():
        with pytest.raises(ProxyConnectionError) as caught:
            connect(echo.address, PROXY, 10)
        assert caught.value.errno == errno.ECONNREFUSED


@pytest.mark.usefixtures("delay")
def test_the_last_error_is_told(connect: Driver, echo: Echo, resolve: Any) -> None:
    """Here one that comes at once."""
    resolve(unused_address(), ("255.255.255.255", 1))
    with pytest.raises(ProxyConnectionError) as caught:
        connect(echo.address, PROXY, 10)
    with socket.socket() as sock:
        assert caught.value.errno == sock.connect_ex(("255.255.255.255", 1))
        assert caught.value.errno not in (0, errno.ECONNREFUSED)


def test_no_address_at_all(connect: Driver, echo: Echo, resolve: Any) -> None:
    resolve()
    with nothing_left(), pytest.raises(ProxyConnectionError, match="no address"):
        connect(echo.address, PROXY, 10)


@pytest.mark.usefixtures("delay")
def test_the_families_take_turns(
    connect: Driver, echo: Echo, resolve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beginning with that of the first (RFC 8305 section 4)."""
    tried = []
    real = dial._connect_ex

    def connect_ex(sock: socket.socket, address: Any) -> int:
        tried.append(address)
        return real(sock, address)

    with socket.socket() as v4, socket.socket(socket.AF_INET6) as v6:  # bound, so nobody else is
        v4.bind(("127.0.0.1", 0))
        v6.bind(("::1", 0))
        four, six = v4.getsockname(), v6.getsockname()[:2]
        resolve(six, six, six, four, four)
        monkeypatch.setattr(dial, "_connect_ex", connect_ex)
        with pytest.raises(ProxyConnectionError):
            connect(echo.address, PROXY, 10)
        assert tried == [six, four, six, four, six]


def test_the_losers_are_closed(resolve: Any, nowhere: Any) -> None:
    """By each way of running a conversation, with several attempts under way."""

    async def in_asyncio() -> None:
        (await socks5client.asyncio.connect(target, proxy=PROXY)).close()

    async def in_trio() -> None:
        await (await socks5client.trio.connect(target, proxy=PROXY)).aclose()

    with deaf() as target, Server() as server:
        resolve(nowhere, nowhere, server.address, nowhere)
        with runner(uvloop=True) as running:
            running.run(asyncio.sleep(0))  # the first one opens descriptors that stay
        with nothing_left():
            for uvloop in (False, True):
                with runner(uvloop) as running:
                    running.run(in_asyncio())
            trio.run(in_trio)
            sync.connect(target, proxy=PROXY).close()
            socks5client.connect(target, proxy=PROXY).close()
            server.wait_idle()


def test_a_deadline_that_is_shorter(
    connect: Driver, echo: Echo, resolve: Any, nowhere: Any
) -> None:
    resolve(nowhere, nowhere)
    with nothing_left():
        started = time.monotonic()
        with pytest.raises(HandshakeTimeout):
            connect(echo.address, PROXY, 0.1)
        assert 0.09 < time.monotonic() - started < 1.5


def at_the_third(patch: pytest.MonkeyPatch, hook: Callable[[], object]) -> None:
    """Calls `hook` as soon as there are three attempts."""
    attempts = []
    real = dial._connect_ex

    def connect_ex(sock: socket.socket, address: Any) -> int:
        attempts.append(sock)
        if len(attempts) == 3:
            hook()
        return real(sock, address)

    patch.setattr(dial, "_connect_ex", connect_ex)


@pytest.mark.parametrize("uvloop", [False, True])
def test_cancelled_in_asyncio(
    uvloop: bool, resolve: Any, nowhere: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(socks5client.asyncio.connect(SOMEWHERE, proxy=PROXY))
        at_the_third(monkeypatch, lambda: loop.call_soon(task.cancel))
        with pytest.raises(asyncio.CancelledError):
            await task

    resolve(nowhere, nowhere, nowhere, nowhere)
    with runner(uvloop) as running:
        running.run(asyncio.sleep(0))  # the first one opens descriptors that stay
    with nothing_left(), runner(uvloop) as running:
        running.run(main())


def test_cancelled_in_trio(resolve: Any, nowhere: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        with trio.CancelScope() as scope:
            at_the_third(monkeypatch, scope.cancel)
            await socks5client.trio.connect(SOMEWHERE, proxy=PROXY)
        assert scope.cancelled_caught

    resolve(nowhere, nowhere, nowhere, nowhere)
    with nothing_left():
        trio.run(main)


def test_interrupted(resolve: Any, nowhere: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    resolve(nowhere, nowhere, nowhere, nowhere)
    at_the_third(monkeypatch, interrupt)
    with nothing_left(), pytest.raises(KeyboardInterrupt):
        sync.connect(SOMEWHERE, proxy=PROXY)
