"""Cancelled in any turn of the loop, that in which the result arrives among them.

Whatever comes of it, the connection is either the caller's or closed. The steps of a conversation
are counted in its `Stepper`, so every interleaving is really met; what asyncio does by itself
(TLS, transports) by the turns of the loop.
"""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

import socks5client.asyncio as api
from socks5client.tunnel.stepper import Stepper
from tests.asyncio_driver.operations import OPERATIONS, with_ssl
from tests.origins import UdpEcho
from tests.server_fixture import Server
from tests.test_scenarios_bind import come, contexts
from tests.tunnel.leftovers import nothing_left
from tests.tunnel.stalling import deaf

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.asyncio_driver.loops import Loops
    from tests.asyncio_driver.operations import Operation

WHEN = pytest.mark.parametrize("when", ["before", "after"])


class Interruption:
    """Cancels the present `task` right before, or after, its step of the number `at`."""

    def __init__(self, patch: pytest.MonkeyPatch, when: str) -> None:
        self.task: asyncio.Task[Any] | None = None
        self.at = self._steps = 0
        self._cancelled = False
        take = Stepper._take

        def counting(stepper: Stepper, *args: Any) -> None:
            is_the_one = self._steps == self.at
            self._steps += 1
            # The first step is the task's own. Who cancels himself there, and then ends without
            # another await, loses his result to asyncio: nobody else can do that to him.
            own = asyncio.current_task() is self.task
            if is_the_one and when == "before" and not own:
                self.cancel()
            take(stepper, *args)
            if is_the_one and (stepper.is_under_way if own else when == "after"):
                self.cancel()

        patch.setattr(Stepper, "_take", counting)

    def cancel(self) -> None:
        assert self.task is not None
        self._cancelled = self.task.cancel()

    async def sweep(self, call: Callable[[], Any], dispose: Callable[[Any], Any]) -> int:
        """Interrupts `call` at each of its steps; returns how many it has."""
        for self.at in count():
            self._steps, self._cancelled = 0, False
            self.task = asyncio.create_task(call())
            try:
                result = await self.task
            except asyncio.CancelledError:
                continue
            dispose(result)
            await asyncio.sleep(0)  # a transport's connection_lost()
            if self._steps <= self.at or not self._cancelled:
                return self._steps
        raise AssertionError


@WHEN
@pytest.mark.parametrize(
    "operation",
    [pytest.param(value, id=name) for name, value in OPERATIONS.items() if value != with_ssl],
)
def test_at_any_step(
    loops: Loops, operation: Operation, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        interruption = Interruption(monkeypatch, when)
        steps = await interruption.sweep(lambda: operation(server.url, target), close)
        assert steps >= 3  # the proxy answers twice

    def close(result: Any) -> None:
        result.close()

    with deaf() as target, Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()


@WHEN
@pytest.mark.parametrize("ends", [True, False])
def test_accept(loops: Loops, when: str, ends: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancelled accept() leaves the rendezvous as it is: the next one has the peer."""

    async def main() -> None:
        interruption = Interruption(monkeypatch, when)
        interruption.at = -1
        async with await api.bind(proxy=server.url) as meeting:
            if ends:
                server.hang_up(server.exchanges[-1])
                with pytest.raises(OSError):
                    await interruption.sweep(meeting.accept, lambda result: None)
            else:
                with come(meeting.address):
                    await interruption.sweep(meeting.accept, lambda result: result[0].close())

    with Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()


@WHEN
def test_datagrams(loops: Loops, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that is cancelled raises CancelledError, and the socket can still be used."""

    async def main() -> None:
        interruption = Interruption(monkeypatch, when)
        assert await interruption.sweep(converse, lambda result: None) >= 3

    async def converse() -> None:
        with await api.associate(proxy=server.url) as sock:
            await sock.sendto(b"x", origin.address)
            try:
                assert await sock.recvfrom(10) == (b"x", origin.address)
            except asyncio.CancelledError:
                assert await sock.sendto(b"x", origin.address) == 1
                raise

    with UdpEcho() as origin, Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()


@WHEN
def test_a_name_that_is_looked_up(loops: Loops, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        interruption = Interruption(monkeypatch, when)
        url = f"socks5://localhost:{server.port}"
        await interruption.sweep(
            lambda: api.connect(("localhost", target[1]), proxy=url), lambda sock: sock.close()
        )

    with deaf() as target, Server() as server, nothing_left():
        loops.run(main)
        server.wait_idle()


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("operation", ["create_connection", "open_connection"])
def test_in_any_turn(loops: Loops, operation: str, tls: bool) -> None:
    """The loop's own create_connection() is awaited here, too."""

    async def open_(turns: int | None = None) -> Any:
        """Cancels it after so many turns; closes what comes of it all the same."""
        task: asyncio.Task[Any] = asyncio.create_task(
            OPERATIONS[operation](server.url, target, **options)  # type: ignore[arg-type]
        )
        if turns is not None:
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
        opened = await task
        (opened if hasattr(opened, "abort") else opened.transport).abort()
        await asyncio.sleep(0)

    async def main() -> None:
        for turns in range(80):
            try:
                await open_(turns)
            except asyncio.CancelledError:
                pass
        await open_()

    options = {"ssl": contexts()[1], "server_hostname": "127.0.0.1"} if tls else {}
    with deaf(contexts()[0] if tls else None) as target, Server() as server, nothing_left():
        # uvloop says so where TLS is aborted in some turns, with a direct connection, too.
        loops.run(main, "the handler is closed" if loops.uvloop and tls else "\0")
        server.wait_idle()
