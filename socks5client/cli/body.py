"""What is sent: -d and its relatives, -T."""

from __future__ import annotations

import os
import select
import stat
import sys
from typing import TYPE_CHECKING, BinaryIO

from .exitcodes import Exit, TransferError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .deadline import Deadline
    from .options import DataPart

PIECE = 65536


class Body:
    """A request's body, read piece by piece, once for each request that needs it.

    `length` is None where only reading it tells. `sent` counts the bytes of the last request.
    """

    def __init__(self, source: bytes | BinaryIO, length: int | None, *, is_stdin: bool) -> None:
        self.length = length
        self.sent = 0
        self._source = source
        self._is_stdin = is_stdin
        self._begun = False

    @classmethod
    def from_data(cls, data: bytes) -> Body:
        return cls(data, len(data), is_stdin=False)

    @classmethod
    def from_upload(cls, name: str) -> Body:
        """The file of -T. Raises TransferError where it cannot be read."""
        if name == "-":
            return cls(_stdin(), None, is_stdin=True)
        try:
            file = open(name, "rb")  # noqa: SIM115 - close() closes it
        except OSError as error:
            raise _unreadable(name, error) from None
        status = os.fstat(file.fileno())
        return cls(file, status.st_size if stat.S_ISREG(status.st_mode) else None, is_stdin=False)

    def pieces(self, deadline: Deadline) -> Iterator[bytes]:
        """All of it, from the start, counted in `sent`.

        Raises TransferError where it cannot be read, or not once more.
        """
        self.sent = 0
        if isinstance(self._source, bytes):
            if self._source:
                self.sent += len(self._source)
                yield self._source
            return
        if self._begun:
            self._rewind()
        self._begun = True
        left = self.length
        while left is None or left > 0:
            piece = self._read(PIECE if left is None else min(PIECE, left), deadline)
            if not piece:
                return
            if left is not None:
                left -= len(piece)
            self.sent += len(piece)
            yield piece

    def close(self) -> None:
        if not isinstance(self._source, bytes) and not self._is_stdin:
            self._source.close()

    def _read(self, size: int, deadline: Deadline) -> bytes:
        assert not isinstance(self._source, bytes)
        try:
            if self._is_stdin:
                self._wait_for_input(deadline)
                read1 = getattr(self._source, "read1", self._source.read)
                piece: bytes = read1(size)
                return piece
            return self._source.read(size)
        except OSError as error:
            raise _unreadable("the file to upload", error) from None

    def _wait_for_input(self, deadline: Deadline) -> None:
        """Until stdin has something, so that -m bounds this wait too."""
        if deadline.left() is None:
            return
        assert not isinstance(self._source, bytes)
        try:
            descriptor = self._source.fileno()
        except OSError:
            return
        while not select.select([descriptor], [], [], deadline.left())[0]:
            pass  # the next left() raises

    def _rewind(self) -> None:
        assert not isinstance(self._source, bytes)
        try:
            if self._is_stdin:  # even if it is a file: who knows where it stood
                raise OSError
            self._source.seek(0)
        except OSError:
            raise TransferError(
                Exit.REWIND_FAILED, "the body cannot be sent again: it does not come from a file"
            ) from None


def read_data(parts: Sequence[DataPart]) -> bytes:
    """All of -d, --data-raw and --data-binary, joined by &. Raises TransferError."""
    return b"&".join(map(_read_part, parts))


def read_file(name: str) -> bytes:
    """A whole file, or stdin for "-". Raises TransferError."""
    try:
        if name == "-":
            return _stdin().read()
        with open(name, "rb") as file:
            return file.read()
    except OSError as error:
        raise _unreadable(name, error) from None


def _read_part(part: DataPart) -> bytes:
    if not part.reads_files or not part.text.startswith("@"):
        return os.fsencode(part.text)
    data = read_file(part.text[1:])
    # As curl strips them: line ends, and NUL.
    return data if part.keeps_newlines else data.translate(None, b"\r\n\0")


def _stdin() -> BinaryIO:
    if sys.stdin is None:
        raise TransferError(Exit.READ_FAILED, "stdin is closed")
    return sys.stdin.buffer


def _unreadable(name: str, error: OSError) -> TransferError:
    return TransferError(Exit.READ_FAILED, f"cannot read {name}: {error.strerror or error}")
