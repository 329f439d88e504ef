"""A socket whose fd carries plain bytes, where the wire carries wrapped ones.

TLS to the proxy, and methods that encapsulate, change every byte; yet the user's fd must
work in `select`, `ssl`, `asyncio` and C code. So the user gets one end of a socketpair, and
the background thread moves the bytes of all such connections between the other end and the wire.

What a plain connection does is carried over: back-pressure both ways (nothing is read from
one side before the other has taken what was read last), half-close, and delivery of all that
was written before `close()` or the end of the interpreter. What is not: a wire that breaks closes
the user's end, so that he reads what had arrived before, then the end (a pair cannot be made
to say "reset" at will), and writing is an error; and after a fork the child's copy works only
as long as the parent, whose thread serves it.
"""

from __future__ import annotations

import atexit
import os
import select
import socket
import threading
from functools import partial

from ._pump import Pump
from .protocol.encapsulation import ended, finish, unwrap, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .protocol import Encapsulation

_CHUNK = 65536
# How long the exit of the interpreter may wait for what was written, in seconds.
_EXIT_TIMEOUT = 10.0


def bridge(wire: socket.socket, layers: Sequence[Encapsulation], received: bytes) -> socket.socket:
    """The plain end of a connection, a blocking socket of the family AF_UNIX.

    `wire` is the connected socket, owned by the bridge from now on, whatever happens;
    `layers` what wraps its data, outermost first; `received` plain bytes that have arrived
    already. Raises OSError where the system has no socket pairs or no `poll`.
    """
    plain = near = None
    try:
        pump = Pump.current()
        plain, near = socket.socketpair()
        link = _Link(pump, near, wire, layers, received)
        pump.call(link.start)
    except BaseException:
        for sock in (plain, near, wire):
            if sock is not None:
                sock.close()
        raise
    return plain


class _End:
    """One of the two sockets of a link, and what is still to be written to it."""

    def __init__(self, sock: socket.socket, pending: bytes = b"") -> None:
        sock.setblocking(False)
        self.sock = sock
        self.fd = sock.fileno()
        self.pending = bytearray(pending)
        self.ended = False  # its peer will send nothing more
        self.shut = False  # we will write nothing more
        self.hung = False  # poll() said so: it would say so for ever
        self.mask: int | None = None  # what it is registered for

    def read(self) -> bytes | None:
        """What has arrived, b"" at the end, None for nothing yet."""
        try:
            data = self.sock.recv(_CHUNK)
        except BlockingIOError:
            return None
        self.ended = not data
        return data

    def flush(self) -> bool:
        """Writes what the kernel takes; True when nothing is pending."""
        try:
            while self.pending:
                del self.pending[: self.sock.send(self.pending)]
        except BlockingIOError:
            return False
        return True

    def shutdown(self) -> None:
        """Tells the peer that nothing more comes, once."""
        if not self.shut:
            self.shut = True
            self.sock.shutdown(socket.SHUT_WR)


class _Link:
    """One connection: `near` is our end of the socketpair, `far` the wire."""

    def __init__(
        self,
        pump: Pump,
        near: socket.socket,
        far: socket.socket,
        layers: Sequence[Encapsulation],
        received: bytes,
    ) -> None:
        self.near = _End(near, received)
        self.far = _End(far)
        self._pump = pump
        self._layers = tuple(layers)
        self._finished = False
        self._abandoned = False
        _links.add(self)

    def start(self) -> None:
        """In the pump's thread: there may be something to deliver, or to read, already."""
        self.far.ended = ended(self._layers)
        self._flush_near()
        self._go_on()

    def drain(self) -> None:
        """At exit: takes what the user has written so far, as if he had closed then."""
        while not self.near.ended:
            self.near.ended = not self._take()
        self._flush_far()
        self._go_on()

    def close(self) -> None:
        """Closes both ends; what the kernel holds it still delivers."""
        _links.discard(self)
        self.near.sock.close()
        self.far.sock.close()

    def _ready(self, end: _End, mask: int) -> None:
        """`end` is as poll() says."""
        if mask & (select.POLLHUP | select.POLLERR):
            end.hung = True
        if end is self.near:
            if mask & select.POLLOUT:
                self._flush_near()
            # Behind a hang-up lies what was written before it.
            if not self.near.ended and not self.far.pending:
                self._read_near()
            if self.near.hung and self.near.ended:
                self._abandon()
        else:
            if mask & select.POLLOUT:
                self._flush_far()
            if mask & ~select.POLLOUT and not self.far.ended and not self.near.pending:
                self._read_far()
        self._go_on()

    def _go_on(self) -> None:
        """Polls each end for what is wanted of it, or closes where nothing is left to carry."""
        if self.far.shut and (self.near.shut or self._abandoned):
            self._poll(self.near, None)
            self._poll(self.far, None)
            self.close()
        else:
            for end, wanted in self._interests():
                self._poll(end, wanted)
        if _draining and all(link.far.shut for link in tuple(_links)):
            _delivered.set()

    def _poll(self, end: _End, wanted: int | None) -> None:
        """Registers `end` for the events `wanted`, or not at all."""
        if wanted == 0 and end.hung:
            wanted = None  # a hang-up would be reported for ever
        if wanted == end.mask:
            return
        if wanted is None:
            self._pump.unregister(end.fd)
        elif end.mask is None:
            self._pump.register(end.fd, wanted, partial(self._ready, end))
        else:
            self._pump.modify(end.fd, wanted)
        end.mask = wanted

    def _interests(self) -> tuple[tuple[_End, int], tuple[_End, int]]:
        """What to poll each end for: to read from one only when the other has taken all."""
        near = select.POLLOUT if self.near.pending else 0
        far = select.POLLOUT if self.far.pending else 0
        if not self.far.pending and not self.near.ended:
            near |= select.POLLIN
        if not self.near.pending and not self.far.ended:
            far |= select.POLLIN
        return (self.near, near), (self.far, far)

    def _read_near(self) -> None:
        if self._take() or self.near.ended:
            self._flush_far()

    def _take(self) -> bool:
        """Moves a piece of what the user wrote towards the wire."""
        try:
            data = self.near.read()
        except OSError:  # he closed with data unread; all that he wrote came before
            self.near.ended = True
            self._abandon()
            return False
        if data:
            try:
                self.far.pending += wrap(self._layers, data)
            except OSError:
                self._stop_writing()
        return bool(data)

    def _read_far(self) -> None:
        try:
            data = self.far.read()
            if data:
                plain = unwrap(self._layers, data)
                if not self._abandoned:
                    self.near.pending += plain
                self.far.ended = ended(self._layers)
        except OSError:  # a reset, or bytes that no layer accepts
            self.far.ended = True
            self._stop_writing()
        self._flush_near()

    def _flush_far(self) -> None:
        try:
            if not self.far.flush() or not self.near.ended:
                return
            if not self._finished:
                self._finished = True
                self.far.pending += finish(self._layers)
            if self.far.flush():
                self.far.shutdown()
        except OSError:
            self._stop_writing()

    def _flush_near(self) -> None:
        try:
            if self.near.flush() and self.far.ended:
                self.near.shutdown()
        except OSError:
            self._abandon()

    def _stop_writing(self) -> None:
        """The wire takes no more: from now on the user's writes are errors."""
        self.far.pending.clear()
        self.far.shut = self._finished = self.near.ended = True
        try:
            self.near.sock.shutdown(socket.SHUT_RD)
        except OSError:
            pass  # he is gone already

    def _abandon(self) -> None:
        """The user is gone; what he wrote before is still delivered."""
        self._abandoned = True
        self.near.pending.clear()


_links: set[_Link] = set()
_draining = False
_delivered = threading.Event()


def _drain() -> None:
    global _draining
    _draining = True
    for link in tuple(_links):
        link.drain()


def _at_exit() -> None:
    """Delivers what users have written, bounded in time."""
    pump = Pump.running()
    if pump is not None and _links:
        pump.call(_drain)
        _delivered.wait(_EXIT_TIMEOUT)


def _after_fork() -> None:
    """In the child: the parent's thread serves the links, so their fds here only harm."""
    for link in tuple(_links):
        link.close()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
