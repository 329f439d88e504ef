"""UDP ASSOCIATE for trio: a trio socket."""

from __future__ import annotations

from socket import AF_INET
from typing import TYPE_CHECKING, TypeVar

import trio

from .._socket.awaited import AwaitedDatagrams
from .._socket.functions import unassociated
from ..tunnel import Deadline
from ..tunnel.rendezvous import ANYBODY
from .running import notify_closing, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._socket.stream import SocketAddress
    from ..route import ProxyLike
    from ..tunnel.waiting import Waiting

T = TypeVar("T")


class DatagramSocket(AwaitedDatagrams, trio.socket.SocketType):
    """A trio socket for UDP through a proxy; `associate` makes one.

    Closing it, or leaving it as a context manager, ends the association. Source: RFC 1928
    section 7.
    """

    async def _call(self, write: bool, call: Callable[[], T]) -> T:
        wait = trio.lowlevel.wait_writable if write else trio.lowlevel.wait_readable
        await trio.lowlevel.checkpoint_if_cancelled()
        while True:
            try:
                result = call()
            except BlockingIOError:
                await wait(self._sock)
            else:
                await trio.lowlevel.cancel_shielded_checkpoint()
                return result

    async def _run(self, steps: Waiting[T]) -> T:
        return await run(steps)

    async def wait_writable(self) -> None:
        """Waits until a datagram can be sent."""
        await trio.lowlevel.wait_writable(self._sock)

    def close(self) -> None:
        """Ends the association; whoever waits for the socket gets a `trio.ClosedResourceError`."""
        notify_closing(self._sock)
        super().close()


async def associate(
    *,
    proxy: ProxyLike = None,
    timeout: float | None = None,
    family: int = AF_INET,
    client_address: SocketAddress = ANYBODY,
    fragment_size: int | None = None,
) -> DatagramSocket:
    """A trio socket whose association stands (UDP ASSOCIATE).

    Parameters: those of `socks5client.associate`. Raises as `connect` does. Source: RFC 1928
    section 7.
    """
    await trio.lowlevel.checkpoint_if_cancelled()
    deadline = Deadline.after(timeout)
    sock = unassociated(proxy, family, client_address, fragment_size)
    try:
        sock.stand(await run(sock.opening(), deadline))
        return DatagramSocket(sock)
    except BaseException:
        sock.close()
        raise
