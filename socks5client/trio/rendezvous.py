"""BIND for trio."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from ..protocol import Address, Command
from ..tunnel import Deadline, rendezvous
from ..tunnel.rendezvous import ANYBODY, peer_of, rendezvous_route
from .connection import stream_of
from .running import notify_closing, open_tunnel, run

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from ..route import Chain, ProxyLike
    from ..tunnel import Tunnel


class Rendezvous(rendezvous.Rendezvous, trio.abc.AsyncResource):
    """Where one peer may connect, at the proxy; an async context manager. `bind` makes one.

    `address` is what to tell the peer: ("host", port), of IPv6 the four; `accept()` waits for
    it, `close()` gives it up. Source: RFC 1928 section 4, BIND.
    """

    def __init__(self, chain: Chain, tunnel: Tunnel) -> None:
        super().__init__(chain, tunnel)
        self.before_close = partial(notify_closing, tunnel.wire)

    async def accept(self, timeout: float | None = None) -> tuple[trio.SocketStream, Any]:
        """Waits for the peer, for at most `timeout` seconds (None: for ever).

        Returns (stream, address): a `trio.SocketStream`, and the address of the peer, as the
        proxy says. A rendezvous has one peer. Raises TimeoutError, after which it can be tried
        again, as it can after a cancellation; a SocksError where the proxy reports a failure or
        ends the wait, after which it is closed; `trio.ClosedResourceError` where another task
        closes it, `trio.BusyResourceError` where another one is waiting.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        await run(self.wait(), Deadline.after(timeout))
        tunnel = self.take()
        return stream_of(tunnel.plain()), peer_of(tunnel.reply)

    async def aclose(self) -> None:
        """As `close`."""
        self.close()
        await trio.lowlevel.checkpoint()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


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
