"""What listens: one rendezvous after the other, behind one fd that can be waited on."""

from __future__ import annotations

import errno
import os
import selectors
import socket as _stdlib
from _thread import allocate_lock
from _weakref import proxy

from ..protocol import Address, Command
from ..recent import last_destination
from ..sync import Rendezvous, open_tunnel, run
from ..tunnel import Deadline
from ..tunnel.rendezvous import ANYBODY
from .adopted import accepted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..route import Chain
    from .stream import socket

# How long after a failure the socket is not readable, in seconds.
PAUSE = 1.0


class Listener:
    """The rendezvous of a listening socket.

    The fd of the socket becomes that of a selector (epoll, kqueue), which is readable when what
    it watches is: the connection on which the second reply will come. So it stays the same
    through all of them, and nothing of an accepted connection clings to it.
    """

    def __init__(self, owner: socket, chain: Chain) -> None:
        source = owner._source
        if source is not None and source[1] != 0:
            raise OSError(
                errno.EADDRNOTAVAIL,
                f"the port of a rendezvous is the proxy's choice: bind port 0, not {source[1]}",
            )
        self._owner = proxy(owner)  # it holds us
        self._chain = chain
        self._turn = allocate_lock()  # of the thread that waits for a peer
        self._opening = allocate_lock()
        self._rendezvous: Rendezvous | None = None
        self._closed = False
        self.last_address: Any = None
        self._watched: int | None = None
        self._selector: Any = selectors.DefaultSelector()
        # Readable for ever: registered where accept() has no rendezvous to wait for, so that
        # whoever waits for the fd comes and asks for one.
        self._idle, other = _stdlib.socketpair()
        other.close()
        try:
            if not hasattr(self._selector, "fileno"):
                raise OSError(errno.EOPNOTSUPP, "listening through a proxy needs epoll or kqueue")
            self._open(self._deadline())
            owner._replace_fd(self._selector.fileno())
        except BaseException:
            self.close()
            raise

    def address(self) -> Any:
        """Where the peer is to connect; asks for a rendezvous where the last one is over."""
        self._open(self._deadline())
        return self.last_address

    def accept(self) -> tuple[socket, Any]:
        """As the socket's."""
        timeout = self._owner.gettimeout()
        deadline = Deadline.after(timeout) if timeout else None
        if not self._turn.acquire(timeout != 0, timeout or -1):
            if timeout == 0:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            raise TimeoutError("timed out")
        try:
            rendezvous = self._open(deadline or self._deadline())
            run(rendezvous.wait(), deadline, block=timeout != 0)
            tunnel = rendezvous.take()
            self._rendezvous = None
            self._watch(self._idle.fileno())
        except BaseException:
            if self._rendezvous is None or self._rendezvous.fileno() < 0:
                self._rendezvous = None
                self._rest()
            raise
        finally:
            self._turn.release()
        sock = accepted(tunnel, rendezvous.address)
        sock.settimeout(_stdlib.getdefaulttimeout())
        return sock, sock._peer

    def close(self) -> None:
        """Gives the present rendezvous up; what was accepted is left alone."""
        self._closed = True
        self._selector.close()
        self._idle.close()
        if self._rendezvous is not None:
            self._rendezvous.close()

    def _open(self, deadline: Deadline | None) -> Rendezvous:
        """The present rendezvous; asks for one where there is none."""
        with self._opening:
            if self._rendezvous is None:
                self._rendezvous = self._ask(deadline)
            if self._closed:
                self._rendezvous.close()
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            return self._rendezvous

    def _ask(self, deadline: Deadline | None) -> Rendezvous:
        owner = self._owner
        expected = owner.expected_peer or last_destination(self._chain) or ANYBODY
        tunnel = open_tunnel(
            self._chain,
            Address.from_tuple(expected),
            deadline,
            command=Command.BIND,
            family=owner.family,
            source_address=owner._source,
            socket_options=owner._options,
        )
        try:
            rendezvous = Rendezvous(self._chain, tunnel)
            self.last_address = rendezvous.address
            # Before it is closed: what a forked child holds would stay in the selector.
            rendezvous.before_close = self._unwatch
            self._watch(rendezvous.fileno())
        except BaseException:
            tunnel.wire.close()
            raise
        return rendezvous

    def _rest(self) -> None:
        """A rendezvous failed: the socket is quiet for a while, so that no loop is kept busy."""
        import threading  # nobody else needs it

        self._watch(None)
        timer = threading.Timer(PAUSE, self._watch, (self._idle.fileno(),))
        timer.daemon = True
        timer.start()

    def _watch(self, fd: int | None) -> None:
        """The socket is readable when `fd` is."""
        if self._closed or (self._rendezvous is not None and fd != self._rendezvous.fileno()):
            return
        self._unwatch()
        if fd is not None:
            self._selector.register(fd, selectors.EVENT_READ)
            self._watched = fd

    def _deadline(self) -> Deadline | None:
        """For the proxy's answer, which even a non-blocking socket has to wait for."""
        return Deadline.of_answer(self._owner.gettimeout())

    def _unwatch(self) -> None:
        watched, self._watched = self._watched, None
        if watched is not None and not self._closed:
            self._selector.unregister(watched)
