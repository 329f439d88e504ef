"""Where what arrives goes: stdout, or a file."""

from __future__ import annotations

import os
import sys
from io import FileIO
from typing import TYPE_CHECKING

from .exitcodes import Exit, TransferError

if TYPE_CHECKING:
    from .jobs import Job
    from .outcome import Outcome
    from .progress import Bar, Display
    from .urls import Url


class Destination:
    """Where what a job fetches goes."""

    def __init__(self, job: Job, url: Url, outcome: Outcome) -> None:
        self._job = job
        self._url = url
        self._outcome = outcome
        self.to_stdout = job.output in ("", "-")

    @property
    def path(self) -> str:
        """The name of the file. Raises TransferError where -O finds none in the URL."""
        path = self._url.file_name if self._job.output is None else self._job.output
        if not path:
            raise TransferError(Exit.WRITE_FAILED, "the URL has no file name for -O")
        return path

    def offset(self) -> int:
        """Where -C resumes."""
        resume = self._job.options.resume
        if resume != "-":
            return int(resume or 0)
        try:
            return 0 if self.to_stdout else os.stat(self.path).st_size
        except OSError:
            return 0

    def sink(self, display: Display, offset: int) -> Sink:
        """Opened for writing; `offset`: the bytes that are there already."""
        if self.to_stdout:
            return Sink(None, append=False, display=display)
        self._outcome.file_name = self.path
        return Sink(self.path, append=offset > 0, display=display)


class Sink:
    """Takes what arrives and passes it on at once.

    Parameters: `path`, the file, opened when the first bytes come; None: stdout. `append`: to
    what is there already. `display` shows how a file grows.
    """

    def __init__(self, path: str | None, *, append: bool, display: Display) -> None:
        self.path = path
        self._append = append
        self._display = display
        self._file: FileIO | None = None
        self._bar: Bar | None = None

    def expect(self, size: int | None, present: int) -> None:
        """A body of `size` bytes follows, None: unknown, on top of those `present`."""
        if self.path is not None:
            total = None if size is None else size + present
            self._bar = self._display.bar(os.path.basename(self.path), total, present)

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
        if self._bar is not None:
            self._bar.advance(len(data))

    def finish(self) -> None:
        """The response has arrived: a file is there even if it is empty."""
        if self.path is not None and self._file is None:
            self.write(b"")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.finish()
        if self._file is not None:
            self._file.close()


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
