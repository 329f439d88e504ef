"""The one background thread of a process: it waits on file descriptors for all who ask it to.

What cannot be left to the kernel is done here: moving the bytes of encapsulated connections
(`_bridge`), and noticing that the connection which keeps an association alive has ended. It
starts at first use and is a daemon; a forked child starts its own.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import threading
import time
from collections import deque
from functools import partial
from heapq import heappop, heappush
from math import ceil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Timer:
    """A call of `function` at `end`, on the monotonic clock."""

    cancelled = False

    def __init__(self, end: float, function: Callable[[], None]) -> None:
        self.end = end
        self._function = function

    def cancel(self) -> None:
        """It is not to be called any more."""
        self.cancelled = True

    def call(self) -> None:
        """What happens at its time."""
        if not self.cancelled:
            self._function()

    def __lt__(self, other: Timer) -> bool:
        return self.end < other.end


class Pump:
    """Calls a handler, in its thread, whenever poll() has something to say of a descriptor.

    All methods may be called from any thread. A handler is given the mask; it must not block,
    and must bear being called in vain: another thread may have been faster.
    """

    _current: Pump | None = None
    _lock = threading.Lock()

    def __init__(self) -> None:
        if not hasattr(select, "poll"):
            raise OSError("the background thread needs a system with poll()")
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._lasting: dict[int, int] = {}
        # epoll where there is one: poll() looks at every fd at every call, and has to be woken
        # to see a new one.
        self._poll = getattr(select, "epoll", select.poll)()
        self._calls: deque[Callable[[], None]] = deque()
        self._timers: list[Timer] = []  # a heap
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self.register(self._wake_reader.fileno(), select.POLLIN, self._woken)
        self._thread = threading.Thread(target=self._run, name="socks5client", daemon=True)
        self._thread.start()

    @classmethod
    def current(cls) -> Pump:
        """The pump of this process, started at first use."""
        with cls._lock:
            if cls._current is None:
                cls._current = cls()
            return cls._current

    @classmethod
    def running(cls) -> Pump | None:
        """The pump of this process, where it has been started."""
        return cls._current

    @classmethod
    def after_fork(cls) -> None:
        """In the child: the thread stayed behind, and its descriptors are the parent's."""
        pump, cls._current, cls._lock = cls._current, None, threading.Lock()
        if pump is None:
            return
        pump._wake_reader.close()
        pump._wake_writer.close()
        if hasattr(pump._poll, "close"):
            pump._poll.close()
        for fd, mask in pump._lasting.items():
            cls.current().register(fd, mask, pump._handlers[fd], lasting=True)
        pump._handlers.clear()  # there is nothing to unregister any more

    def register(
        self, fd: int, mask: int, handler: Callable[[int], None], *, lasting: bool = False
    ) -> None:
        """From now on `handler` is called for `fd`, for the events of `mask` and for hang-ups.

        With `lasting` that goes on in a forked child, in its own thread.
        """
        self._handlers[fd] = handler
        if lasting:
            self._lasting[fd] = mask
        self._poll.register(fd, mask)
        self._renew()

    def modify(self, fd: int, mask: int) -> None:
        """Changes the events that `fd` is registered for."""
        self._poll.modify(fd, mask)
        self._renew()

    def unregister(self, fd: int) -> None:
        """Forgets `fd`, before it is closed."""
        self._lasting.pop(fd, None)
        if self._handlers.pop(fd, None) is not None:
            try:
                self._poll.unregister(fd)
            except (OSError, KeyError):
                pass  # another thread has closed it meanwhile
            self._renew()

    def call(self, function: Callable[[], None]) -> None:
        """Calls `function` in the thread, soon."""
        self._calls.append(function)
        self._wake()

    def later(self, seconds: float, function: Callable[[], None]) -> Timer:
        """Calls `function` in so many seconds; for what runs in the thread itself."""
        timer = Timer(time.monotonic() + seconds, function)
        heappush(self._timers, timer)
        return timer

    def _renew(self) -> None:
        if not hasattr(select, "epoll") and len(self._handlers) > 1:
            self._wake()

    def _wake(self) -> None:
        try:
            self._wake_writer.send(b"\0")
        except BlockingIOError:
            pass  # it is awake enough

    def _woken(self, mask: int) -> None:
        try:
            self._wake_reader.recv(4096)
        except BlockingIOError:
            pass

    def _run(self) -> None:
        while True:
            for fd, mask in self._wait():
                handler = self._handlers.get(fd)
                if handler is not None:
                    self._guarded(partial(handler, mask))
            while self._calls:
                self._guarded(self._calls.popleft())
            now = time.monotonic()
            while self._timers and self._timers[0].end <= now:
                self._guarded(heappop(self._timers).call)

    def _wait(self) -> list[tuple[int, int]]:
        """What poll() says, until the next timer at the latest."""
        while self._timers and self._timers[0].cancelled:
            heappop(self._timers)
        if not self._timers:
            return self._poll.poll()
        left = max(0.0, self._timers[0].end - time.monotonic())
        return self._poll.poll(left if hasattr(select, "epoll") else ceil(1000 * left))

    def _guarded(self, call: Callable[[], None]) -> None:
        """A defect in what one asked for must not stop what is done for the others."""
        try:
            call()
        except Exception:
            args = (*sys.exc_info(), self._thread)
            threading.excepthook(threading.ExceptHookArgs(args))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=Pump.after_fork)
