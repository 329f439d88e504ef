"""Runs a conversation on the callbacks of an event loop, whichever that is."""

from __future__ import annotations

from .waiting import Aside

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any, Protocol

    from .deadline import Deadline
    from .waiting import Wait, Waiting

    class Timer(Protocol):
        def cancel(self) -> object: ...


class Stepper:
    """Goes through `steps`, a conversation, from one callback to the next.

    A driver derives from it and says what its loop does: `_watch`, `_unwatch`, `_later`,
    `_aside`, and with `_ended` what to make of the end. All calls are made in one thread.
    `deadline` bounds all of it: then the steps are given a TimeoutError.
    """

    _socks: tuple[socket.socket, ...] = ()
    _fds: tuple[int, ...] = ()
    _write = False
    _pause: Timer | None = None
    _limit: Timer | None = None
    # Whether one step's sockets may stay watched into the next, which may close them: not
    # where another thread could open, and have watched, a new one with the same number.
    _keeps = True

    def __init__(self, steps: Waiting[Any], deadline: Deadline | None = None) -> None:
        self._steps: Waiting[Any] | None = steps
        self._deadline = deadline

    def start(self) -> None:
        """Takes the first step, now."""
        self._step(None)
        if self._deadline is not None and self._steps is not None:
            self._limit = self._later(self._deadline.left(), self._expire)

    def abandon(self) -> None:
        """Ends it before its end: its sockets are closed, and `_ended` is not called."""
        steps, self._steps = self._steps, None
        if steps is not None:
            self._rest()
            steps.close()

    @property
    def is_under_way(self) -> bool:
        """Whether it has not ended."""
        return self._steps is not None

    def _expire(self) -> None:
        self._throw(TimeoutError("the deadline passed"))

    def _go_on(self) -> None:
        """What it waited for has happened."""
        self._step(None)

    def _step(self, result: Any) -> None:
        if self._steps is not None:
            self._take(self._steps.send, result)

    def _throw(self, error: BaseException) -> None:
        if self._steps is not None:
            self._take(self._steps.throw, error)

    def _take(self, step: Callable[[Any], Wait | Aside], argument: Any) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if not self._keeps:
            self._watch_only((), False)
        try:
            wanted = step(argument)
        except StopIteration as stop:
            self._end(stop.value, None)
        except BaseException as error:
            self._end(None, error)
        else:
            try:
                self._await(wanted)
            except Exception as error:  # it cannot be waited for: no thread, a strange loop
                self._throw(error)

    def _await(self, wanted: Wait | Aside) -> None:
        if isinstance(wanted, Aside):
            self._watch_only((), False)
            self._aside(wanted.function)
            return
        if wanted.socks != self._socks or wanted.write != self._write:
            self._watch_only(wanted.socks, wanted.write)
        if wanted.pause is not None:
            self._pause = self._later(wanted.pause, self._go_on)

    def _watch_only(self, socks: tuple[socket.socket, ...], write: bool) -> None:
        for fd in self._fds:
            self._unwatch(fd, self._write)
        self._socks, self._write = socks, write
        self._fds = tuple([sock.fileno() for sock in socks])
        for fd in self._fds:
            self._watch(fd, write)

    def _rest(self) -> None:
        self._watch_only((), False)
        for timer in (self._pause, self._limit):
            if timer is not None:
                timer.cancel()

    def _end(self, result: Any, error: BaseException | None) -> None:
        self._steps = None
        self._rest()
        self._ended(result, error)

    def _watch(self, fd: int, write: bool) -> None:
        """`_go_on` is to be called whenever `fd` is readable, or with `write` writable."""
        raise NotImplementedError

    def _unwatch(self, fd: int, write: bool) -> None:
        """Not any more; `fd` may have been closed meanwhile."""
        raise NotImplementedError

    def _later(self, seconds: float, function: Callable[[], None]) -> Timer:
        """`function` is to be called in so many seconds."""
        raise NotImplementedError

    def _aside(self, function: Callable[[], Any]) -> None:
        """`function` is to be called in a thread; then `_step` or `_throw` with its outcome."""
        raise NotImplementedError

    def _ended(self, result: Any, error: BaseException | None) -> None:
        raise NotImplementedError
