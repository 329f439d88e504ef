"""BIND: a rendezvous at the proxy, where one peer may connect (RFC 1928 section 4)."""

from __future__ import annotations

import errno
import socket

from ..protocol import Address
from ..route import DIRECT, find_route
from .conversing import broken
from .deadline import is_timeout
from .dial import own_host
from .waiting import receive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..protocol import Reply
    from ..route import Chain, ProxyLike
    from .opening import Tunnel
    from .waiting import Waiting

ANYBODY = Address("0.0.0.0", 0)


class Rendezvous:
    """Where one peer may connect, at the proxy: what each driver's `Rendezvous` begins with.

    Parameters: `chain`, the proxies; `tunnel`, the conversation, with the first reply.

    `address` is what to tell the peer: ("host", port), of IPv6 the four. Source: RFC 1928
    section 4, BIND.
    """

    def __init__(self, chain: Chain, tunnel: Tunnel) -> None:
        self._tunnel: Tunnel | None = tunnel
        self.before_close: Callable[[], None] | None = None
        self._here: socket.socket | None = None
        try:
            tunnel.wire.setblocking(False)
            bound = tunnel.reply.bound
            if bound is None or not bound.is_usable:
                host = own_host(chain, tunnel.wire).partition("%")[0]
                bound = Address(host, tunnel.reply.port)
            self.address: Any = bound.to_tuple()
            if tunnel.handshake is not None and tunnel.handshake.reply is not None:
                # Where something wraps the bytes, the second reply may come along with the first:
                # then nothing more makes the connection readable, and this is, for ever.
                self._here, other = socket.socketpair()
                other.close()
        except BaseException:
            tunnel.wire.close()
            raise

    def wait(self) -> Waiting[None]:
        """Waits for the peer.

        Where that takes too long (TimeoutError, BlockingIOError), it can be tried again; where
        the proxy reports a failure or ends the wait (a SocksError), it is closed; OSError where
        it has been closed.
        """
        if self._tunnel is None:
            raise OSError(errno.EBADF, "the rendezvous is closed, or has had its peer")
        wire, handshake = self._tunnel.wire, self._tunnel.handshake
        assert handshake is not None
        while handshake.reply is None:
            try:
                data = yield from receive(wire, handshake.bytes_needed, None, answer=False)
            except BlockingIOError:
                raise
            except OSError as error:
                if is_timeout(error):
                    raise TimeoutError("timed out") from None
                if self._tunnel is None:
                    raise OSError(errno.EBADF, "the rendezvous was closed meanwhile") from error
                self.close()
                raise handshake.placed(broken(error)) from error
            try:
                handshake.receive_data(data)
            except BaseException:
                self.close()
                raise

    def take(self) -> Tunnel:
        """After `wait`: the conversation, with the second reply; the caller's from now on.

        Raises OSError where it has been closed meanwhile.
        """
        tunnel, self._tunnel = self._tunnel, None
        self._close_here()
        if tunnel is None:
            raise OSError(errno.EBADF, "the rendezvous was closed meanwhile")
        assert tunnel.handshake is not None
        return tunnel._replace(reply=tunnel.handshake.reply)

    def fileno(self) -> int:
        """Readable when the wait has something to do; -1 once it is over."""
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

    def _hang_up(self) -> None:
        """Wakes another thread that waits: to it the connection is at its end."""
        if self._tunnel is not None:
            try:
                self._tunnel.wire.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is

    def _close_here(self) -> None:
        if self._here is not None:
            self._here.close()


def peer_of(reply: Reply) -> Any:
    """The address of the peer, as `reply`, BIND's second one, says."""
    return (reply.bound or Address("0.0.0.0", reply.port)).to_tuple()


def rendezvous_route(proxy: ProxyLike) -> Chain:
    """The proxies to ask for a rendezvous; `proxy` as everywhere. Raises ValueError for none."""
    route = find_route(proxy)
    if route is DIRECT:
        raise ValueError("a rendezvous is at a proxy, and DIRECT is none: use a listening socket")
    return route
