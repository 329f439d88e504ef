"""The time line of a transfer."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from socks5client.cli.exitcodes import Exit, TransferError
from socks5client.cli.outcome import Outcome
from socks5client.cli.waterfall import render, rows, show

from .origin import OK, Origin, redirect

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.server_fixture import Server

    from .conftest import Result

PROXY = ["connect", "Connected", "MethodOffer", "MethodSelection", "Authenticated", "Request"]
PROXY += ["Reply"]


def outcome(*names: str, error: TransferError | None = None, apart: float = 0.01) -> Outcome:
    """Of steps that end as long apart from each other."""
    made = Outcome(url="http://u:s3cret@h/", status=0 if error else 200, error=error)
    for number, name in enumerate(names, 1):
        made.mark(name, number * apart)
    return made


def labels(made: Outcome) -> list[str]:
    return [row.label for row in rows(made)]


def test_the_steps_of_a_request() -> None:
    made = outcome("namelookup", *PROXY, "tunnel", "appconnect", "starttransfer", "total")
    assert labels(made) == [
        "preparation, names",
        "TCP to the proxy",
        "method selection",
        "authentication",
        "request and reply",
        "TLS with the server",
        "waiting for the first byte",
        "transfer",
    ]


def test_each_begins_where_the_one_before_it_ended() -> None:
    made = list(rows(outcome("namelookup", *PROXY, "starttransfer", "total", "total")))
    assert made[0].start == 0
    assert [row.start for row in made[1:]] == [row.end for row in made[:-1]]


def test_a_chain_with_tls() -> None:
    hop = ["TlsEstablished", *PROXY[2:]]
    made = outcome(*PROXY[:2], *hop, *PROXY[2:], *hop, "total")
    first = ["TLS with the proxy", "method selection", "authentication", "request and reply"]
    second = [f"{label}, proxy 2" for label in first[1:]]
    third = [f"{label}, proxy 3" for label in first]
    assert labels(made) == ["TCP to the proxy", *first, *second, *third, "transfer"]


def test_redirects_begin_anew() -> None:
    made = outcome(*PROXY, *PROXY[2:], "starttransfer", *PROXY, "starttransfer", "total")
    assert [label for label in labels(made) if "method" in label] == [
        "method selection",
        "method selection, proxy 2",
        "method selection",
    ]


def test_what_takes_no_time_is_no_step() -> None:
    made = outcome(*PROXY, "pretransfer", "starttransfer", "total", apart=1e-5)
    assert "authentication" not in labels(made)
    assert "ready to transfer" not in labels(made)
    assert "ready to transfer" in labels(outcome("connect", "pretransfer"))


def test_directly_and_on_a_kept_connection() -> None:
    assert labels(outcome("connect", "starttransfer", "total"))[0] == "TCP to the server"
    assert labels(outcome("starttransfer", "total")) == ["waiting for the first byte", "transfer"]
    assert labels(outcome("something new", "total"))[0] == "something new"


def test_where_it_failed() -> None:
    error = TransferError(Exit.TIMEOUT, "too late")
    made = outcome("namelookup", *PROXY[:4], "total", error=error)
    assert labels(made)[-1] == "failed"
    assert _rendered(made).splitlines()[0] == "GET http://h/ exit 28 60.0 ms"


def _rendered(made: Outcome, width: int = 80, *, terminal: bool = False) -> str:
    stream = io.TextIOWrapper(io.BytesIO(), "utf-8")
    console = Console(
        file=stream,
        width=width,
        force_terminal=terminal,
        color_system="standard" if terminal else None,
        _environ={},
    )
    render(made, console)
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


def test_the_bars_are_on_a_common_axis() -> None:
    made = outcome("namelookup", "connect", "starttransfer", "total")
    title, before, *lines = _rendered(made, 74).splitlines()
    assert title == "GET http://h/ 200 40.0 ms"
    assert before == "  preparation, names            10.0 ms"
    bars = [line.partition(" ms  ")[2] for line in lines]
    assert all(re.fullmatch(" *#+", bar) for bar in bars)
    room = 74 - len("waiting for the first byte") - 17
    assert [len(bar) for bar in bars] == [room // 3, room * 2 // 3, room]
    assert [bar.count("#") for bar in bars] == pytest.approx([room / 3] * 3, abs=1)
    assert all(line.startswith("  ") for line in lines)


def test_a_short_step_can_be_seen_and_nothing_divides_by_zero() -> None:
    made = Outcome(url="http://h/")
    for name in ("connect", "starttransfer", "total"):
        made.mark(name, 0.0)
    assert _rendered(made).count("#") == 3
    assert _rendered(Outcome(url="http://h/")) == "GET http://h/ 0.0 ms\n"


def test_colours_on_a_terminal() -> None:
    shown = _rendered(outcome("connect", "starttransfer", "total"), terminal=True)
    assert "\x1b[34m█" in shown
    assert "#" not in shown


def test_a_url_does_not_drive_the_terminal() -> None:
    made = outcome("connect", "total")
    made.url = "http://h/\x1b]0;x\x07"
    assert "\x1b" not in _rendered(made)


def test_the_command(run: Callable[..., Result]) -> None:
    with Origin(lambda request: OK if b"/next" in request else redirect("/next")) as origin:
        code, out, err = run("-L", "--waterfall", origin.url)
        assert (code, out) == (0, b"hi")
        lines = err.splitlines()
        assert re.fullmatch(rf"GET {origin.url}next 200 [\d.]+ ms", lines[0])
        names = [line.strip().partition("  ")[0] for line in lines[1:]]
        assert names.count("TCP to the proxy") == names.count("request and reply") == 2
        assert names[-1] == "transfer"
        code, out, err = run("--waterfall", "-sS", "http://origin.test:1/", "--next", origin.url)
        assert err.count("GET http://") == 2
        assert "  failed " in err


def test_nobody_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    show(outcome("connect", "total"))
    monkeypatch.setattr(sys, "stderr", Closed())
    show(outcome("connect", "total"))


class Closed(io.StringIO):
    def write(self, text: str) -> int:
        if text:
            raise BrokenPipeError
        return 0


def test_on_a_terminal(proxy: Server) -> None:
    ours, theirs = pty.openpty()
    with Origin() as origin:
        command = [sys.executable, "-W", "error", "-m", "socks5client.cli", "--waterfall"]
        process = subprocess.Popen(
            [*command, "--socks5-hostname", f"{proxy.host}:{proxy.port}", origin.url],
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            env={"TERM": "xterm-256color", "COLUMNS": "80", "LANG": "C.UTF-8"},
        )
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 65536):
                shown += data
        except OSError:  # the other end is closed
            pass
        os.close(ours)
        assert process.wait(30) == 0
    assert "█".encode() in shown
    assert b"\x1b[35m" in shown
