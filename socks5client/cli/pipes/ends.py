"""The two ends of a pipe on this side: where bytes are read, and where they are written.

These are the bare descriptors: nothing is buffered here, and poll() tells when they are ready.
"""

from __future__ import annotations

import os
import select
import stat
import sys
from typing import TYPE_CHECKING

from ..exitcodes import Exit, TransferError
from ..options import UsageError

if TYPE_CHECKING:
    from typing import Self

    from ..output import Sink
    from ..transfer import Transfer

STDIN, STDOUT = 0, 1
# What a pipe that poll() calls writable takes without waiting.
_AT_ONCE = getattr(select, "PIPE_BUF", 512)


class Input:
    """What is sent: stdin, or the file of -T.

    `fd` is None once it has ended, or where stdin is closed. Raises TransferError where it is
    unreadable, UsageError for what a pipe cannot do.
    """

    def __init__(self, transfer: Transfer) -> None:
        if transfer.options.resume not in (None, "0") or transfer.options.range is not None:
            raise UsageError("a pipe has no parts to resume or to choose: no -C, no -r")
        name = transfer.job.upload
        self._opened = False
        self.fd: int | None = None
        if name is None or name == "-":
            if sys.stdin is not None:  # else the number may be another file's by now
                self.fd = STDIN
        else:
            try:
                self.fd = os.open(name, os.O_RDONLY)
            except OSError as error:
                raise _unreadable(error) from None
            self._opened = True

    @property
    def is_terminal(self) -> bool:
        return self.fd is not None and os.isatty(self.fd)

    def read(self, size: int) -> bytes | None:
        """At most `size` bytes, b"" at the end, None for nothing yet. Raises TransferError."""
        assert self.fd is not None
        try:
            data = os.read(self.fd, size)
        except BlockingIOError:
            return None
        except OSError as error:
            raise _unreadable(error) from None
        if not data:
            self.close()
        return data

    def close(self) -> None:
        fd, self.fd = self.fd, None
        if fd is not None and self._opened:
            os.close(fd)


class Output:
    """What arrives is written there: stdout, or the file of -o.

    `fd` is that of stdout, None for a file, which takes everything at once.
    """

    def __init__(self, transfer: Transfer) -> None:
        destination = transfer.destination()
        self.fd: int | None = None
        self._sink: Sink | None = None
        self._piece: int | None = None
        if not destination.to_stdout:
            self._sink = transfer.sink(destination)
            self._sink.expect(None, 0)
        elif sys.stdout is not None:
            sys.stdout.flush()
            self.fd = STDOUT
            if not stat.S_ISREG(os.fstat(STDOUT).st_mode):
                self._piece = _AT_ONCE

    def write(self, data: memoryview) -> int:
        """Writes some of `data`; returns how much. Raises TransferError.

        Its text is empty where the reader of stdout has gone.
        """
        if self._sink is not None:
            self._sink.write(bytes(data))
            return len(data)
        if self.fd is None:
            raise TransferError(Exit.WRITE_FAILED, "stdout is closed")
        try:
            return os.write(self.fd, data[: self._piece])
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            raise TransferError(Exit.WRITE_FAILED, "") from None
        except OSError as error:
            raise TransferError(
                Exit.WRITE_FAILED, f"cannot write to stdout: {error.strerror}"
            ) from None

    def end(self) -> None:
        """Nothing more comes: a reader of stdout sees its end.

        Where something else is written there after all, that fails, loudly.
        """
        if self.fd is not None:
            self.fd = None
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, STDOUT)
            os.close(null)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Where all has arrived, a file is there even if it is empty."""
        if self._sink is None:
            return
        try:
            if error is None:
                self._sink.finish()
        finally:
            self._sink.close()


def _unreadable(error: OSError) -> TransferError:
    return TransferError(Exit.READ_FAILED, f"cannot read what is to be sent: {error.strerror}")
