"""How the bars look: rich's live display, on stderr."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.filesize import decimal
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.segment import Segment
from rich.table import Column
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed import ReadableBuffer
    from rich.console import ConsoleOptions, RenderableType, RenderResult
    from rich.progress import TaskID

    from .progress import Bar

_PER_SECOND = 10
_MARGIN = 2  # for the ^C that a terminal shows: it must not wrap
_FLY = "-=O=-"  # curl's, where the total is not known


class Lines:
    """A line for each bar. Not safe for threads: `Display` sees to that."""

    def __init__(self, *, simple: bool) -> None:
        terminal = _Terminal(sys.stderr.fileno(), "wb", closefd=False)
        encoding = sys.stderr.encoding
        console = _Console(file=io.TextIOWrapper(terminal, encoding, "replace", write_through=True))
        columns = (_Hashes(),) if simple else _columns(console.width)
        self._progress = _Progress(*columns, console=console, expand=True)

    def add(self, bar: Bar, label: str, total: int | None) -> None:
        task = self._progress.add_task(label, total=total, completed=bar.done, before=bar.done)
        self._progress.bars[task] = bar

    def start(self) -> None:
        # A new one each time: one that has stopped would draw where it drew before.
        self._progress.live = Live(
            console=self._progress.console,
            refresh_per_second=_PER_SECOND,
            redirect_stdout=False,  # its bytes are not written by print()
            get_renderable=self._progress.get_renderable,
        )
        self._progress.start()

    def stop(self) -> None:
        self._progress.stop()

    def hide(self) -> None:
        self._progress.live.transient = True
        self._progress.stop()

    def leave(self, bar: Bar) -> None:
        """The line of `bar` as it is now, above the others."""
        progress = self._progress
        progress.read()
        (number,) = (number for number, other in progress.bars.items() if other is bar)
        (task,) = (task for task in progress.tasks if task.id == number)
        progress.stop_task(number)
        progress.update(number, ended=True)
        del progress.bars[number]
        progress.remove_task(number)
        progress.print(progress.make_tasks_table([task]))


class _Terminal(io.FileIO):
    """One that may have gone: no reason for a transfer to fail."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


class _Console(Console):
    @property
    def options(self) -> ConsoleOptions:
        options = super().options
        return options.update(width=max(options.max_width - _MARGIN, 1))


class _Progress(Progress):
    """Looks at the bars when it draws, so that counting costs a transfer nothing."""

    bars: dict[TaskID, Bar]

    def __init__(self, *columns: ProgressColumn, console: Console, expand: bool) -> None:
        self.bars = {}
        super().__init__(*columns, console=console, expand=expand)

    def read(self) -> None:
        for number, bar in tuple(self.bars.items()):
            self.update(number, completed=bar.done)

    def get_renderables(self) -> Iterable[RenderableType]:
        self.read()
        return super().get_renderables()


def _columns(width: int) -> tuple[ProgressColumn, ...]:
    """What a terminal of that width has room for, all of a fixed width but the bar."""
    label = _Label(max(10, min(width - 50, 30)))
    numbers = (_Size(), _Rate(), _Time())
    return (label, *numbers) if width < 60 else (label, BarColumn(None), _Percent(), *numbers)


class _Fixed(ProgressColumn):
    """Right-aligned, of one width: lines that are drawn apart stand in columns nevertheless."""

    width = 0

    def __init__(self) -> None:
        super().__init__(Column(width=self.width, justify="right", no_wrap=True))


class _Label(ProgressColumn):
    def __init__(self, width: int) -> None:
        super().__init__(Column(width=width, no_wrap=True, overflow="ellipsis"))

    def render(self, task: Task) -> Text:
        return Text(task.description)


class _Percent(_Fixed):
    width = 4

    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f"{task.percentage:.0f}%", "progress.percentage")


class _Size(_Fixed):
    width = 8

    def render(self, task: Task) -> Text:
        return Text(_bytes(task.completed), "progress.download")


class _Rate(_Fixed):
    """The rate now; in the end that of all of it."""

    width = 10

    def render(self, task: Task) -> Text:
        rate = task.speed
        if task.fields.get("ended"):
            rate = (task.completed - task.fields["before"]) / max(task.elapsed or 0, 1e-3)
        return Text("" if rate is None else f"{_bytes(rate)}/s", "progress.data.speed")


class _Time(_Fixed):
    """The time left; where nobody knows, and in the end, the time it took."""

    width = 8

    def render(self, task: Task) -> Text:
        left = None if task.fields.get("ended") else task.time_remaining
        if left is None:
            return Text(_clock(task.elapsed or 0), "progress.elapsed")
        return Text(f"-{_clock(left)}", "progress.remaining")


class _Hashes(ProgressColumn):
    """-#: as curl's."""

    def render(self, task: Task) -> _HashesNow:
        return _HashesNow(task)


class _HashesNow:
    def __init__(self, task: Task) -> None:
        self._task = task

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        task, width = self._task, max(options.max_width - 7, len(_FLY))
        if task.total is None:
            ways = max(width - len(_FLY), 1)
            place = int((task.elapsed or 0) * _PER_SECOND) % (2 * ways)
            yield Segment(" " * min(place, 2 * ways - place) + _FLY)
        else:
            share = 1.0 if not task.total else min(task.completed / task.total, 1.0)
            yield Segment(f"{'#' * int(share * width):<{width}} {share:6.1%}")
        yield Segment.line()


def _bytes(size: float) -> str:
    """At most 8 columns."""
    return decimal(int(size)).replace(" bytes", " B").replace("1 byte", "1 B")


def _clock(seconds: float) -> str:
    """At most 7 columns."""
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    if whole < 360_000:
        return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
    return f"{whole // 86400} d"
