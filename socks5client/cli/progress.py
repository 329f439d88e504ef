"""Progress on a terminal: a line for each transfer, as long as it goes on."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .verbose import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self, TextIO

    from .options import Options
    from .progress_lines import Lines


class Display:
    """All bars of a command; the disabled one shows nothing. Any thread may use it.

    While there is a bar, what is written to `sys.stderr` appears above it.
    """

    def __init__(self, *, enabled: bool, simple: bool = False) -> None:
        self._enabled = enabled
        self._simple = simple  # -#
        self._lines: Lines | None = None
        self._bars = 0
        self._lock = threading.RLock()  # a signal's handler may come while it is held

    @classmethod
    def of(cls, *operations: Options) -> Display:
        """What the options of the command say.

        As with curl there is none where stderr is no terminal, nor where stdout is one and gets
        the body of an answer.
        """
        command = operations[0]
        shown = command.progress_meter and not command.silent and _is_terminal(sys.stderr)
        if shown and _is_terminal(sys.stdout):
            shown = not any(_writes_to_stdout(options) for options in operations)
        return cls(enabled=shown, simple=command.progress_bar)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """The bars end; the terminal is as it was. For a handler of signals, too."""
        lines, self._enabled = self._lines, False
        if lines is not None:
            lines.stop()

    def bar(self, label: str, total: int | None, done: int = 0) -> Bar:
        """A transfer of `total` bytes (None: unknown), of which `done` are there."""
        with self._lock:
            if not self._enabled:
                return Bar(None, done)
            if self._lines is None:
                from .progress_lines import Lines  # and rich: only where it is seen

                self._lines = Lines(simple=self._simple)
            bar = Bar(self, done)
            self._lines.add(bar, printable(label), total)
            if not self._bars:
                self._lines.start()
            self._bars += 1
            return bar

    def following(self, pieces: Iterable[bytes], label: str, total: int | None) -> Iterator[bytes]:
        """`pieces`, with a bar that shows which have been taken and done with."""
        bar = self.bar(label, total)
        try:
            for piece in pieces:
                yield piece
                bar.advance(len(piece))
        finally:
            bar.finish()

    def finish(self, bar: Bar) -> None:
        """The line of `bar` stays as it is, above those that go on."""
        with self._lock:
            if not self._enabled or self._lines is None:
                return
            self._lines.leave(bar)
            self._bars -= 1
            if not self._bars:
                self._lines.stop()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """The bars are gone while something is written to stdout, where both are a terminal."""
        with self._lock:
            lines = self._lines
            if lines is None or not self._bars or not self._enabled or not _is_terminal(sys.stdout):
                yield
                return
            lines.hide()
            try:
                yield
            finally:
                lines.start()


class Bar:
    """The progress of one transfer. `done`: its bytes so far."""

    def __init__(self, display: Display | None, done: int) -> None:
        self._display = display
        self.done = done

    def advance(self, size: int) -> None:
        """`size` more bytes have passed. Cheap: the display looks when it draws."""
        self.done += size

    def finish(self) -> None:
        """The transfer has ended, well or not. May be called again."""
        display, self._display = self._display, None
        if display is not None:
            display.finish(self)


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _writes_to_stdout(options: Options) -> bool:
    """Whether the body of some URL goes there; those of uploads by FTP and TFTP have none."""
    for place, url in enumerate(options.urls):
        if place < len(options.uploads) and url.lower().startswith(("ftp", "tftp")):
            continue
        if place < len(options.outputs):
            if options.outputs[place] in ("", "-"):
                return True
        elif not options.remote_name_all:
            return True
    return False
