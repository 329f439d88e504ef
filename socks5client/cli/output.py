"""Where what arrives goes: stdout, or a file."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from io import FileIO
from typing import TYPE_CHECKING

from .exitcodes import Exit, TransferError
from .verbose import to_stderr

if TYPE_CHECKING:
    from .jobs import Job
    from .options import Options
    from .outcome import Outcome
    from .progress import Bar, Display
    from .session import Session
    from .urls import Url

_NAMES = 100  # --no-clobber gives up after so many
_LOOKED_AT = 2000  # bytes of a piece, for whether it is text
_BINARY = "binary output can mess up your terminal; -o - writes it there anyway, -o FILE to a file"


@dataclass
class Chosen:
    """What the attempts at a job have in common: the file that the first one has chosen."""

    name: str | None = None  # as -J says
    path: str | None = None  # that has been made


class Destination:
    """Where what a job fetches goes."""

    def __init__(self, job: Job, url: Url, outcome: Outcome, chosen: Chosen) -> None:
        self._job = job
        self._options = job.options
        self._url = url
        self._outcome = outcome
        self._chosen = chosen
        self.to_stdout = job.output in ("", "-")

    @property
    def path(self) -> str:
        """The name of the file. Raises TransferError where -O finds none in the URL."""
        path = self._url.file_name if self._job.output is None else self._job.output
        if self._chosen.name is not None:
            path = self._chosen.name
        if not path:
            raise TransferError(Exit.WRITE_FAILED, "the URL has no file name for -O")
        return os.path.join(self._options.output_dir or "", path)

    @property
    def is_named_by_url(self) -> bool:
        """-O, so that -J may name it otherwise."""
        return self._job.output is None

    @property
    def label(self) -> str:
        """What the progress is called."""
        if self.to_stdout:
            return self._url.file_name or self._url.host
        return os.path.basename(self.path)

    def take_name(self, name: str) -> None:
        """The name that the answer says, for -J. Raises TransferError for an impossible one."""
        if self._chosen.name is None:
            if name in ("", ".", ".."):
                raise TransferError(Exit.WRITE_FAILED, "the answer names no file for -J")
            self._chosen.name = name

    def offset(self) -> int:
        """Where -C resumes."""
        resume = self._options.resume
        if resume != "-":
            return int(resume or 0)
        try:
            return 0 if self.to_stdout else os.stat(self.path).st_size
        except OSError:
            return 0

    def sink(self, display: Display, offset: int) -> Sink:
        """What takes the bytes; `offset`: how many are there already."""
        if not self.to_stdout:
            self._outcome.file_name = self.path
        return Sink(self, display, append=offset > 0)

    def limit(self, size: int) -> None:
        """Raises TransferError where --max-filesize forbids `size` bytes."""
        most = self._options.max_filesize
        if most is not None and size > most:
            raise TransferError(Exit.TOO_LARGE, f"the file is larger than {most} bytes")

    def open(self, append: bool) -> FileIO:
        """The file, made as the options say. Raises TransferError."""
        path = self._chosen.path or self.path
        try:
            if self._options.create_dirs and os.path.dirname(path):
                os.makedirs(os.path.dirname(path), mode=0o750, exist_ok=True)
            if append or self._chosen.path is not None:
                file = FileIO(path, "ab" if append else "wb")
            else:
                file = self._made(path)
        except OSError as error:
            raise TransferError(
                Exit.WRITE_FAILED, f"cannot write {path}: {error.strerror or error}"
            ) from None
        self._chosen.path = self._outcome.file_name = os.fsdecode(file.name)
        return file

    def _made(self, path: str) -> FileIO:
        """Raises OSError. What the server names is not overwritten, as long as nobody says so."""
        clobber = self._options.clobber
        if clobber is None:
            clobber = self._chosen.name is None
            if not clobber:
                return FileIO(path, "xb")
        if clobber:
            return FileIO(path, "wb")
        for number in range(_NAMES):
            try:
                return FileIO(f"{path}.{number}" if number else path, "xb")
            except FileExistsError:
                if number == _NAMES - 1:
                    raise
        raise AssertionError

    @property
    def may_garble(self) -> bool:
        """Whether the user wants what is no text on a terminal: -o - says so."""
        return "-" in self._options.outputs

    @property
    def flushes(self) -> bool:
        """Whether what arrives goes on at once."""
        return not self._options.buffer or (sys.stdout is not None and sys.stdout.isatty())


class Sink:
    """Takes what arrives and passes it on; the file is made when the first bytes come."""

    def __init__(self, destination: Destination, display: Display, *, append: bool) -> None:
        self._destination = destination
        self._append = append
        self._display = display
        self._file: FileIO | None = None
        self._bar: Bar | None = None
        self._written = 0
        self._size: int | None = None  # of the body, as far as it is here

    def expect(self, size: int | None, present: int) -> None:
        """A body of `size` bytes follows, None: unknown, on top of those `present`.

        Raises TransferError where --max-filesize forbids it.
        """
        self._size = 0
        if size is not None:
            self._destination.limit(size)
        total = None if size is None else size + present
        self._bar = self._display.bar(self._destination.label, total, present)

    def write(self, data: bytes) -> None:
        """Raises TransferError; its text is empty where a reader of stdout has gone."""
        self._written += len(data)
        if self._size is not None:
            self._size += len(data)
            self._destination.limit(self._size)
        if self._destination.to_stdout:
            self._write_stdout(data)
            if self._bar is not None:
                self._bar.advance(len(data))
            return
        try:
            if self._file is None:
                self._file = self._destination.open(self._append)
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise TransferError(
                Exit.WRITE_FAILED,
                f"cannot write {self._destination.path}: {error.strerror or error}",
            ) from None
        if self._bar is not None:
            self._bar.advance(len(data))

    def finish(self) -> None:
        """The response has arrived: a file is there even if it is empty."""
        if self._destination.to_stdout:
            _flush_stdout()
        elif self._file is None:
            self.write(b"")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.finish()
        if self._file is not None:
            self._file.close()
        if self._destination.to_stdout and self._written:
            try:
                _flush_stdout()
            except TransferError:
                pass  # there is another failure to tell, or finish() has told

    def _write_stdout(self, data: bytes) -> None:
        if self._written == len(data) and b"\0" in data[:_LOOKED_AT]:
            stdout = sys.stdout
            if stdout is not None and stdout.isatty() and not self._destination.may_garble:
                raise TransferError(Exit.WRITE_FAILED, _BINARY)
        _write_stdout(data)
        if self._destination.flushes:
            _flush_stdout()


class HeaderFile:
    """-D: the heads of all answers of an operation, one after the other."""

    def __init__(self, name: str) -> None:
        self._name = name
        if name not in ("-", "%"):
            self._write("wb", b"")

    @classmethod
    def of(cls, options: Options, session: Session) -> HeaderFile | None:
        """Raises TransferError where the file cannot be made."""
        name = options.dump_header
        if name is None:
            return None
        return session.shared(("dump-header", id(options)), lambda: cls(name))

    def write(self, head: bytes) -> None:
        if self._name == "-":
            _write_stdout(head)
        elif self._name == "%":
            to_stderr(head.decode("latin-1"), end="")
        else:
            self._write("ab", head)

    def _write(self, mode: str, head: bytes) -> None:
        try:
            with open(self._name, mode) as file:
                file.write(head)
        except OSError as error:
            raise TransferError(
                Exit.WRITE_FAILED, f"cannot write {self._name}: {error.strerror or error}"
            ) from None


def finish_file(options: Options, outcome: Outcome, chosen: Chosen) -> None:
    """After the last attempt: --remove-on-error, -R; never on a file that we did not open."""
    path = chosen.path
    if not path or not os.path.isfile(path):
        return
    try:
        if outcome.error is not None:
            if options.remove_on_error:
                os.unlink(path)
        elif options.remote_time and outcome.file_time is not None:
            os.utime(path, (outcome.file_time, outcome.file_time))
    except OSError as error:
        to_stderr(f"socks5-curl: {path}: {error.strerror or error}")


def _write_stdout(data: bytes) -> None:
    if sys.stdout is None:
        raise TransferError(Exit.WRITE_FAILED, "")
    try:
        sys.stdout.buffer.write(data)
    except OSError as error:
        raise _stdout_failed(error) from None


def _flush_stdout() -> None:
    if sys.stdout is None:
        return
    try:
        sys.stdout.buffer.flush()
    except OSError as error:
        raise _stdout_failed(error) from None


def _stdout_failed(error: OSError) -> TransferError:
    _silence_stdout()
    if isinstance(error, BrokenPipeError):
        return TransferError(Exit.WRITE_FAILED, "")
    return TransferError(Exit.WRITE_FAILED, f"cannot write to stdout: {error.strerror or error}")


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
    write_bytes(os.fsencode(text))


def write_bytes(data: bytes) -> None:
    """`data` to stdout, at once. Raises TransferError."""
    _write_stdout(data)
    _flush_stdout()
