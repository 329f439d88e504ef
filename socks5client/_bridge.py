"""A socket whose fd carries plain bytes, where the wire carries wrapped ones.

TLS to the proxy, and methods that encapsulate, change every byte; yet the user's fd must
work in `select`, `ssl`, `asyncio` and C code. So the user gets one end of a connection on
loopback, and the background thread moves the bytes of all such connections between its other
end and the wire.

What a plain connection does is carried over: back-pressure both ways (nothing is read from
one side before the other has taken what was read last), half-close, reset, and delivery of all
that was written before `close()` or the end of the interpreter. What is not: after a fork the
child's copy works only as long as the parent, whose thread serves it.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from contextlib import contextmanager
from functools import partial

from ._end import End
from ._exit import at_exit
from ._pair import BUFFER, RESET, pair, widen
from ._pump import Pump
from .protocol.encapsulation import ended, finish, unfinished, unwrap, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .protocol import Encapsulation

_CHUNK = 65536
_AT_ONCE = 16  # pieces, at exit
# How long to wait, in seconds, for what may be on its way still, and for a user who does not read.
_MOMENT, _LONG_MOMENT = 0.02, 1.0
# How long the exit of the interpreter may wait for what was written, in seconds.
_EXIT_TIMEOUT = 10.0


def bridge(wire: socket.socket, layers: Sequence[Encapsulation], received: bytes) -> socket.socket:
    """The plain end of a connection, a blocking socket.

    `wire` is the connected socket, owned by the bridge from now on, whatever happens;
    `layers` what wraps its data, outermost first; `received` plain bytes that have arrived
    already. Raises OSError where the system has no socket pairs or no `poll`.
    """
    try:
        plain, near = pair()
    except BaseException:
        wire.close()
        raise
    try:
        carry(near, wire, layers, received)
        widen(plain)
    except BaseException:
        plain.close()
        raise
    return plain


def carry(
    near: socket.socket, wire: socket.socket, layers: Sequence[Encapsulation], received: bytes
) -> None:
    """Moves the bytes between `near`, the other end of a user's, and `wire`, from now on.

    Both are owned by the bridge then, or closed where that fails.
    """
    link = None
    try:
        pump = Pump.current()
        widen(near)
        if wire.family != getattr(socket, "AF_UNIX", None):
            # The user's end has its own say in what is put together; here it only delays.
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = _Link(pump, near, wire, layers, received)
        _links.add(link)
        pump.call(link.start)
    except BaseException:
        if link is None:
            near.close()
            wire.close()
        else:
            pump.call(link.drop)  # which may have begun with it
        raise


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
        self.near = End(near, received)
        self.far = End(far)
        self._pump = pump
        self._layers = tuple(layers)
        chunks = [getattr(layer, "chunk", _CHUNK) for layer in layers]
        self._chunk = min(chunks, default=BUFFER)
        self._finished = False
        self._abandoned = False
        self._parting = False
        self._broken = False  # in the end the user's connection is reset
        self._pause = _MOMENT

    def start(self) -> None:
        """In the pump's thread: there may be something to deliver, or to read, already."""
        self.far.ended = ended(self._layers)
        self._flush_near()
        self._go_on()

    def drain(self) -> bool:
        """At exit: takes what the user has written so far; whether there was any."""
        anything = False
        for _ in range(_AT_ONCE):
            if self.near.ended or not self._take():
                break
            anything = True
        self._flush_far()
        return anything

    def end(self) -> None:
        """At exit, when all is taken: goes on as if he had closed.

        He hears nothing of that, as of a plain connection, unless he writes more, or closes.
        """
        self.near.ended = self._parting = True
        self._flush_far()
        self._go_on()

    def drop(self) -> None:
        """Closes it, and polls it no more."""
        self._poll(self.near, None)
        self._poll(self.far, None)
        self.close()

    def close(self) -> None:
        """Closes both ends; what the kernel holds it still delivers."""
        _links.discard(self)
        self.near.sock.close()
        self.far.sock.close()

    def _ready(self, end: End, mask: int) -> None:
        """`end` is as poll() says."""
        try:
            self._serve(end, mask)
        finally:
            self._go_on()

    def _serve(self, end: End, mask: int) -> None:
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
            elif self._parting and mask & select.POLLIN:
                self._part()
        else:
            if mask & select.POLLOUT:
                self._flush_far()
            if mask & ~select.POLLOUT and not self.far.ended and not self.near.pending:
                self._read_far()

    def _go_on(self) -> None:
        """Polls each end for what is wanted of it, or closes where nothing is left to carry."""
        if self.far.shut and (self.near.shut or self._abandoned):
            if self._broken and not self._abandoned:
                self.near.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.drop()
        else:
            for end, wanted in self._interests():
                self._poll(end, wanted)
        _tell_when_delivered()

    def _poll(self, end: End, wanted: int | None) -> None:
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

    def _interests(self) -> tuple[tuple[End, int], tuple[End, int]]:
        """What to poll each end for: to read from one only when the other has taken all."""
        near = select.POLLOUT if self.near.pending else 0
        far = select.POLLOUT if self.far.pending else 0
        if not self.near.shut if self._parting else not (self.far.pending or self.near.ended):
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
            data = self.near.read(self._chunk)
        except OSError:  # he closed with data unread; all that he wrote came before
            self.near.ended = True
            self._abandon()
            return False
        if data:
            wrapped: bytes | memoryview = data
            with self._breaking():
                if self._layers:
                    wrapped = wrap(self._layers, bytes(data))
                try:
                    self.far.write(wrapped)
                except OSError:
                    self._stop_writing()
        return bool(data)

    def _read_far(self) -> None:
        with self._breaking():  # by a reset, too
            data = self.far.read(_CHUNK if self._layers else BUFFER)
            if data:
                plain = unwrap(self._layers, bytes(data)) if self._layers else data
                if not self._abandoned:
                    self._write_near(plain)
                if self._layers:
                    unwrap(self._layers, b"")  # what is wrong behind good data is told only now
                    self.far.ended = ended(self._layers)
            elif data is not None and unfinished(self._layers):
                self._stop_writing()
        self._flush_near()

    def _write_near(self, data: bytes | memoryview) -> None:
        try:
            self.near.write(data)
        except OSError:
            self._abandon()

    def _flush_far(self) -> None:
        try:
            if not self.far.flush() or not self.near.ended:
                return
            if not self._finished:
                self._finished = True
                with self._breaking():
                    self.far.pending += finish(self._layers)
            if self.far.flush():
                self.far.shutdown()
        except OSError:
            self._stop_writing()

    def _flush_near(self) -> None:
        try:
            if not self.near.flush() or not self.far.ended or self._parting:
                return
            if not self._broken:
                self.near.shutdown()
            elif not self.near.unsent():
                self.near.shut = True  # and closed by a reset
            else:
                # It would throw away what the user has not read yet.
                self._pause = min(2 * self._pause, _LONG_MOMENT)
                self._pump.later(self._pause, self._try_again)
        except OSError:
            self._abandon()

    def _part(self) -> None:
        """What is written now is not carried any more."""
        try:
            self.near.shutdown()
        except OSError:
            self._abandon()

    def _try_again(self) -> None:
        if self in _links and not self.near.shut:
            self._flush_near()
            self._go_on()

    def _stop_writing(self) -> None:
        """The wire takes no more: the user gets what has come, and then a reset."""
        self.far.pending.clear()
        self.far.shut = self._finished = self.near.ended = self._broken = True

    @contextmanager
    def _breaking(self) -> Iterator[None]:
        """Where this fails, nothing is carried any more, in either direction."""
        try:
            yield
        except BaseException as error:
            self.far.ended = True
            self._stop_writing()
            self._flush_near()
            if not isinstance(error, OSError):
                raise  # a defect: it is shown

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
    # What was written just now may be on its way through the kernel still.
    deadline = time.monotonic() + _LONG_MOMENT  # another thread may write for ever
    while [link for link in tuple(_links) if link.drain()] and time.monotonic() < deadline:
        time.sleep(_MOMENT)
    for link in tuple(_links):
        link.end()
    _tell_when_delivered()


def _tell_when_delivered() -> None:
    if _draining and all(link.far.shut for link in tuple(_links)):
        _delivered.set()


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


at_exit(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
