"""timeout=, of every call."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import socks5client.asyncio as api
from socks5client import DIRECT, HandshakeTimeout
from tests.asyncio_driver.operations import OPERATIONS, connect, with_ssl
from tests.server_fixture import Fault, Server, stall
from tests.test_scenarios_bind import come, converse
from tests.tunnel.leftovers import nothing_left
from tests.tunnel.methods import Blocking
from tests.tunnel.stalling import STAGES, blackhole, deaf, stalled

if TYPE_CHECKING:
    from tests.asyncio_driver.loops import Loops
    from tests.asyncio_driver.operations import Operation

EACH = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)


@EACH
@pytest.mark.parametrize("stage", STAGES)
def test_timeout(loops: Loops, operation: Operation, stage: str) -> None:
    async def main() -> None:
        started = time.monotonic()
        with pytest.raises(HandshakeTimeout) as caught:
            await operation(proxy, timeout=0.05)
        assert 0.04 < time.monotonic() - started < 2
        assert f":{server.port}" in str(caught.value.proxy)
        if operation is connect:
            assert caught.value.target == ("destination.test", 80)

    with stalled(stage) as (server, proxy), nothing_left():
        loops.run(main)
        server.wait_idle()


@EACH
def test_no_time_at_all(loops: Loops, operation: Operation) -> None:
    async def main() -> None:
        with pytest.raises(HandshakeTimeout):
            await operation(proxy, timeout=0)

    with stalled("method") as (server, proxy), nothing_left():
        loops.run(main)
        server.wait_idle()


@EACH
@pytest.mark.parametrize("timeout", [-1, float("nan")])
def test_invalid(loops: Loops, operation: Operation, timeout: float) -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="negative"):
            await operation(server.url, timeout=timeout)
        assert server.exchanges == []

    with Server() as server, nothing_left():
        loops.run(main)


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if "ssl" not in name])
def test_as_much_time_as_there_is(loops: Loops, operation: str) -> None:
    async def main() -> None:
        result = await OPERATIONS[operation](server.url, target, timeout=float("inf"))
        result.close()

    with deaf() as target, Server() as server:
        loops.run(main)
        server.wait_idle()


def test_tls_with_the_destination_is_included(loops: Loops) -> None:
    async def main() -> None:
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            await with_ssl(server.url, target, timeout=0.2)
        assert 0.15 < time.monotonic() - started < 2
        with pytest.raises(TimeoutError):
            await with_ssl(DIRECT, target, timeout=0.2)

    with deaf() as target, Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()


def test_the_system_does_not_connect_in_time(loops: Loops) -> None:
    """DIRECT gives the system's errors: there is no proxy that they could be about."""

    async def main() -> None:
        with pytest.raises(TimeoutError) as caught:
            await connect(DIRECT, nowhere, timeout=0.05)
        assert not isinstance(caught.value, HandshakeTimeout)

    with blackhole() as nowhere, nothing_left():
        loops.run(main)


@pytest.mark.parametrize("what", ["the proxy", "the destination", "the next proxy"])
def test_a_name_that_takes_too_long(
    loops: Loops, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()
    proxies: dict[str, Any] = {
        "the proxy": "socks5h://proxy.test",
        "the destination": "socks5://127.0.0.1:1",
        "the next proxy": ["socks5://127.0.0.1:1", "socks5h://proxy.test"],
    }

    def getaddrinfo(*args: Any) -> Any:
        assert answer.wait(10)
        return []

    async def main() -> None:
        try:
            with pytest.raises(HandshakeTimeout) as caught:
                await connect(proxies[what], timeout=0.05)
            assert caught.value.proxy is not None
            assert caught.value.target == ("destination.test", 80)
        finally:
            answer.set()

    monkeypatch.setattr("socks5client.tunnel.dial._getaddrinfo", getaddrinfo)
    with nothing_left():
        loops.run(main)


def test_a_method_that_takes_too_long(loops: Loops) -> None:
    async def main() -> None:
        try:
            with pytest.raises(HandshakeTimeout) as caught:
                await connect(method.proxy(server), timeout=0.1)
            assert caught.value.proxy == method.proxy(server)
            assert caught.value.target == ("destination.test", 80)
        finally:
            method.go_on.set()

    method = Blocking()
    with Server(methods=[0]) as server, nothing_left():
        loops.run(main)
        server.wait_idle()


@pytest.mark.parametrize("timeout", [0, 0.05])
def test_accept_can_be_tried_again(loops: Loops, timeout: float) -> None:
    async def main() -> None:
        async with await api.bind(proxy=server.url) as meeting:
            for _ in range(3):
                with pytest.raises(TimeoutError, match="timed out") as caught:
                    await meeting.accept(timeout)
                assert not isinstance(caught.value, HandshakeTimeout)
            with pytest.raises(ValueError, match="negative"):
                await meeting.accept(-1)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(timeout):
                    await meeting.accept()
            peer = come(meeting.address)
            sock, address = await meeting.accept(5)
            assert address == peer.getsockname()
            sock.setblocking(True)
            converse(sock, peer)

    with Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()


def test_a_stalled_second_reply(loops: Loops) -> None:
    async def main() -> None:
        async with await api.bind(proxy=server.url) as meeting:
            with come(meeting.address):
                server.wait_for(lambda server: server.exchanges[-1].bound_peer)
                with pytest.raises(TimeoutError):
                    await meeting.accept(0.05)
            assert meeting.fileno() >= 0

    with Server(faults=[Fault("second-reply", stall())]) as server, nothing_left():
        loops.run(main)
        server.wait_idle()
