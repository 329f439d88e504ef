"""-m and --connect-timeout: ends that a peer which drips bytes cannot put off."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

from .exitcodes import Exit, TransferError
from .options import DEFAULT_CONNECT_TIMEOUT

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class Deadline:
    """The ends of one transfer, enforced by shutting its connections down.

    Timeouts of sockets bound single calls only. So a timer shuts down (a duplicate of) each
    connection's descriptor: whoever waits for it wakes up, and `expired` says why.

    Parameters: `max_time`, seconds for all of it; `connect_timeout`, seconds for each connection
    up to the end of its TLS handshake, default curl's 300.
    """

    def __init__(self, max_time: float | None, connect_timeout: float | None) -> None:
        self.expired: TransferError | None = None
        self._max_time = max_time
        self._connect_timeout = connect_timeout
        self._start = time.monotonic()
        self._connect_end = 0.0
        self._sockets: list[socket.socket] = []
        self._timers: list[threading.Timer] = []
        self._lock = threading.Lock()
        if max_time is not None:
            self._set_timer(max_time, f"the transfer did not end within {max_time:g} seconds")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for timer in self._timers:
            timer.cancel()
        with self._lock:
            for sock in self._sockets:
                sock.close()
            self._sockets.clear()

    def elapsed(self) -> float:
        """Seconds since the transfer began."""
        return time.monotonic() - self._start

    def left(self) -> float | None:
        """Seconds that -m leaves; None: no end. Raises TransferError where it has passed."""
        if self._max_time is None:
            return None
        left = self._max_time - self.elapsed()
        if left <= 0 or self.expired:
            raise self.expired or self._too_late(
                f"the transfer did not end within {self._max_time:g} seconds"
            )
        return left

    def connecting(self) -> float:
        """Begins a connection; the seconds that it may take."""
        timeout = self._connect_timeout or DEFAULT_CONNECT_TIMEOUT
        left = self.left()
        timeout = timeout if left is None else min(timeout, left)
        self._connect_end = time.monotonic() + timeout
        return timeout

    def connected(self, sock: object) -> None:
        """The tunnel stands; `sock` is its socket."""
        if not self._bounded or not isinstance(sock, socket.socket):
            return
        with self._lock:
            self._sockets.append(sock.dup())
        if self.expired:
            self._shut_down()

    def tls_started(self) -> None:
        """TLS begins; --connect-timeout still runs."""
        if self._connect_timeout is not None:
            self._set_timer(
                max(0.0, self._connect_end - time.monotonic()),
                f"no connection within {self._connect_timeout:g} seconds",
            )

    def tls_ended(self) -> None:
        """The connection is complete: only -m counts from now on."""
        if self._connect_timeout is not None:
            self._timers.pop().cancel()

    @property
    def _bounded(self) -> bool:
        return self._max_time is not None or self._connect_timeout is not None

    def _set_timer(self, seconds: float, message: str) -> None:
        timer = threading.Timer(seconds, self._expire, (message,))
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def _expire(self, message: str) -> None:
        self.expired = self.expired or self._too_late(message)
        self._shut_down()

    def _shut_down(self) -> None:
        with self._lock:
            for sock in self._sockets:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it has ended by itself

    @staticmethod
    def _too_late(message: str) -> TransferError:
        return TransferError(Exit.TIMEOUT, message)
