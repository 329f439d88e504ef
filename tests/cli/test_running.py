"""Several URLs: one after the other, and at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.server_fixture import Fault, Server, stall

from .origin import HOLD, OK, Origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Result

NOT_FOUND = b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno"


def answer(request: bytes) -> bytes:
    return NOT_FOUND if b"/bad" in request else OK


def test_one_after_the_other(run: Callable[..., Result]) -> None:
    with Origin(answer) as origin:
        assert run("-w", "%{urlnum},", origin.url, origin.url + "bad", origin.url + "{a,b}") == (
            0,
            b"hi0,no1,hi2,hi2,",
            "",
        )
        assert [request.split()[1] for request in origin.requests] == [b"/", b"/bad", b"/a", b"/b"]


def test_the_code_is_that_of_the_last_transfer(run: Callable[..., Result]) -> None:
    with Origin(answer) as origin:
        bad = origin.url + "bad"
        assert run("-sf", bad, origin.url) == (0, b"hi", "")
        assert run("-sf", origin.url, bad) == (22, b"hi", "")
        assert run("-sf", "--fail-early", bad, origin.url) == (22, b"", "")


def test_a_bad_glob_ends_the_command_where_it_stands(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        assert run("-s", origin.url, "http://origin.test/{a") == (3, b"hi", "")


def test_next_begins_anew(run: Callable[..., Result], bare: Callable[..., Result]) -> None:
    with Origin() as origin:
        first, second = origin.url + "1", origin.url + "2"
        # -s is for all, -d and the proxy are not.
        code, out, err = run("-s", "-d", "x", first, "--next", second)
        assert (code, out, err) == (2, b"hi", "")
        assert [request.split()[0] for request in origin.requests] == [b"POST"]


class Together:
    """Answers once as many requests as given are there at the same time."""

    def __init__(self, count: int) -> None:
        self.barrier = threading.Barrier(count, timeout=20)

    def __call__(self, request: bytes) -> bytes:
        self.barrier.wait()
        return answer(request)


@pytest.mark.parametrize("most", [2, 5, 300])
def test_at_once(run: Callable[..., Result], tmp_path: Path, most: int) -> None:
    """As many as --parallel-max says are on their way at once."""
    together = Together(min(most, 4))
    origins = [Origin(together) for _ in range(4)]
    try:
        urls = [origin.__enter__().url + name for origin, name in zip(origins, "abcd", strict=True)]
        names = [arg for name in "abcd" for arg in ("-o", str(tmp_path / name))]
        code, out, err = run("-Z", "--parallel-max", str(most), *names, *urls)
        assert (code, out, err) == (0, b"", "")
        assert [(tmp_path / name).read_bytes() for name in "abcd"] == [b"hi"] * 4
    finally:
        for origin in origins:
            origin.__exit__(None, None, None)


def test_a_failure_among_several_is_the_code(run: Callable[..., Result]) -> None:
    with Origin(answer) as one, Origin(answer) as other:
        assert run("-Zsf", one.url + "bad", other.url)[:2] == (22, b"hi")
        assert run("-Zsf", one.url, other.url + "bad")[:2] == (22, b"hi")


def test_a_bad_glob_among_several(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        assert run("-Zs", origin.url, "http://origin.test/{a") == (3, b"hi", "")


@pytest.mark.parametrize("stuck", ["answer", "body", "proxy"])
def test_fail_early_among_several(run: Callable[..., Result], proxy: Server, stuck: str) -> None:
    """The others are not waited for, wherever they wait."""
    silent = {"answer": HOLD, "body": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi" + HOLD}
    ready = threading.Event()

    def answer_when_others_wait(request: bytes) -> bytes:
        assert ready.wait(20)
        return answer(request)

    def stand_still(request: bytes) -> bytes:
        ready.set()
        return silent.get(stuck, HOLD)

    before = threading.active_count()
    with (
        Origin(answer_when_others_wait) as one,
        Origin(stand_still) as other,
        Server(faults=[Fault("reply", stall())]) as deaf,
    ):
        where = other.url
        words = ["-Zsf", "--fail-early", one.url + "bad"]
        if stuck == "proxy":
            # Another proxy for the second one; -x is said anew behind --next.
            words += ["--next", "-x", deaf.url]
            threading.Thread(
                target=lambda: deaf.wait_for(lambda s: s.requests and ready.set() is None)
            ).start()
        result = run(*words, where)
        assert result.code == 22
        assert result.out in (b"", b"hi")
        deaf.wait_idle()
    assert threading.active_count() == before


def test_one_at_a_time_is_serial(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        code, out, err = run("-Z", "--parallel-max", "1", "-w", "%{urlnum}", origin.url + "[1-3]")
        assert (code, out, err) == (0, b"hi0hi0hi0", "")
