"""From operations to jobs."""

from __future__ import annotations

import pytest

from socks5client.cli.jobs import jobs_of
from socks5client.cli.options import parse
from socks5client.cli.urls import MalformedUrl

Job = tuple[str, str | None, str | None]


def _jobs(*argv: str) -> list[Job]:
    return [(job.url, job.output, job.upload) for job in jobs_of(parse(["-q", *argv]))]


@pytest.mark.parametrize(
    ("argv", "jobs"),
    [
        (["a", "b"], [("a", "-", None), ("b", "-", None)]),
        (["-o", "x", "a", "b"], [("a", "x", None), ("b", "-", None)]),
        (["-O", "a", "-o", "y", "b"], [("a", None, None), ("b", "y", None)]),
        (["--remote-name-all", "a", "-o", "y", "b"], [("a", "y", None), ("b", None, None)]),
        (["-o", "#1", "{a,b}"], [("a", "a", None), ("b", "b", None)]),
        (["-g", "-o", "#1", "{a}"], [("{a}", "#1", None)]),
        (["-T", "f", "a", "b"], [("a", "-", "f"), ("b", "-", None)]),
        (["-T", "", "a", "-T", "f", "b"], [("a", "-", None), ("b", "-", "f")]),
        (["-T", "{f,g}", "[1-2]"], [(n, "-", f) for f in "fg" for n in "12"]),
        (["-T", "-", "a"], [("a", "-", "-")]),
        (["-o", "x", "a", "--next", "b"], [("a", "x", None), ("b", "-", None)]),
    ],
)
def test_jobs(argv: list[str], jobs: list[Job]) -> None:
    assert _jobs(*argv) == jobs


def test_what_comes_before_a_bad_glob_is_done() -> None:
    jobs = jobs_of(parse(["-q", "a", "{b"]))
    assert next(jobs).url == "a"
    with pytest.raises(MalformedUrl):
        next(jobs)
