"""What the origin is sent."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from socks5client import __version__
from socks5client.cli.exitcodes import Exit

from .origin import OK, Origin, redirect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Result


def test_the_headers_of_a_plain_request(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        assert run(origin.url) == (0, b"hi", "")
        assert origin.lines == [
            "GET / HTTP/1.1",
            f"Host: origin.test:{origin.port}",
            f"User-Agent: socks5-curl/{__version__}",
            "Accept: */*",
        ]


def test_headers_added_replaced_removed_and_empty(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    file = tmp_path / "headers"
    file.write_text("X-File: f\n\n")
    lines = ["X-New: 1", "accept:", "user-AGENT: me", "X-Empty;", "hOST: fake", f"@{file}"]
    with Origin() as origin:
        arguments = [word for line in lines for word in ("-H", line)]
        assert run(*arguments, origin.url).code == 0
        assert origin.lines[1:] == [
            "Host: fake",
            "X-New: 1",
            "user-AGENT: me",
            "X-Empty:",
            "X-File: f",
        ]


def test_agent_referer_and_method(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        run("-A", "", "-e", "from", "-X", "get", origin.url)
        assert origin.lines[0] == "get / HTTP/1.1"
        assert origin.lines[2:] == ["Accept: */*", "Referer: from"]


@pytest.mark.parametrize("header", ["no colon", "two words: x", ": x", "X: a\r\nY: b"])
def test_headers_that_cannot_be_sent(run: Callable[..., Result], header: str) -> None:
    code, out, err = run("-H", header, "http://origin.test:1/")
    assert (code, out) == (2, b"")
    assert "option -H" in err


@pytest.mark.parametrize(
    "words",
    [
        ["--oauth2-bearer", "s3cret\r\nX: y"],
        ["-b", "a=s3cret\n"],
        ["-e", "http://u:s3cret@h/\r\n"],
        ["-A", "s3cret\v"],
        ["-r", "s3cret\n-"],
    ],
)
def test_nothing_ends_a_header_and_nothing_of_it_is_told(
    run: Callable[..., Result], words: list[str]
) -> None:
    with Origin() as origin:
        code, out, err = run(*words, origin.url)
        assert (code, out, origin.requests) == (2, b"", [])
    assert "would have a line end" in err
    assert "s3cret" not in err


def test_spaces_around_values_stay(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        assert run("-A", " me ", "-e", "\tx ", "-H", "X:  y \t", origin.url).code == 0
    assert origin.lines[2:] == ["User-Agent:  me ", "Accept: */*", "Referer: \tx ", "X:  y \t"]


def test_data(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_bytes(b"x=1\r\ny\n")
    with Origin() as origin:
        assert run("-d", "a=1", "-d", f"@{file}", "--data-raw", "@b", origin.url).code == 0
        assert origin.body == b"a=1&x=1y&@b"
        assert origin.lines[0] == "POST / HTTP/1.1"
        assert origin.lines[-2:] == [
            "Content-Length: 11",
            "Content-Type: application/x-www-form-urlencoded",
        ]
        assert run("--data-binary", f"@{file}", "-H", "content-type: t", origin.url).code == 0
        assert origin.body == b"x=1\r\ny\n"
        assert origin.lines[-2:] == ["content-type: t", "Content-Length: 7"]
        assert run("-d", "", origin.url).code == 0
        assert "Content-Length: 0" in origin.lines
        assert run("-d", "abc", "-H", "Transfer-Encoding: chunked", origin.url).code == 0
        assert origin.body == b"3\r\nabc\r\n0\r\n\r\n"


def test_data_from_stdin(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"in\nput")))
    with Origin() as origin:
        assert run("-d", "@-", origin.url).code == 0
        assert origin.body == b"input"


def test_data_in_the_url(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        assert run("-G", "-d", "a=1", "-d", "b", origin.url + "p?q#f").code == 0
        assert origin.lines[0] == "GET /p?q&a=1&b HTTP/1.1"
        assert run("-I", "-G", "-d", "a", origin.url).code == 0
        assert origin.lines[0] == "HEAD /?a HTTP/1.1"
        assert origin.body == b""


def test_upload_of_a_file(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "a name"
    file.write_bytes(bytes(200_000))
    with Origin() as origin:
        code, out, _ = run("-T", str(file), "-w", "|%{size_upload}", origin.url + "d/?q")
        assert (code, out) == (0, b"hi|200000")
        assert origin.lines[0] == "PUT /d/a%20name?q HTTP/1.1"
        assert origin.lines[-1] == "Content-Length: 200000"
        assert origin.body == bytes(200_000)
        run("-T", str(file), "-X", "POST", origin.url + "x")
        assert origin.lines[0] == "POST /x HTTP/1.1"


def test_upload_from_stdin(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    with Origin() as origin:
        assert run("-T", "-", origin.url + "x").code == 0
        assert "Transfer-Encoding: chunked" in origin.lines
        assert origin.body == b"5\r\npiped\r\n0\r\n\r\n"


def test_stdin_is_not_uploaded_twice(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a second attempt sent would be empty."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    with Origin(busy) as origin:
        result = run("-T", "-", "--retry", "2", "--retry-delay", "0.01", origin.url + "x")
        assert result.code == Exit.REWIND_FAILED
        assert len(origin.requests) == 1


@pytest.mark.parametrize("words", [["-L"], ["--digest", "-u", "u:p"]])
def test_stdin_is_not_sent_on(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """Not even the head of what cannot be sent once more; a probe has not touched it."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    # It closes: on a connection that is gone the body would have been begun.
    refusal = b"HTTP/1.1 401 No\r\nConnection: close\r\nWWW-Authenticate: Digest nonce=n\r\n\r\n"
    answers = iter([redirect("/n", 307) if words == ["-L"] else refusal, OK])
    with Origin(lambda request: next(answers)) as origin:
        result = run(*words, "-T", "-", origin.url + "x")
        if words == ["-L"]:
            assert (result.code, len(origin.requests)) == (Exit.REWIND_FAILED, 1)
        else:
            assert (result.code, len(origin.requests)) == (0, 2)
            assert origin.requests[0].endswith(b"Content-Length: 0\r\n\r\n")
            assert origin.body == b"5\r\npiped\r\n0\r\n\r\n"


def test_a_password_is_asked_for_once(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts: list[str] = []

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        return "b"

    monkeypatch.setattr("socks5client.cli.ways.getpass", ask)
    with Origin() as origin:
        assert run("-Z", "-u", "a", *[origin.url] * 3).code == 0
        assert [b"Basic YTpi" in request for request in origin.requests] == [True] * 3
    assert len(prompts) == 1


def test_credentials(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        run("-u", "user:pass:word", origin.url)
        assert origin.lines[2] == "Authorization: Basic dXNlcjpwYXNzOndvcmQ="
        run(origin.url.replace("//", "//us%40:p@"))
        assert origin.lines[2] == "Authorization: Basic dXNAOnA="
        run("-u", "a:b", "-H", "Authorization: mine", origin.url)
        assert [line for line in origin.lines if "uthoriz" in line] == ["Authorization: mine"]


def test_a_password_is_asked_for(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts: list[str] = []

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        return "b"

    monkeypatch.setattr("socks5client.cli.ways.getpass", ask)
    with Origin() as origin:
        run("-u", "a", origin.url)
        assert origin.lines[2] == "Authorization: Basic YTpi"
    assert prompts == ["Enter host password for user 'a':"]


# What is sent where a first request was answered with a redirect to /next.
FOLLOWED = [
    (301, ["-d", "x"], "GET", b""),
    (302, ["-d", "x"], "GET", b""),
    (303, ["-d", "x"], "GET", b""),
    (307, ["-d", "x"], "POST", b"x"),
    (308, ["-d", "x"], "POST", b"x"),
    (302, ["-d", "x", "-X", "POST"], "POST", b""),
    (302, ["-I"], "HEAD", b""),
    (303, ["-I"], "HEAD", b""),
    (301, ["-T", "FILE"], "PUT", b"content"),
    (303, ["-T", "FILE"], "GET", b""),
    (300, [], "GET", b""),
]


@pytest.mark.parametrize(("status", "arguments", "method", "body"), FOLLOWED)
def test_methods_across_redirects(
    run: Callable[..., Result],
    tmp_path: Path,
    status: int,
    arguments: list[str],
    method: str,
    body: bytes,
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    arguments = [str(file) if word == "FILE" else word for word in arguments]

    def answer(request: bytes) -> bytes:
        if b" /next " in request:
            return OK
        return redirect("/next", status, b"" if request.startswith(b"HEAD") else b"moved")

    with Origin(answer) as origin:
        code, out, err = run("-L", *arguments, origin.url + "start")
        assert (code, err) == (0, "")
        assert out == b"hi" or "-I" in arguments
        assert len(origin.requests) == 2
        assert origin.lines[0] == f"{method} /next HTTP/1.1"
        assert origin.body == body


def test_secrets_stay_with_their_origin(run: Callable[..., Result]) -> None:
    secrets = ["-u", "a:b", "-H", "Cookie: c", "-H", "X-Kept: k", "-H", "Host: fake"]
    with Origin() as other:
        for name in ("origin.test", "other.test"):  # another port, another host
            with Origin(redirect(f"http://{name}:{other.port}/")) as origin:
                assert run("-L", *secrets, origin.url).code == 0
                assert {"Authorization: Basic YTpi", "Cookie: c"} <= set(origin.lines)
                # A name is a name, whatever the port: so curl thinks of -H Host.
                host = "fake" if name == "origin.test" else f"{name}:{other.port}"
                assert f"Host: {host}" in other.lines
                assert "X-Kept: k" in other.lines
                assert not [line for line in other.lines if line.startswith(("Auth", "Cookie"))]
    home = redirect("/home")
    with Origin(lambda request: OK if b"/home" in request else home) as origin:
        run("-L", *secrets, origin.url)
        assert {"Authorization: Basic YTpi", "Cookie: c", "Host: fake"} <= set(origin.lines)


def test_referer_by_itself(run: Callable[..., Result]) -> None:
    with Origin(lambda request: OK if b"/b" in request else redirect("/b")) as origin:
        run("-L", "-e", ";auto", origin.url.replace("//", "//u:p@") + "a")
        assert f"Referer: {origin.url}a" in origin.lines
        assert "Referer" not in str(origin.requests[0])
