"""A socket whose fd carries plain bytes, where the wire carries wrapped ones.

TLS to the proxy, and methods that encapsulate, change every byte; yet the user's fd must
work in `select`, `ssl`, `asyncio` and C code. So the user gets one end of a socketpair, and
one background thread pumps all such connections between the other end and the wire.

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
from collections import deque

from .protocol.encapsulation import finish, unwrap, wrap

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
        if not hasattr(select, "poll"):
            raise OSError("TLS to a proxy and encapsulating methods need a system with poll()")
        plain, near = socket.socketpair()
        _Pump.current().add(_Link(near, wire, layers, received))
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
        near: socket.socket,
        far: socket.socket,
        layers: Sequence[Encapsulation],
        received: bytes,
    ) -> None:
        self.near = _End(near, received)
        self.far = _End(far)
        self._layers = tuple(layers)
        self._finished = False
        self._abandoned = False

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to carry."""
        return self.far.shut and (self.near.shut or self._abandoned)

    def ready(self, end: _End, mask: int) -> None:
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

    def interests(self) -> tuple[tuple[_End, int], tuple[_End, int]]:
        """What to poll each end for: to read from one only when the other has taken all."""
        near = select.POLLOUT if self.near.pending else 0
        far = select.POLLOUT if self.far.pending else 0
        if not self.far.pending and not self.near.ended:
            near |= select.POLLIN
        if not self.near.pending and not self.far.ended:
            far |= select.POLLIN
        return (self.near, near), (self.far, far)

    def drain(self) -> None:
        """At exit: takes what the user has written so far, as if he had closed then."""
        while not self.near.ended:
            self.near.ended = not self._take()
        self._flush_far()

    def close(self) -> None:
        """Closes both ends; what the kernel holds it still delivers."""
        self.near.sock.close()
        self.far.sock.close()

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


class _Pump:
    """The thread that serves all links of this process."""

    _current: _Pump | None = None
    _lock = threading.Lock()

    def __init__(self) -> None:
        self._links: set[_Link] = set()
        self._ends: dict[int, tuple[_Link, _End]] = {}
        # epoll where there is one: poll() looks at every fd at every call.
        self._poll = getattr(select, "epoll", select.poll)()
        self._arrivals: deque[_Link] = deque()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._poll.register(self._wake_reader.fileno(), select.POLLIN)
        self._draining = False
        self._thread = threading.Thread(target=self._run, name="socks5client-bridge", daemon=True)
        self._thread.start()

    @classmethod
    def current(cls) -> _Pump:
        """The pump of this process, started at first use."""
        with cls._lock:
            if cls._current is None:
                cls._current = cls()
            return cls._current

    @classmethod
    def at_exit(cls) -> None:
        """Delivers what users have written, bounded in time."""
        pump = cls._current
        if pump is not None:
            pump._draining = True
            pump._wake()
            pump._thread.join(_EXIT_TIMEOUT)

    @classmethod
    def after_fork(cls) -> None:
        """In the child: the parent's thread serves the links, so their fds here only harm."""
        pump, cls._current, cls._lock = cls._current, None, threading.Lock()
        if pump is not None:
            for link in (*pump._links, *pump._arrivals):
                link.close()
            pump._wake_reader.close()
            pump._wake_writer.close()
            if hasattr(pump._poll, "close"):
                pump._poll.close()

    def add(self, link: _Link) -> None:
        """Serves `link` from now on; from any thread."""
        self._arrivals.append(link)
        self._wake()

    def _wake(self) -> None:
        try:
            self._wake_writer.send(b"\0")
        except BlockingIOError:
            pass  # it is awake enough

    def _run(self) -> None:
        while not (self._draining and all(link.far.shut for link in self._links)):
            for fd, mask in self._poll.poll():
                if fd in self._ends:
                    link, end = self._ends[fd]
                    self._serve(link, end, mask)
                elif fd == self._wake_reader.fileno():
                    self._wake_reader.recv(_CHUNK)
            while self._arrivals:
                link = self._arrivals.popleft()
                self._links.add(link)
                self._serve(link, link.near, select.POLLOUT)
            if self._draining:
                for link in tuple(self._links):
                    self._serve(link, None, 0)

    def _serve(self, link: _Link, end: _End | None, mask: int) -> None:
        if end is None:
            link.drain()
        else:
            link.ready(end, mask)
        if link.ended:
            self._drop(link)
            return
        for side, wanted in link.interests():
            self._register(link, side, wanted)

    def _register(self, link: _Link, end: _End, wanted: int) -> None:
        if wanted == end.mask and (wanted or not end.hung):
            return
        if not wanted and end.hung:
            self._forget(end)
        elif end.mask is None:
            self._ends[end.fd] = (link, end)
            self._poll.register(end.fd, wanted)
            end.mask = wanted
        else:
            self._poll.modify(end.fd, wanted)
            end.mask = wanted

    def _forget(self, end: _End) -> None:
        if end.mask is not None:
            end.mask = None
            del self._ends[end.fd]
            self._poll.unregister(end.fd)

    def _drop(self, link: _Link) -> None:
        self._links.discard(link)
        self._forget(link.near)
        self._forget(link.far)
        link.close()


atexit.register(_Pump.at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Pump.after_fork)
