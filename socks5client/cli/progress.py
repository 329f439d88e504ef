"""Progress on a terminal: a line for each transfer, as long as it goes on."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from .options import Options


class Display:
    """All bars of a command; the disabled one shows nothing. Any thread may use it."""

    def __init__(self, *, enabled: bool, simple: bool = False) -> None:
        self._enabled = enabled
        self._simple = simple  # -#
        self._progress: Any = None
        self._lock = threading.Lock()

    @classmethod
    def of(cls, options: Options) -> Display:
        """What the options say; none where stderr is no terminal."""
        shown = options.progress_meter and not options.silent
        terminal = sys.stderr is not None and sys.stderr.isatty()
        return cls(enabled=shown and terminal, simple=options.progress_bar)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def bar(self, label: str, total: int | None, done: int = 0) -> Bar:
        """A transfer of `total` bytes (None: unknown), of which `done` are there."""
        if not self._enabled:
            return Bar(None, None)
        with self._lock:
            if self._progress is None:
                self._progress = _rich_progress()
                self._progress.start()
        return Bar(self._progress, self._progress.add_task(label, total=total, completed=done))


class Bar:
    """The progress of one transfer."""

    def __init__(self, progress: Any, task: Any) -> None:
        self._progress = progress
        self._task = task

    def advance(self, size: int) -> None:
        """`size` more bytes have passed."""
        if self._progress is not None:
            self._progress.update(self._task, advance=size)

    def finish(self) -> None:
        if self._progress is not None:
            self._progress.stop_task(self._task)


def _rich_progress() -> Any:
    from rich.console import Console  # only where it is seen: 50 ms
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
    )
