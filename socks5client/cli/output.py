"""Where the response goes: stdout, or a file with a progress bar."""

from __future__ import annotations

import os
import sys
from io import FileIO
from typing import TYPE_CHECKING

from .exitcodes import Exit, TransferError

if TYPE_CHECKING:
    from typing import Any


class Sink:
    """Takes the response's bytes and passes them on at once.

    Parameters: `path`, the file, opened when the first bytes come; None: stdout. `append`: to
    what is there already. `show_progress`: a bar on stderr while a body arrives.
    """

    def __init__(self, path: str | None, *, append: bool, show_progress: bool) -> None:
        self.path = path
        self._append = append
        self._file: FileIO | None = None
        self._show_progress = show_progress and path is not None
        self._progress: Any = None
        self._task: Any = None

    def expect(self, size: int | None, present: int) -> None:
        """A body of `size` bytes follows, None: unknown, on top of those `present`."""
        if not self._show_progress:
            return
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

        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),
        )
        total = None if size is None else size + present
        name = os.path.basename(self.path or "")
        self._task = self._progress.add_task(name, total=total, completed=present)
        self._progress.start()

    def write(self, data: bytes) -> None:
        """Raises TransferError; its text is empty where a reader of stdout has gone."""
        if self.path is None:
            _write_stdout(data)
            return
        try:
            if self._file is None:
                self._file = FileIO(self.path, "ab" if self._append else "wb")
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise TransferError(
                Exit.WRITE_FAILED, f"cannot write {self.path}: {error.strerror or error}"
            ) from None
        if self._progress is not None:
            self._progress.update(self._task, advance=len(data))

    def finish(self) -> None:
        """The response has arrived: a file is there even if it is empty."""
        if self.path is not None and self._file is None:
            self.write(b"")

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
        if self._file is not None:
            self._file.close()


def stderr_is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _write_stdout(data: bytes) -> None:
    if sys.stdout is None:
        raise TransferError(Exit.WRITE_FAILED, "")
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _silence_stdout()
        raise TransferError(Exit.WRITE_FAILED, "") from None
    except OSError as error:
        _silence_stdout()
        raise TransferError(
            Exit.WRITE_FAILED, f"cannot write to stdout: {error.strerror or error}"
        ) from None


def _silence_stdout() -> None:
    """What is left in the buffer must not fail once more when the interpreter ends."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


def write_text(text: str) -> None:
    """`text` to stdout, behind the body. Raises TransferError."""
    _write_stdout(os.fsencode(text))
