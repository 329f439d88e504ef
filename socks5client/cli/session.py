"""What the transfers of one command share."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .ways import Way

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from types import TracebackType
    from typing import Self

    from .options import Options
    from .progress import Display

    class Closable(Protocol):
        def close(self) -> object: ...

    C = TypeVar("C", bound=Closable)

T = TypeVar("T")


class Session:
    """Shared by all threads of a command, but for the connections: each has its own.

    `display` shows progress; `stopping` is set when no more transfers shall begin or be retried
    (`stop`).
    """

    def __init__(self, display: Display) -> None:
        self.display = display
        self.stopping = threading.Event()
        self._lock = threading.RLock()
        self._shared: dict[Hashable, Any] = {}
        self._kept: list[Closable] = []
        self._mine = threading.local()
        self._wires: dict[int, int] = {}  # the inode of each socket, by its descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for kept in self._kept:
            kept.close()

    def opened(self, sock: socket.socket) -> None:
        """`sock` is, or is to become, the connection of some transfer."""
        number = sock.fileno()
        with self._lock:
            self._wires[number] = os.fstat(number).st_ino

    def stop(self) -> None:
        """No more transfers; those that wait for a connection are woken, and fail."""
        self.stopping.set()
        with self._lock:
            wires = list(self._wires.items())
        for number, inode in wires:
            try:
                mine = socket.socket(fileno=os.dup(number))
            except OSError:
                continue  # it has been closed
            with mine:
                # Another socket, or a file, may have the number by now.
                if os.fstat(mine.fileno()).st_ino == inode:
                    with suppress(OSError):
                        mine.shutdown(socket.SHUT_RDWR)

    def way(self, options: Options) -> Way:
        """How the transfers of an operation reach their hosts. Raises UsageError."""
        return self.shared(("way", options), lambda: Way.of(options))

    def shared(self, key: Hashable, make: Callable[[], T]) -> T:
        """One for all threads, made at first use."""
        with self._lock:
            if key not in self._shared:
                self._shared[key] = make()
            value: T = self._shared[key]
            return value

    def kept(self, key: Hashable, make: Callable[[], C]) -> C:
        """One for this thread, made at first use, closed when the command ends: connections."""
        mine: dict[Hashable, Any] | None = getattr(self._mine, "kept", None)
        if mine is None:
            mine = self._mine.kept = {}
        if key not in mine:
            mine[key] = made = make()
            with self._lock:
                self._kept.append(made)
        value: C = mine[key]
        return value
