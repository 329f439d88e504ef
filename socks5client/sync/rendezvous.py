"""BIND: a rendezvous at the proxy, where one peer may connect (RFC 1928 section 4)."""

from __future__ import annotations

import errno
import socket

from ..protocol import Address, Command
from ..route import DIRECT, find_route
from .deadline import Deadline, is_timeout
from .dial import own_host
from .tunnel import broken, open_tunnel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, Self

    from ..protocol import Reply
    from ..route import Chain, ProxyLike
    from .tunnel import Tunnel

ANYBODY = Address("0.0.0.0", 0)


class Rendezvous:
    """Where one peer may connect, at the proxy; a context manager.

    `address` is what to tell the peer: ("host", port), of IPv6 the four. `accept()` waits for
    it. `fileno()` is readable when there is something for `accept()` to do. Source: RFC 1928
    section 4, BIND.
    """

    def __init__(self, chain: Chain, tunnel: Tunnel) -> None:
        self._tunnel: Tunnel | None = tunnel
        self.before_close: Callable[[], None] | None = None
        bound = tunnel.reply.bound
        if bound is None or not bound.is_usable:
            try:
                host = own_host(chain, tunnel.wire).partition("%")[0]
            except BaseException:
                tunnel.wire.close()
                raise
            bound = Address(host, tunnel.reply.port)
        self.address: Any = bound.to_tuple()
        self._here: socket.socket | None = None
        if tunnel.handshake is not None and tunnel.handshake.reply is not None:
            # Where something wraps the bytes, the second reply may come along with the first:
            # then nothing more makes the connection readable, and this is, for ever.
            self._here, other = socket.socketpair()
            other.close()

    def accept(self, timeout: float | None = None) -> tuple[socket.socket, Any]:
        """Waits for the peer, for at most `timeout` seconds (None: for ever).

        Returns (socket, address): a connected socket in blocking mode, and the address of the
        peer, as the proxy says. A rendezvous has one peer. Raises TimeoutError, or
        BlockingIOError where `timeout` is 0, after which it can be tried again; a SocksError
        where the proxy reports a failure or ends the wait, after which it is closed.
        """
        self.wait(Deadline.after(timeout) if timeout else None, block=timeout != 0)
        tunnel = self.take()
        sock = self._hand_out(tunnel)
        sock.settimeout(None)
        return sock, peer_of(tunnel.reply)

    def wait(self, deadline: Deadline | None, *, block: bool = True) -> None:
        """Waits for the peer, as `accept` does; not at all without `block`."""
        if self._tunnel is None:
            raise OSError(errno.EBADF, "the rendezvous is closed, or has had its peer")
        wire, handshake = self._tunnel.wire, self._tunnel.handshake
        assert handshake is not None
        while handshake.reply is None:
            try:
                if deadline is None:
                    wire.setblocking(block)
                else:
                    deadline.apply(wire)
                data = wire.recv(handshake.bytes_needed)
            except BlockingIOError:
                raise
            except OSError as error:
                if is_timeout(error):
                    raise TimeoutError("timed out") from None
                self.close()
                raise handshake.placed(broken(error)) from error
            try:
                handshake.receive_data(data)
            except BaseException:
                self.close()
                raise

    def take(self) -> Tunnel:
        """After `wait`: the conversation, with the second reply; the caller's from now on."""
        tunnel, self._tunnel = self._tunnel, None
        self._close_here()
        if tunnel is None:
            raise OSError(errno.EBADF, "the rendezvous was closed meanwhile")
        assert tunnel.handshake is not None
        return tunnel._replace(reply=tunnel.handshake.reply)

    def fileno(self) -> int:
        """Readable when `accept` has something to do; -1 once it is over."""
        if self._tunnel is None:
            return -1
        return self._tunnel.wire.fileno() if self._here is None else self._here.fileno()

    def close(self) -> None:
        """Gives the rendezvous up; an accepted socket is left alone."""
        tunnel, self._tunnel = self._tunnel, None
        if tunnel is not None and self.before_close is not None:
            self.before_close()
        self._close_here()
        if tunnel is not None:
            tunnel.wire.close()

    def _close_here(self) -> None:
        if self._here is not None:
            self._here.close()

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
    """What a `Rendezvous` is made of."""
    target = Address.from_tuple(expected_peer)
    route = find_route(proxy)
    if route is DIRECT:
        raise ValueError("a rendezvous is at a proxy, and DIRECT is none: use a listening socket")
    return route, open_tunnel(route, target, Deadline.after(timeout), command=Command.BIND)


def peer_of(reply: Reply) -> Any:
    """The address of the peer, as BIND's second reply says."""
    return (reply.bound or Address("0.0.0.0", reply.port)).to_tuple()
