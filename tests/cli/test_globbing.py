"""{} and [] in URLs."""

from __future__ import annotations

from itertools import islice

import pytest

from socks5client.cli.globbing import expand, fill_in
from socks5client.cli.urls import MalformedUrl


def _urls(pattern: str) -> list[str]:
    return [url for url, _ in expand(pattern)]


def test_nothing_to_expand() -> None:
    assert list(expand("http://h/a?b")) == [("http://h/a?b", ())]
    assert _urls("http://[::1]:8/[]") == ["http://[::1]:8/[]"]


def test_the_last_glob_goes_fastest() -> None:
    assert list(expand("{a,b}-[1-2]x")) == [
        ("a-1x", ("a", "1")),
        ("a-2x", ("a", "2")),
        ("b-1x", ("b", "1")),
        ("b-2x", ("b", "2")),
    ]


@pytest.mark.parametrize(
    ("pattern", "urls"),
    [
        ("[08-11]", ["08", "09", "10", "11"]),
        ("[a-g:3]", ["a", "d", "g"]),
        ("[X-Z]", ["X", "Y", "Z"]),
        ("[7-7]", ["7"]),
        ("{a,,b}", ["a", "", "b"]),
        (r"{a\,b,\},c\\}", ["a,b", "}", "c\\"]),
        (r"\{a\}\[b\]\c", [r"{a}[b]\c"]),
    ],
)
def test_what_globs_are(pattern: str, urls: list[str]) -> None:
    assert _urls(pattern) == urls


def test_billions_are_not_written_down() -> None:
    urls = expand("[1-4000000000]/[1-4000000000]")
    assert [url for url, _ in islice(urls, 2)] == ["1/1", "1/2"]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("{a", "without its end at 1"),
        ("x[1-2", "bad range"),
        ("a}", "} without its beginning at 2"),
        ("{a]}", "] without its beginning"),
        ("{}", "empty"),
        ("{a{b}}", "globs inside globs"),
        ("[3-1]", "bad range"),
        ("[1-3:4]", "bad range"),
        ("[1-3:0]", "bad range"),
        ("[A-a]", "bad range"),
        ("[1-18446744073709551616]", "bad range"),
        ("[1-18446744073709551615][1-2]", "too many"),
        ("{a}" * 101, "too many"),
    ],
)
def test_what_is_no_glob(pattern: str, reason: str) -> None:
    with pytest.raises(MalformedUrl, match=reason):
        next(expand(pattern))


def test_names_of_files() -> None:
    assert fill_in("#1-#2#3#0#", ("a", "b")) == "a-b#3#0#"
