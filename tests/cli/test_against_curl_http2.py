"""What Debian's curl and socks5-curl send over HTTP/2 for the same command line."""

from __future__ import annotations

import re
import socket
import threading
from typing import TYPE_CHECKING, Self

import h2.config
import h2.connection
import h2.events
import pytest

from tests.real_servers import require

from .comparison import run_curl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.server_fixture import Server

    from .conftest import Result

Headers = list[tuple[bytes, bytes]]

HERE = "http://origin.test:PORT/"
AWAY = "http://other.test:PORT/"
OK: Headers = [(b":status", b"200")]
CHALLENGE = b'Digest realm="r", nonce="n"'
ROWS: list[tuple[str, list[str], list[Headers]]] = [
    ("get", [HERE + "a?b"], [OK]),
    ("headers", ["-H", "X-A: b", "-H", "X-B;", "-H", "Accept:", "-A", "me", "-e", "r", HERE], [OK]),
    ("host", ["-H", "Host: fake.test", HERE], [OK]),
    ("post", ["-d", "a=1", HERE], [OK]),
    ("json", ["--json", "{}", HERE], [OK]),
    ("form", ["-F", "a=1", "-F", "f=@file", HERE], [OK]),
    ("put", ["-T", "file", HERE], [OK]),
    ("put from stdin", ["-T", "-", HERE + "x"], [OK]),
    ("chunked", ["-d", "a", "-H", "Transfer-Encoding: chunked", HERE], [OK]),
    ("head", ["-I", HERE], [OK]),
    ("odd method", ["-X", "get", HERE], [OK]),
    ("target", ["--request-target", "/t|", HERE + "x"], [OK]),
    ("user, range and compression", ["-u", "a:b", "-r", "1-2", "--compressed", HERE], [OK]),
    ("time", ["-z", "6 Nov 1994", HERE], [OK]),
    ("cookie", ["-b", "a=1; b=2", HERE], [OK]),
    (
        "redirect away",
        ["-L", "-u", "u:p", "-d", "abc", HERE],
        [[(b":status", b"307"), (b"location", AWAY.encode())], OK],
    ),
]


class Http2Origin:
    """Answers the headers that it is told, in turn, and keeps each request: headers and body."""

    def __init__(self, answers: list[Headers]) -> None:
        self._answers = iter(answers)
        self.requests: list[tuple[Headers, bytes]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._run, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(10)
            # A connection stays open while the next one is made, to another host.
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        connection = h2.connection.H2Connection(config)
        connection.initiate_connection()
        heads: dict[int, Headers] = {}
        bodies: dict[int, bytes] = {}
        with sock:
            while True:
                try:
                    sock.sendall(connection.data_to_send())
                    data = sock.recv(65536)
                except OSError:
                    return
                if not data:
                    return
                for event in connection.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        heads[event.stream_id] = event.headers
                    elif isinstance(event, h2.events.DataReceived):
                        body = bodies.get(event.stream_id, b"")
                        bodies[event.stream_id] = body + event.data
                    elif isinstance(event, h2.events.StreamEnded):
                        number = event.stream_id
                        self.requests.append((heads.pop(number), bodies.pop(number, b"")))
                        connection.send_headers(number, next(self._answers))
                        connection.send_data(number, b"", end_stream=True)


def _comparable(request: tuple[Headers, bytes]) -> tuple[Headers, Headers, bytes]:
    """What h2 puts first in its own order; the rest in the order in which it was sent."""
    headers, body = request
    headers = [(name, value) for name, value in headers if name != b"expect"]
    headers = [
        (name, b"*" if value.startswith((b"curl/", b"socks5-curl/")) else value)
        for name, value in headers
    ]
    headers = [(name, _unbound(value)) for name, value in headers]
    pseudo = sorted(header for header in headers if header[0].startswith(b":"))
    return pseudo, [header for header in headers if header not in pseudo], _unbound(body)


def _unbound(data: bytes) -> bytes:
    return re.sub(rb"-{24}[0-9a-f]{16}", b"<boundary>", data)


@pytest.mark.parametrize(
    ("words", "answers"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_same(
    bare: Callable[..., Result],
    proxy: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    answers: list[Headers],
) -> None:
    require("curl")
    (tmp_path / "file").write_bytes(b"content of the file")
    monkeypatch.chdir(tmp_path)
    sent, results = [], []
    for program in (run_curl, bare):
        with Http2Origin(answers) as origin, open("file", "rb") as file:
            monkeypatch.setattr("sys.stdin", _Stdin(file))
            line = ["-sS", "--http2-prior-knowledge"]
            line += ["--socks5-hostname", f"{proxy.host}:{proxy.port}"]
            line += [word.replace("PORT", str(origin.port)) for word in words]
            results.append(program(*line, **({"stdin": file} if program is run_curl else {}))[:2])
            port = str(origin.port).encode()
        made = [_comparable(request) for request in origin.requests]
        sent.append(str(made).encode().replace(port, b"PORT"))
    assert sent[1] == sent[0]
    assert results[1] == results[0]


def test_one_connection(run: Callable[..., Result]) -> None:
    """Of which curl 7.88 cannot make use again, when it knows beforehand that it is HTTP/2."""
    refusal = [(b":status", b"401"), (b"www-authenticate", CHALLENGE), (b"set-cookie", b"a=1")]
    with Http2Origin([refusal, OK, OK, OK]) as origin:
        url = HERE.replace("PORT", str(origin.port))
        words = ["--http2-prior-knowledge", "-w", "%{num_connects}", "-b", ""]
        result = run(*words, "--digest", "-u", "u:p", "-d", "abc", url, url)
    assert (result.code, result.out) == (0, b"10")
    probe, signed, again, whole = (dict(headers) for headers, _ in origin.requests)
    assert [body for _, body in origin.requests] == [b"", b"abc", b"", b"abc"]
    assert b"authorization" not in probe
    assert signed[b"authorization"].startswith(b'Digest username="u", realm="r", nonce="n"')
    assert signed[b"cookie"] == again[b"cookie"] == b"a=1"
    assert b"authorization" not in whole


class _Stdin:
    def __init__(self, buffer: object) -> None:
        self.buffer = buffer
