"""From operations to jobs: one for each URL that they stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .globbing import expand, fill_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .options import Options


@dataclass(frozen=True)
class Job:
    """A transfer to make.

    `output` is the name of a file, "-" for stdout, None for one named as the URL; `upload` the
    file to send, "-" for stdin, or None; `number` counts from 0.
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
        for url, output, upload in _triples(options):
            yield Job(options, url, output, upload, number)
            number += 1


def _triples(options: Options) -> Iterator[tuple[str, str | None, str | None]]:
    for place, pattern in enumerate(options.urls):
        name = _at(options.outputs, place, None if options.remote_name_all else "-")
        files = _at(options.uploads, place, None)
        uploads = [None] if files is None else [file for file, _ in _expand(files, options)]
        for upload in uploads:
            for url, chosen in _expand(pattern, options):
                yield url, name and fill_in(name, chosen), upload


def _at(values: tuple[str | None, ...], place: int, default: str | None) -> str | None:
    return values[place] if place < len(values) else default


def _expand(pattern: str, options: Options) -> Iterator[tuple[str, tuple[str, ...]]]:
    return iter([(pattern, ())]) if options.globoff else expand(pattern)
