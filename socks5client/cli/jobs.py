"""From operations to jobs: one for each URL that they stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .globbing import expand, fill_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .options import Options

ANYBODY = "tcp://0.0.0.0:0"  # for --listen without a URL


@dataclass(frozen=True)
class Job:
    """A transfer to make.

    `output` is the name of a file, "-" for stdout, None for one named as the URL; `upload` the
    file to send, "-" for stdin, or None; `number` is that of the URL on the
    command line, from 0 on.
    """

    options: Options
    url: str = field(repr=False)
    output: str | None
    upload: str | None
    number: int


def jobs_of(operations: Iterable[Options]) -> Iterator[Job]:
    """In the order of the command line. Raises MalformedUrl for what cannot be expanded."""
    number = 0
    for options in operations:
        for place, url, output, upload in _places(options):
            yield Job(options, url, output, upload, number + place)
        number += len(options.urls)


def _places(options: Options) -> Iterator[tuple[int, str, str | None, str | None]]:
    for place, pattern in enumerate(options.urls or (ANYBODY,)):
        name = _at(options.outputs, place, None if options.remote_name_all else "-")
        files = _at(options.uploads, place, None)
        # -T "": nothing for this URL.
        for upload in (file for file, _ in _expand(files, options)) if files else (None,):
            for url, chosen in _expand(pattern, options):
                yield place, url, name and fill_in(name, chosen), upload


def _at(values: tuple[str | None, ...], place: int, default: str | None) -> str | None:
    return values[place] if place < len(values) else default


def _expand(pattern: str, options: Options) -> Iterator[tuple[str, tuple[str, ...]]]:
    return iter([(pattern, ())]) if options.globoff else expand(pattern)
