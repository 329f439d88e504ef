"""BIND on plain blocking sockets."""

from __future__ import annotations

from ..protocol import Address, Command
from ..tunnel import rendezvous
from ..tunnel.deadline import Deadline
from ..tunnel.rendezvous import ANYBODY, peer_of, rendezvous_route
from .running import run
from .tunnel import open_tunnel

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from types import TracebackType
    from typing import Any, Self

    from ..route import Chain, ProxyLike
    from ..tunnel import Tunnel


class Rendezvous(rendezvous.Rendezvous):
    """Where one peer may connect, at the proxy; a context manager. `bind` makes one.

    `address` is what to tell the peer: ("host", port), of IPv6 the four. `accept()` waits for
    it. `fileno()` is readable when there is something for `accept()` to do. Source: RFC 1928
    section 4, BIND.
    """

    def accept(self, timeout: float | None = None) -> tuple[socket.socket, Any]:
        """Waits for the peer, for at most `timeout` seconds (None: for ever).

        Returns (socket, address): a connected socket in blocking mode, and the address of the
        peer, as the proxy says. A rendezvous has one peer. Raises TimeoutError, or
        BlockingIOError where `timeout` is 0, after which it can be tried again; a SocksError
        where the proxy reports a failure or ends the wait, after which it is closed.
        """
        deadline = Deadline.after(timeout) if timeout else None
        run(self.wait(), deadline, block=timeout != 0)
        tunnel = self.take()
        sock = self._hand_out(tunnel)
        sock.settimeout(None)
        return sock, peer_of(tunnel.reply)

    def _hand_out(self, tunnel: Tunnel) -> socket.socket:
        """The accepted socket: here a plain one."""
        return tunnel.plain()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def bind(
    expected_peer: tuple[str | bytes, int] | tuple[str, int, int, int] = ANYBODY,
    *,
    proxy: ProxyLike = None,
    timeout: float | None = None,
) -> Rendezvous:
    """A `Rendezvous` at `proxy`, whose `accept()` gives plain sockets.

    Parameters and errors are those of `socks5client.bind`. Source: RFC 1928 section 4, BIND.
    """
    return Rendezvous(*ask_for_rendezvous(expected_peer, proxy, timeout))


def ask_for_rendezvous(
    expected_peer: tuple[str | bytes, int] | tuple[str, int, int, int],
    proxy: ProxyLike,
    timeout: float | None,
) -> tuple[Chain, Tunnel]:
    """What a `Rendezvous` is made of; parameters and errors are those of `socks5client.bind`."""
    target = Address.from_tuple(expected_peer)
    route = rendezvous_route(proxy)
    return route, open_tunnel(route, target, Deadline.after(timeout), command=Command.BIND)
