"""BIND for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..protocol import Address, Command
from ..tunnel import Deadline, rendezvous
from ..tunnel.rendezvous import ANYBODY, peer_of, rendezvous_route
from .running import Waiters, open_tunnel

if TYPE_CHECKING:
    import socket
    from types import TracebackType
    from typing import Self

    from ..route import Chain, ProxyLike
    from ..tunnel import Tunnel


class Rendezvous(rendezvous.Rendezvous):
    """Where one peer may connect, at the proxy; an async context manager. `bind` makes one.

    `address` is what to tell the peer: ("host", port), of IPv6 the four; `accept()` waits for
    it, `close()` gives it up. Source: RFC 1928 section 4, BIND.
    """

    def __init__(self, chain: Chain, tunnel: Tunnel) -> None:
        super().__init__(chain, tunnel)
        self._waiters = Waiters()
        self.before_close = self._waiters.end

    async def accept(self, timeout: float | None = None) -> tuple[socket.socket, Any]:
        """Waits for the peer, for at most `timeout` seconds (None: for ever); one task at a time.

        Returns (socket, address): a connected socket in non-blocking mode, and the address of
        the peer, as the proxy says. A rendezvous has one peer. Raises TimeoutError, after which
        it can be tried again, as it can after a cancellation; a SocksError where the proxy
        reports a failure or ends the wait, after which it is closed; OSError where another task
        closes it.
        """
        await self._waiters.run("accept", self.wait(), Deadline.after(timeout))
        tunnel = self.take()
        sock = tunnel.plain()
        sock.setblocking(False)
        return sock, peer_of(tunnel.reply)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


async def bind(
    expected_peer: tuple[str | bytes, int] | tuple[str, int, int, int] = ANYBODY,
    *,
    proxy: ProxyLike = None,
    timeout: float | None = None,
) -> Rendezvous:
    """A rendezvous at `proxy`, where one peer may connect (BIND).

    Parameters: `expected_peer`, ("host", port) or the four of IPv6, who is to come, zeros for
    anybody; `proxy` as for `connect`, but not `DIRECT`; `timeout`, in seconds, for the proxy's
    answer, None for no limit. Raises as `connect` does. Source: RFC 1928 section 4, BIND.
    """
    target = Address.from_tuple(expected_peer)
    route = rendezvous_route(proxy)
    tunnel = await open_tunnel(route, target, Deadline.after(timeout), command=Command.BIND)
    return Rendezvous(route, tunnel)
