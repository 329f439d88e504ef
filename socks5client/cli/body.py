"""What is sent: -d and its relatives, -T."""

from __future__ import annotations

import os
import select
import stat
import sys
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote_plus

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

    def __init__(
        self, source: bytes | BinaryIO, length: int | None, *, is_stdin: bool, offset: int = 0
    ) -> None:
        self.length = length
        self.sent = 0
        self._source = source
        self._is_stdin = is_stdin
        self._offset = offset
        self._begun = False

    @classmethod
    def from_data(cls, data: bytes) -> Body:
        return cls(data, len(data), is_stdin=False)

    @classmethod
    def from_upload(cls, name: str, offset: int = 0) -> Body:
        """The file of -T, without its first `offset` bytes.

        Raises TransferError where it cannot be read, or has no more than those.
        """
        if name == "-":
            return cls(_stdin(), None, is_stdin=True, offset=offset)
        try:
            file = open(name, "rb")  # noqa: SIM115 - close() closes it
        except OSError as error:
            raise _unreadable(name, error) from None
        status = os.fstat(file.fileno())
        length = status.st_size if stat.S_ISREG(status.st_mode) else None
        if length is not None and offset:
            length -= offset
            if length <= 0:
                file.close()
                raise TransferError(Exit.PARTIAL_FILE, "the file has already been uploaded")
        return cls(file, length, is_stdin=False, offset=offset)

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
        self.rewind()
        self._begun = True
        self._skip(deadline)
        left = self.length
        while left is None or left > 0:
            piece = self._read(PIECE if left is None else min(PIECE, left), deadline)
            if not piece:
                return
            if left is not None:
                left -= len(piece)
            self.sent += len(piece)
            yield piece

    def rewind(self) -> None:
        """Back to the start. Raises TransferError where it cannot be read once more."""
        if not self._begun or isinstance(self._source, bytes):
            return
        try:
            if self._is_stdin:  # even if it is a file: who knows where it stood
                raise OSError
            self._source.seek(0)
        except OSError:
            raise TransferError(
                Exit.REWIND_FAILED, "the body cannot be sent again: it does not come from a file"
            ) from None

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

    def _skip(self, deadline: Deadline) -> None:
        """To where -C says; by reading, for a pipe can do no better."""
        left = self._offset
        while left > 0:
            piece = self._read(min(PIECE, left), deadline)
            if not piece:
                raise TransferError(Exit.READ_FAILED, "there is less to upload than -C says")
            left -= len(piece)

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


def read_data(parts: Sequence[DataPart]) -> bytes:
    """All of -d and its relatives, joined by & (--json: by nothing). Raises TransferError."""
    data = b""
    for place, part in enumerate(parts):
        data += b"&" if place and not part.joins else b""
        data += _read_part(part)
    return data


def read_query(parts: Sequence[DataPart]) -> bytes:
    """All of --url-query, where a + in front stands for what is encoded already."""
    return b"&".join(
        os.fsencode(part.text[1:]) if part.text.startswith("+") else _read_part(part)
        for part in parts
    )


def read_file(name: str) -> bytes:
    """A whole file, or stdin for "-". Raises TransferError."""
    try:
        if name == "-":
            return _stdin().read()
        with open(name, "rb") as file:
            return file.read()
    except OSError as error:
        raise _unreadable(name, error) from None


def read_lines(name: str) -> list[str]:
    """The lines of a file, or of stdin for "-". Raises TransferError."""
    return [os.fsdecode(line) for line in read_file(name).splitlines()]


def _read_part(part: DataPart) -> bytes:
    if part.encodes:
        return _encoded(part.text)
    if not part.reads_files or not part.text.startswith("@"):
        return os.fsencode(part.text)
    data = read_file(part.text[1:])
    # As curl strips them: line ends, and NUL.
    return data if part.keeps_newlines else data.translate(None, b"\r\n\0")


def _encoded(text: str) -> bytes:
    """CONTENT, =CONTENT, NAME=CONTENT, @FILE or NAME@FILE, the content percent-encoded."""
    mark = next((mark for mark in "=@" if mark in text), "")
    name, content = text.split(mark, 1) if mark else ("", text)
    data = read_file(content) if mark == "@" else os.fsencode(content)
    return os.fsencode(name + "=" if name else "") + quote_plus(data).encode("ascii")


def _stdin() -> BinaryIO:
    if sys.stdin is None:
        raise TransferError(Exit.READ_FAILED, "stdin is closed")
    return sys.stdin.buffer


def _unreadable(name: str, error: OSError) -> TransferError:
    return TransferError(Exit.READ_FAILED, f"cannot read {name}: {error.strerror or error}")
