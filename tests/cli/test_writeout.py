"""-w."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .origin import Origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Result


def test_variables(run: Callable[..., Result]) -> None:
    names = ["http_code", "response_code", "size_download", "size_upload", "num_redirects"]
    names += ["content_type", "http_version", "scheme", "method", "num_connects", "exitcode"]
    with Origin() as origin:
        text = "".join(f"|%{{{name}}}" for name in names)
        result = run("-d", "abc", "-w", text + "|%{url_effective}", origin.url)
        expected = f"hi|200|200|2|3|0|text/plain|1.1|HTTP|POST|1|0|{origin.url}"
        assert result == (0, expected.encode(), "")


def test_times_are_in_order(run: Callable[..., Result]) -> None:
    moments = ["connect", "pretransfer", "starttransfer", "total"]
    with Origin() as origin:
        text = "".join(f" %{{time_{moment}}}" for moment in moments)
        out = run("-w", text, origin.url).out.decode().removeprefix("hi ")
        assert re.fullmatch(r"(\d+\.\d{6} ?){4}", out)
        times = [float(word) for word in out.split()]
        assert times == sorted(times)
        assert 0 < times[0] < times[-1] < 10


def test_escapes_and_headers(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        out = run("-w", r"\n\t\r\q%%%x%header{Content-Length}%header{no}%{open", origin.url).out
        assert out == b"hi\n\t\r\\q%%x2%{open"


def test_unknown_variables(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        code, out, err = run("-w", "[%{nope}]", origin.url)
        assert (code, out) == (0, b"hi[]")
        assert err == "socks5-curl: unknown --write-out variable: 'nope'\n"


def test_format_from_a_file_and_no_credentials(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "format"
    file.write_text("|%{url_effective}")
    with Origin() as origin:
        result = run("-w", f"@{file}", origin.url.replace("//", "//u:secret@"))
        assert result.out == f"hi|{origin.url}".encode()


def test_after_a_failure(run: Callable[..., Result]) -> None:
    code, out, _ = run("-w", "%{http_code}|%{exitcode}|%{size_download}|", "http://nope.test/")
    assert (code, out) == (97, b"000|97|0|")
