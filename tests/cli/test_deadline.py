"""-m and --connect-timeout end everything, also what drips."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from tests.server_fixture import Fault, Server, drip, stall

from .conftest import NAMES
from .origin import HOLD, OK, Origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Result

LIMIT = "0.4"
SOON = 3.0


def _times_out(run: Callable[[], Result], out: bytes = b"") -> None:
    start = time.monotonic()
    code, printed, err = run()
    assert time.monotonic() - start < SOON
    assert (code, printed) == (28, out)
    assert err.startswith("socks5-curl: (28) ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("option", ["-m", "--connect-timeout"])
@pytest.mark.parametrize(
    ("stage", "action"),
    [("method", stall()), ("reply", stall()), ("reply", drip(0.3))],
    ids=["no method", "no reply", "a reply that drips"],
)
def test_the_handshake(
    bare: Callable[..., Result], option: str, stage: str, action: object
) -> None:
    faults = [Fault(stage, action)]  # type: ignore[arg-type]
    with Server(names=NAMES, faults=faults) as server, Origin() as origin:
        where = f"{server.host}:{server.port}"
        _times_out(lambda: bare("-x", where, option, LIMIT, origin.url))


@pytest.mark.parametrize("option", ["-m", "--connect-timeout"])
def test_tls(run: Callable[..., Result], option: str) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:  # never accepts: TLS waits
        url = f"https://origin.test:{listener.getsockname()[1]}/"
        _times_out(lambda: run(option, LIMIT, url))


@pytest.mark.parametrize(
    ("answer", "out"),
    [
        (HOLD, b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi" + HOLD, b"hi"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end" + HOLD, b"until the end"),
    ],
)
def test_the_answer(run: Callable[..., Result], answer: bytes, out: bytes) -> None:
    with Origin(answer) as origin:
        _times_out(lambda: run("-m", LIMIT, origin.url), out)
        assert len(origin.requests) == 1


def test_a_body_that_drips(bare: Callable[..., Result]) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with Origin(head + bytes(1000)) as origin:
        faults = [Fault("data", _Dripping())]
        with Server(names=NAMES, faults=faults) as server:
            where = f"{server.host}:{server.port}"
            start = time.monotonic()
            code, out, _ = bare("-x", where, "-m", "0.6", origin.url)
            assert code == 28
            assert time.monotonic() - start < SOON
            assert out.startswith(b"x")


class _Dripping:
    """In place of the destination: a head, then a byte every 50 ms for a minute."""

    async def send(self, line: object, message: bytes) -> None:
        await line.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")  # type: ignore[attr-defined]
        for _ in range(1000):
            await line.write(b"x")  # type: ignore[attr-defined]
            await line.pause(0.05)  # type: ignore[attr-defined]


def test_the_input(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    with open(reader, encoding="utf-8") as stdin, Origin() as origin:
        monkeypatch.setattr("sys.stdin", stdin)
        _times_out(lambda: run("-m", LIMIT, "-T", "-", origin.url + "x"))
        os.close(writer)


def test_connect_timeout_does_not_count_what_follows(run: Callable[..., Result]) -> None:
    def slowly(request: bytes) -> bytes:
        time.sleep(0.5)  # no synchronisation: the server is slow, which is the point
        return OK

    with Origin(slowly) as origin:
        assert run("--connect-timeout", "0.3", origin.url).code == 0
        assert run("-m", "5", origin.url).code == 0
