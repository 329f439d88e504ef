"""What listens: one rendezvous after the other, behind one fd that can be waited on."""

from __future__ import annotations

import errno
import os
import selectors
import socket as _stdlib
from _thread import allocate_lock
from _weakref import proxy, ref
from functools import partial

from ..protocol import Address, Command
from ..recent import last_destination
from ..sync import Rendezvous, open_tunnel, run
from ..tunnel import Deadline
from ..tunnel.rendezvous import ANYBODY
from .adopted import accepted
from .locks import acquire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..route import Chain
    from ..tunnel import Tunnel
    from .stream import socket

# How long after a failure the socket is not readable, in seconds.
PAUSE = 1.0


class Listener:
    """The rendezvous of a listening socket.

    The fd of the socket becomes that of a selector (epoll, kqueue), which is readable when what
    it watches is: the connection on which the second reply will come. So it stays the same
    through all of them, and nothing of an accepted connection clings to it.
    """

    last_address: Any = None
    _over = 0  # the errno of what is tried from now on
    _rendezvous: Rendezvous | None = None
    _watched: int | None = None
    _selector: Any = None
    _idle: _stdlib.socket | None = None

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
        try:
            self._selector = selectors.DefaultSelector()
            # Readable for ever: registered where accept() has no rendezvous to wait for, so that
            # whoever waits for the fd comes and asks for one.
            self._idle, other = _stdlib.socketpair()
            other.close()
            if not hasattr(self._selector, "fileno"):
                raise OSError(errno.EOPNOTSUPP, "listening through a proxy needs epoll or kqueue")
            self._open(self._deadline())
            owner._replace_fd(self._selector.fileno())
        except BaseException:
            self.close()
            raise

    def address(self) -> Any:
        """Where the peer is to connect; asks for a rendezvous where the last one is over."""
        if not self._over:
            self._open(self._deadline())
        return self.last_address

    def accept(self) -> tuple[socket, Any]:
        """As the socket's."""
        timeout = self._owner.gettimeout()
        deadline = Deadline.after(timeout) if timeout else None
        held: list[bool] = []
        try:
            if not acquire(self._turn, timeout, held):
                if timeout == 0:
                    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                raise TimeoutError("timed out")
            rendezvous, tunnel = self._met(deadline, block=timeout != 0)
        finally:
            if True in held:
                self._turn.release()
        sock = accepted(tunnel, rendezvous.address)
        sock.settimeout(_stdlib.getdefaulttimeout())
        return sock, sock._peer

    def shutdown(self, how: int, /) -> None:
        """As on Linux: who waits in `accept` gets an error, and so does who comes later."""
        self._owner._check_open()
        if how not in (_stdlib.SHUT_RD, _stdlib.SHUT_WR, _stdlib.SHUT_RDWR):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if self._over:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        if how == _stdlib.SHUT_WR:
            return
        self._over = errno.EINVAL
        self._give_up()

    def close(self) -> None:
        """Gives the present rendezvous up; what was accepted is left alone."""
        self._over = errno.EBADF
        for part in (self._selector, self._idle, self._rendezvous):
            if part is not None:
                part.close()

    def __del__(self) -> None:
        self.close()  # the owner is gone, and nobody has closed it

    def _met(self, deadline: Deadline | None, *, block: bool) -> tuple[Rendezvous, Tunnel]:
        """A rendezvous that has had its peer, and the connection."""
        try:
            rendezvous = self._open(deadline or self._deadline())
            run(rendezvous.wait(), deadline, block=block)
            tunnel = rendezvous.take()
            self._rendezvous = None
            self._watch_idle()
            return rendezvous, tunnel
        except BaseException as error:
            if self._rendezvous is None or self._rendezvous.fileno() < 0:
                self._rendezvous = None
                if not self._over:
                    self._rest()
            if isinstance(error, OSError):
                self._check()
            raise

    def _open(self, deadline: Deadline | None) -> Rendezvous:
        """The present rendezvous; asks for one where there is none."""
        with self._opening:
            self._check()
            if self._rendezvous is None:
                self._rendezvous = self._ask(deadline)
            rendezvous = self._rendezvous
            if self._over:  # meanwhile
                self._give_up()
                self._check()
            return rendezvous

    def _check(self) -> None:
        if self._over:
            raise OSError(self._over, os.strerror(self._over))

    def _give_up(self) -> None:
        rendezvous, self._rendezvous = self._rendezvous, None
        if rendezvous is not None:
            rendezvous._hang_up()
            rendezvous.close()
        self._watch_idle()

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
            rendezvous.before_close = partial(_unwatch, ref(self))  # it is in no cycle
            self._watch(rendezvous.fileno())
        except BaseException:
            tunnel.wire.close()
            raise
        return rendezvous

    def _rest(self) -> None:
        """A rendezvous failed: the socket is quiet for a while, so that no loop is kept busy."""
        import threading  # nobody else needs it

        self._watch(None)
        timer = threading.Timer(PAUSE, self._watch_idle)
        timer.daemon = True
        timer.start()

    def _watch(self, fd: int | None) -> None:
        """The socket is readable when `fd` is."""
        present = self._rendezvous
        if self._over == errno.EBADF or (present is not None and fd != present.fileno()):
            return
        self.unwatch()
        if fd is not None:
            self._selector.register(fd, selectors.EVENT_READ)
            self._watched = fd

    def _watch_idle(self) -> None:
        assert self._idle is not None
        self._watch(self._idle.fileno())

    def _deadline(self) -> Deadline | None:
        """For the proxy's answer, which even a non-blocking socket has to wait for."""
        return Deadline.of_answer(self._owner.gettimeout())

    def unwatch(self) -> None:
        """What is watched is about to be closed."""
        watched, self._watched = self._watched, None
        if watched is not None and self._over != errno.EBADF:
            self._selector.unregister(watched)


def _unwatch(listener: ref[Listener]) -> None:
    owner = listener()
    if owner is not None:
        owner.unwatch()
