"""Each failure has curl's exit code, one line on stderr and nothing on stdout."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.server_fixture import CATALOGUE, Server

from .conftest import NAMES
from .origin import RESET, Origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Result

_getaddrinfo = socket.getaddrinfo


@pytest.fixture(autouse=True)
def _no_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name but localhost is known, and none is asked for off this machine."""

    def look_up(host: str, *args: Any, **kwargs: Any) -> Any:
        if host.endswith((".invalid", ".test")):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return _getaddrinfo(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr("socks5client.tunnel.dial._getaddrinfo", look_up)


def _fails(result: Result, code: int, text: str = "") -> None:
    assert result.code == code
    assert result.out == b""
    assert result.err.startswith(f"socks5-curl: ({code}) ")
    assert result.err.count("\n") == 1
    assert text in result.err


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("gopher://origin.test/", 1),
        ("foo:bar", 3),
        ("http://origin.test:x/", 3),
        ("http://origin.test/{a", 3),
        ("http://origin.test/[1-", 3),
    ],
)
def test_urls(run: Callable[..., Result], url: str, code: int) -> None:
    _fails(run(url), code)


def test_globoff(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        assert run("-g", origin.url + "{a}[1]").code == 0
        assert origin.lines[0] == "GET /{a}[1] HTTP/1.1"


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def test_names_and_connections(bare: Callable[..., Result], proxy: Server) -> None:
    here = f"{proxy.host}:{proxy.port}"
    closed = _closed_port()
    _fails(bare("-x", "nope.invalid:1080", "http://origin.test/"), 5, "proxy's name")
    _fails(bare("--noproxy", "*", "http://nope.invalid/"), 6, "could not resolve")
    _fails(bare("--socks5", here, "http://nope.invalid/"), 97, "could not resolve")
    _fails(bare("--socks5-hostname", here, "http://nope.invalid/"), 97, "host unreachable")
    _fails(bare("-x", f"127.0.0.1:{closed}", "http://origin.test/"), 7, "cannot connect to")
    _fails(bare("--noproxy", "*", f"http://127.0.0.1:{closed}/"), 7, "failed to connect")
    _fails(bare("-x", here, f"http://origin.test:{closed}/"), 97, "refused by the target")
    _fails(bare("-x", here, f"http://{'a' * 300}/"), 97, "255")


@pytest.mark.parametrize(
    "proxy_url",
    [
        "http://127.0.0.1:1",
        "socks4://127.0.0.1:1",
        "socks5h://u:secret@127.0.0.1:x",
        "h:70000",
        ":",
    ],
)
def test_proxy_urls(bare: Callable[..., Result], proxy_url: str) -> None:
    result = bare("-x", proxy_url, "http://origin.test/")
    _fails(result, 2, "proxy: ")
    assert "secret" not in result.err


@pytest.mark.parametrize(
    "fault",
    [
        *["no-acceptable", "method-not-offered", "garbage-accept", "wrong-version-method"],
        *["wrong-version-reply", "garbage-reply", "short-failure", "short-failure-2"],
        *["unknown-atyp", *(f"reply-code-{code}" for code in (1, 2, 3, 4, 5, 6, 7, 8, 200))],
    ],
)
def test_the_socks_handshake(bare: Callable[..., Result], fault: str) -> None:
    with Server(names=NAMES, faults=[CATALOGUE[fault]]) as server, Origin() as origin:
        _fails(bare("-x", f"{server.host}:{server.port}", origin.url), 97)
        assert not origin.requests


def test_wrong_credentials(bare: Callable[..., Result]) -> None:
    with Server(users={"alice": "secret"}, names=NAMES) as server, Origin() as origin:
        url = f"socks5h://alice:wr0ng@{server.host}:{server.port}"
        for extra in ([], ["-v"]):
            result = bare("-x", url, *extra, origin.url)
            assert result.code == 97
            assert "wr0ng" not in result.err
            assert "alice" not in result.err
        assert not origin.requests


@pytest.mark.parametrize(
    ("answer", "code", "out"),
    [
        (b"", 52, b""),
        (RESET, 56, b""),
        (b"HTTP/1.1 20", 52, b""),
        (b"hello world\r\n\r\n", 1, b""),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", 8, b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", 8, b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi", 18, b"hi"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi", 18, b"hi"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi", 56, b""),
    ],
)
def test_bad_answers(run: Callable[..., Result], answer: bytes, code: int, out: bytes) -> None:
    with Origin(answer) as origin:
        result = run(origin.url)
        assert (result.code, result.out) == (code, out)
        assert result.err.count("\n") == 1


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad\r\n\r\n"])
def test_tls(run: Callable[..., Result], answer: bytes) -> None:
    """A server that hangs up on the ClientHello, or answers it in plain HTTP."""

    def serve(listener: socket.socket) -> None:
        sock, _ = listener.accept()
        with sock:
            sock.recv(65536)
            sock.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        _fails(run("-k", f"https://origin.test:{listener.getsockname()[1]}/"), 35, "TLS with")
        thread.join()


def test_files(run: Callable[..., Result], tmp_path: Path) -> None:
    with Origin() as origin:
        missing = str(tmp_path / "missing" / "file")
        _fails(run("-T", missing, origin.url), 26, "cannot read")
        _fails(run("-d", f"@{missing}", origin.url), 26)
        _fails(run("-H", f"@{missing}", origin.url), 26)
        _fails(run("-w", f"@{missing}", origin.url), 26)
        _fails(run("--cacert", missing, origin.url.replace("http", "https")), 77)
        _fails(run("-O", origin.url), 23, "no file name")
        assert not origin.requests
        _fails(run("-T", str(tmp_path), origin.url + "x"), 26)
        _fails(run("-o", missing, origin.url), 23, "cannot write")
        assert not os.path.exists(tmp_path / "missing")


def test_a_body_shorter_than_it_says(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        words = ["-m", "0.5", "-d", "abc", "-H", "Content-Length: 5"]
        _fails(run(*words, origin.url), 28)  # the server waits for the rest, says curl


def test_silence(run: Callable[..., Result]) -> None:
    assert run("-s", "foo://h/") == (1, b"", "")
    assert run("-sS", "foo://h/").err.startswith("socks5-curl: (1)")
    assert (
        run("--frob").err == "socks5-curl: (2) option --frob: is unknown; see socks5-curl --help\n"
    )
