"""A `connect` that does not wait: the handshake in the background, behind a fd that tells its end.

The kernel can only say that a TCP connection stands, not that a handshake has ended. So until
then the fd is one end of a connection on loopback whose send buffer is full: it becomes writable
when we read, at the other end, what filled it, and gets an error when we reset it. `select`,
`poll`, `epoll` in either mode and every event loop wake once, at the right time.

After that the bytes go through that connection: whoever has registered the fd with an epoll could
not bear another one under the same number. asyncio can, so there the fd becomes the connection
to the proxy itself as soon as the loop asks for SO_ERROR.
"""

from __future__ import annotations

import errno
import os
import select
import socket as _stdlib
import sys
import threading
from _thread import allocate_lock
from _weakref import ref
from _weakrefset import WeakSet

from .._background import Background
from .._bridge import carry
from .._exit import at_exit
from .._pair import RESET, pair, widen
from .._pump import Pump
from ..recent import note_destination
from ..tunnel import Deadline, open_tunnel
from ..tunnel.dial import make_unblocking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..protocol import Address
    from ..route import Chain
    from ..tunnel import Tunnel
    from .stream import socket

# What bounds an attempt that nobody waits for, in seconds: about as long as the system's own.
_PATIENCE = 120.0
_PIECE = bytes(65536)
# How long after its end an asyncio program may take to ask for it, in seconds; later than that
# the bytes go through the bridge.
_GRACE = 1.0
# How long the kernel may take to move what it has within this machine, in milliseconds.
_MOMENT = 100
# How long the exit of the interpreter may take for what is below, in seconds.
_EXIT_TIMEOUT = 1.0


class Connecting:
    """An attempt of `owner` to connect, and its outcome: `tunnel` or `error`, once it has ended.

    The owner's fd is replaced here, and in the end perhaps by `settle`.
    """

    tunnel: Tunnel | None = None
    error: BaseException | None = None

    def __init__(self, owner: socket, chain: Chain, target: Address, address: Any) -> None:
        self.address = address
        self._chain = chain
        self.options = len(owner._options)  # those after them are for the connection as well
        self._may_replace = _running_loop() is not None
        # Where the bytes of a connection that stands go is decided once, in either thread.
        self._decided = False
        self._lock = allocate_lock()
        self._settling = allocate_lock()  # for the owner, of whom two threads may ask at once
        self._far: _stdlib.socket | None = None
        near, far = pair(narrow=True)
        try:
            self._filling = _fill(near)
            far.setblocking(False)
            steps = open_tunnel(
                chain,
                target,
                make=make_unblocking,
                family=owner.family,
                source_address=owner._source,
                socket_options=owner._options,
            )
            self._attempt = Background(steps, Deadline(_PATIENCE), self._ended)
            owner._replace_fd(near.fileno())
        except BaseException:
            far.close()
            raise
        finally:
            near.close()
        self._far = far
        # Where the owner is forgotten without being closed, nobody else ends the attempt.
        self._owner: ref[socket] | None = ref(owner, lambda _: self.cancel())
        _attempts.add(self)
        self._attempt.begin()

    @property
    def is_under_way(self) -> bool:
        """Whether there is no outcome yet."""
        return self.tunnel is None and self.error is None

    def cancel(self) -> None:
        """The owner's fd is closed; what was written to it before is still delivered."""
        if not self._decided:
            Pump.current().call(self._forsaken)

    def leave_to_parent(self) -> None:
        """In a forked child, where it has failed: what both have open is only closed.

        The other end of the owner's fd, and the bytes on their way, are the same in both.
        """
        self._lock, self._settling = allocate_lock(), allocate_lock()  # perhaps held for ever
        if self._decided:
            return
        self._decided = True
        try:
            self._attempt.abandon()
        except ValueError:
            pass  # the parent's thread was just at it
        for sock in (self._far, self.tunnel):
            if sock is not None:
                sock.close()
        self._far = self.tunnel = None
        if self.error is None:
            self.error = OSError(errno.ECONNABORTED, "the attempt is the parent's since the fork")

    def release(self) -> None:
        """The owner's fd goes on without it."""
        self._owner = None
        self._may_replace = False
        Pump.current().call(self._empty)

    def settle(self, owner: socket, asked: bool) -> None:
        """`owner` takes the outcome, once there is one.

        Only where a program has `asked` for it, it expects that, and the fd may be replaced.
        """
        if self.is_under_way:
            return
        with self._settling:
            if owner._connecting is not self:
                return
            owner._unconfirmed = True
            if self.tunnel is None:
                owner._failure = self.error
            else:
                if not asked:
                    self.release()
                if not self._replace(owner):
                    owner._wire = self.tunnel.wire
                owner._peer, owner._reply = self.address, self.tunnel.reply
            owner._connecting = None
        if self.tunnel is None:
            return
        note_destination(self._chain, self.tunnel.address)
        for option in owner._options[self.options :]:
            try:
                owner.setsockopt(*option)
            except OSError:
                pass  # it means nothing where the proxy is reached by another family

    def _replace(self, owner: socket) -> bool:
        """With the `tunnel` there: whether the fd is now the connection to the proxy itself."""
        assert self.tunnel is not None
        loop = _running_loop()
        with self._lock:
            replaces = (
                self._may_replace and loop is not None and not self._decided and self._is_unused()
            )
            if replaces:
                self._decided = True
        if not replaces:
            self.release()
            widen(owner)
            return False
        wire = self.tunnel.wire
        try:
            owner._replace_fd(wire.fileno())
            _register_again(loop, owner.fileno())
        finally:
            self._is_decided()
            wire.close()
            Pump.current().call(self._drop)
        return True

    def _take_out(self) -> None:
        """Takes what fills the owner's send buffer; BlockingIOError where the rest is to come."""
        assert self._far is not None
        while self._filling:
            piece = self._far.recv(min(self._filling, len(_PIECE)))
            if not piece:
                raise ConnectionResetError
            self._filling -= len(piece)

    def _is_unused(self) -> bool:
        """Whether the owner has written nothing yet, which would be lost with his fd."""
        assert self._far is not None
        poll = select.poll()
        poll.register(self._far, select.POLLIN)
        try:
            while True:
                try:
                    self._take_out()
                    self._far.recv(1, _stdlib.MSG_PEEK)
                    return False
                except BlockingIOError:
                    if not self._filling:
                        return True
                    if not poll.poll(_MOMENT):
                        return False
        except OSError:
            return False

    # In the background thread

    def _ended(self, tunnel: Tunnel | None, error: BaseException | None) -> None:
        if tunnel is None:
            self.error = error
            self._reset()
            return
        if tunnel.handshake is not None and tunnel.handshake.layers:
            self._may_replace = False
        _undecided.add(self)
        self.tunnel = tunnel
        assert self._far is not None
        Pump.current().register(self._far.fileno(), select.POLLIN, lambda _: self._empty())
        self._empty()

    def _empty(self) -> None:
        """Takes out what fills the owner's send buffer; what is behind it, he has written."""
        try:
            with self._lock:
                if self._far is None or self.tunnel is None or self._decided:
                    return
                self._take_out()
                if self._may_replace:
                    self._far.recv(1, _stdlib.MSG_PEEK)  # has he written, or half-closed, already?
            self._bridge()
        except BlockingIOError:
            if not self._filling:
                Pump.current().later(_GRACE, self._bridge)
        except OSError:
            self._give_up()

    def _bridge(self) -> None:
        """From now on the background thread moves the bytes."""
        with self._lock:
            if self._decided:
                return
            self._decided = True
        far, self._far = self._far, None
        assert far is not None
        assert self.tunnel is not None
        Pump.current().unregister(far.fileno())
        handshake = self.tunnel.handshake
        if handshake is None:
            carry(far, self.tunnel.wire, (), b"")
        else:
            carry(far, self.tunnel.wire, handshake.layers, handshake.trailing_data)
        self._is_decided()

    def _is_decided(self) -> None:
        _undecided.discard(self)
        if not _undecided:
            _all_decided.set()

    def _forsaken(self) -> None:
        if self.tunnel is None:
            self._give_up()
        else:
            self._may_replace = False
            self._empty()

    def _give_up(self) -> None:
        with self._lock:
            if self._decided:
                return
            self._decided = True
        self._attempt.abandon()
        if self.tunnel is not None:
            self.tunnel.close()
        self._is_decided()
        self._reset()

    def _reset(self) -> None:
        if self._far is not None:
            self._far.setsockopt(_stdlib.SOL_SOCKET, _stdlib.SO_LINGER, RESET)
            self._drop()

    def _drop(self) -> None:
        far, self._far = self._far, None
        if far is not None:
            Pump.current().unregister(far.fileno())
            far.close()


def _fill(sock: _stdlib.socket) -> int:
    """How many bytes it took until `sock` was not writable any more."""
    sock.setblocking(False)
    count = 0
    try:
        while True:
            count += sock.send(_PIECE)
    except BlockingIOError:
        return count


def _running_loop() -> Any:
    """The asyncio loop, whichever, that runs the calling program just now."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return None
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _register_again(loop: Any, fd: int) -> None:
    """What `loop` watches `fd` for goes on: the kernel has forgotten it, with the file."""
    selector = getattr(loop, "_selector", None)
    if selector is None:  # uvloop registers a fd anew at every change
        loop.add_reader(fd, int)
        loop.remove_reader(fd)
        return
    key = selector.get_map().get(fd)
    if key is not None:
        selector.unregister(key.fileobj)
        selector.register(key.fileobj, key.events, key.data)


def number_of(error: BaseException) -> int:
    """What SO_ERROR says of an attempt that failed with `error`."""
    if isinstance(error, _stdlib.gaierror):
        return errno.EHOSTUNREACH  # its numbers are none of the system's
    return getattr(error, "errno", None) or errno.EIO


_attempts: WeakSet[Connecting] = WeakSet()
# With a tunnel, but where the bytes go is not decided; somebody may have written already.
_undecided: set[Connecting] = set()
_all_decided = threading.Event()


def _at_exit() -> None:
    """Leaves them to the bridge, whose own exit comes after this and delivers."""
    _all_decided.clear()
    attempts = tuple(_undecided)
    for attempt in attempts:
        attempt.release()
    if attempts:
        _all_decided.wait(_EXIT_TIMEOUT)


def _after_fork() -> None:
    global _all_decided
    _all_decided = threading.Event()
    _undecided.clear()
    for attempt in tuple(_attempts):
        attempt.leave_to_parent()


at_exit(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
