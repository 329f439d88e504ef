"""-z, --etag-save, --etag-compare, -r; and bodies whose length is not to be believed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from socks5client.cli.http.conditions import TimeCondition, range_of
from socks5client.cli.http.framing import without_length
from socks5client.cli.options import Options

from .origin import HOLD, OK, Origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Result

OLD, NEW = "Sun, 06 Nov 1994 08:49:37 GMT", "Mon, 06 Nov 2000 08:49:37 GMT"


def _condition(text: str) -> TimeCondition | None:
    return TimeCondition.of(Options(time_cond=text, silent=True))


@pytest.mark.parametrize(
    ("text", "header"),
    [
        (OLD, ("If-Modified-Since", OLD)),
        (f"+{OLD}", ("If-Modified-Since", OLD)),
        (f"-{OLD}", ("If-Unmodified-Since", OLD)),
        (f"={OLD}", ("Last-Modified", OLD)),
    ],
)
def test_what_a_condition_sends(text: str, header: tuple[str, str]) -> None:
    condition = _condition(text)
    assert condition is not None
    assert condition.header == header


def test_the_time_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "-file"
    file.write_bytes(b"")
    os.utime(file, (784111777.9, 784111777.9))
    condition = _condition(str(file))
    assert condition is not None
    assert condition.header == ("If-Modified-Since", OLD)


def test_nonsense_is_warned_of_once(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        code, out, err = run("-z", "yesterday", origin.url, origin.url)
        assert "If-Modified-Since" not in str(origin.requests)
    assert (code, out, err.count("-z is neither")) == (0, b"hihi", 1)


@pytest.mark.parametrize(
    ("text", "modified", "unmet"),
    [
        (OLD, OLD, True),
        (OLD, NEW, False),
        (NEW, OLD, True),
        (NEW, "", False),
        (NEW, "nonsense", False),
        (f"-{OLD}", OLD, True),
        (f"-{NEW}", OLD, False),
        (f"-{OLD}", NEW, True),
    ],
)
def test_when_it_is_unmet(text: str, modified: str, unmet: bool) -> None:
    condition = _condition(text)
    assert condition is not None
    assert condition.unmet(modified) is unmet


@pytest.mark.parametrize("status", ["304 Not Modified", "200 OK"])
def test_a_file_stays_where_there_is_nothing_newer(
    run: Callable[..., Result], tmp_path: Path, status: str
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"precious")
    answer = f"HTTP/1.1 {status}\r\nLast-Modified: {OLD}\r\nContent-Length: 2\r\n\r\n"
    with Origin(answer.encode() + (b"hi" if status == "200 OK" else b"")) as origin:
        result = run("-z", str(file), "-o", str(file), "-w", "%{http_code}", origin.url)
    assert (result.code, result.out) == (0, b"304")
    assert file.read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("text", "extent"),
    [(None, None), ("5", "5-"), ("0-1,3-", "0-1,3-"), ("-5", "-5"), ("5x", "5x")],
)
def test_ranges(text: str | None, extent: str | None) -> None:
    assert range_of(Options(range=text)) == extent


def test_an_etag_is_kept_and_compared(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "etag"
    words = ["--etag-compare", str(file), "--etag-save", str(file)]
    first = OK.replace(b"Content-Type", b'ETag: "v1"\r\nContent-Type')
    answers = iter([first, b"HTTP/1.1 304 Not Modified\r\n\r\n"])
    with Origin(lambda request: next(answers)) as origin:
        assert run(*words, origin.url).out == b"hi"
        assert 'If-None-Match: ""' in origin.lines
        assert file.read_bytes() == b'"v1"\n'
        assert run(*words, origin.url).out == b""
        assert 'If-None-Match: "v1"' in origin.lines
    assert file.read_bytes() == b'"v1"\n'  # curl 7.88 would have emptied it


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_a_length_is_hidden_wherever_it_is_cut(size: int) -> None:
    data = (
        b"HTTP/1.1 103 Early\r\nContent-Length: 7\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nX-Content-Length: 1\r\ncontent-LENGTH: 1\r\n\r\nContent-Length: 9"
    )
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    rest = iter(pieces[1:])
    seen = without_length(pieces[0], lambda: next(rest, b"")) + b"".join(rest)
    assert seen == data.replace(b"content-LENGTH", b"x-ignored-content-length")
    assert without_length(b"HTTP/1.1 2", lambda: b"") == b"HTTP/1.1 2"


def test_the_length_is_ignored_and_m_still_bounds_it(run: Callable[..., Result]) -> None:
    with Origin(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi there" + HOLD) as origin:
        result = run("--ignore-content-length", "-m", "1", origin.url)
    assert (result.code, result.out) == (28, b"hi there")


def test_http10(run: Callable[..., Result]) -> None:
    with Origin(b"HTTP/1.0 200 OK\r\n\r\nto the end") as origin:
        result = run("-v", "--http1.0", origin.url)
        assert result.out == b"to the end"
        assert origin.lines[0] == "GET / HTTP/1.0"
    assert "> GET / HTTP/1.0" in result.err
