"""UDP ASSOCIATE for asyncio: a socket whose calls are awaited."""

from __future__ import annotations

from socket import AF_INET
from typing import TYPE_CHECKING, TypeVar

from .._socket.awaited import AwaitedDatagrams
from .._socket.functions import unassociated
from ..tunnel import Deadline
from ..tunnel.rendezvous import ANYBODY
from ..tunnel.waiting import Wait
from .running import Waiters, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._socket.datagram import DatagramSocket as DropIn
    from .._socket.stream import SocketAddress
    from ..route import ProxyLike
    from ..tunnel.waiting import Waiting

T = TypeVar("T")


class DatagramSocket(AwaitedDatagrams):
    """A UDP socket through a proxy, whose calls are awaited; `associate` makes one.

    At a time one task may wait to send, and one to receive. Closing it, or leaving it as a context
    manager, ends the association; whoever waits for the socket gets an OSError. Source: RFC 1928
    section 7.
    """

    def __init__(self, sock: DropIn) -> None:
        super().__init__(sock)
        self._waiters = Waiters()

    async def _call(self, write: bool, call: Callable[[], T]) -> T:
        try:
            return call()
        except BlockingIOError:
            purpose = "send" if write else "receive"
            steps = _retried(self._sock, write, call)
        return await self._waiters.run(purpose, steps)

    async def _run(self, steps: Waiting[T]) -> T:
        return await run(steps)

    def close(self) -> None:
        """Ends the association, unless a duplicate shares it."""
        self._waiters.end()
        super().close()


def _retried(sock: DropIn, write: bool, call: Callable[[], T]) -> Waiting[T]:
    while True:
        yield Wait((sock,), write)
        try:
            return call()
        except BlockingIOError:
            pass


async def associate(
    *,
    proxy: ProxyLike = None,
    timeout: float | None = None,
    family: int = AF_INET,
    client_address: SocketAddress = ANYBODY,
    fragment_size: int | None = None,
    local_addr: tuple[str, int] | None = None,
) -> DatagramSocket:
    """A UDP socket whose association stands (UDP ASSOCIATE); its calls are awaited.

    Parameters: those of `socks5client.associate`, and `local_addr`, ("host", port), where packets
    for the relay leave from. Raises as `connect` does. Source: RFC 1928 section 7.
    """
    deadline = Deadline.after(timeout)
    sock = unassociated(proxy, family, client_address, fragment_size)
    try:
        if local_addr is not None:
            sock.bind(local_addr)
        sock.stand(await run(sock.opening(), deadline))
        return DatagramSocket(sock)
    except BaseException:
        sock.close()
        raise
