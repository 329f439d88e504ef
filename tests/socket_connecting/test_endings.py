"""An attempt that nobody wants any more ends, at the proxy too, and leaves nothing behind."""

from __future__ import annotations

import errno
import gc
import select
import socket
import subprocess
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

import socks5client
from socks5client._socket import connecting
from tests.server_fixture import Fault, Server, delay, stall
from tests.socket_connecting.conftest import until
from tests.socket_connecting.loops import attempt, by_epoll, by_poll

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.origins import Echo
    from tests.socket_connecting.loops import Program

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture(scope="module")
def stalling() -> Iterator[Server]:
    with Server(faults=[Fault("reply", stall())]) as server:
        yield server


def begin(server: Server, address: tuple[str, int] = ("127.0.0.1", 9)) -> socks5client.socket:
    sock = socks5client.socket(proxy=server.url)
    sock.setblocking(False)
    assert sock.connect_ex(address) == errno.EINPROGRESS
    return sock


def asked(server: Server) -> bool:
    """Whether the last client has sent its request, and is there still."""
    return bool(server.requests) and not server.requests[-1].closed


def test_close_under_way(stalling: Server) -> None:
    sock = begin(stalling)
    stalling.wait_for(asked)
    sock.close()
    stalling.wait_idle()
    assert repr(sock).startswith("<socks5client._socket.stream.socket [closed]")
    with pytest.raises(OSError) as caught:
        sock.getpeername()
    assert caught.value.errno == errno.EBADF
    assert sock.connect_ex(("127.0.0.1", 9)) == errno.EBADF


def test_close_before_the_background_thread_has_begun(stalling: Server) -> None:
    for _ in range(50):
        begin(stalling).close()
    stalling.wait_idle()


def test_dropped_under_way(stalling: Server) -> None:
    socks = [begin(stalling)]
    stalling.wait_for(asked)
    with pytest.warns(ResourceWarning, match="unclosed"):
        socks.clear()
    stalling.wait_idle()


def test_dropped_in_a_cycle(stalling: Server) -> None:
    sock = begin(stalling)
    stalling.wait_for(asked)
    sock.itself = sock  # type: ignore[attr-defined]
    del sock
    with pytest.warns(ResourceWarning, match="unclosed"):
        gc.collect()
    stalling.wait_idle()


def test_dropped_after_the_end(server: Server, echo: Echo) -> None:
    """Of which nobody has been told."""

    socks = [begin(server, echo.address)]
    select.select([], socks, [], 5)
    with pytest.warns(ResourceWarning, match="unclosed"):
        socks.clear()
    server.wait_idle()


def test_closed_just_at_the_end(server: Server, echo: Echo) -> None:
    """Whoever is faster; each time nothing is left."""
    for number in range(200):
        sock = begin(server, echo.address)
        if number % 2:
            select.select([], [sock], [], 5)
        elif number % 4:
            server.wait_for(lambda server: server.exchanges[-1].stage == "data")
        sock.close()
    server.wait_idle()


def heard_by(serve_times: int, listener: socket.socket) -> tuple[threading.Thread, list[bytes]]:
    def serve() -> None:
        for _ in range(serve_times):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(10)
                heard.append(b"".join(iter(partial(connection.recv, 100), b"")))

    heard: list[bytes] = []
    thread = threading.Thread(target=serve)
    thread.start()
    return thread, heard


@pytest.mark.parametrize("ask", [True, False])
def test_what_was_written_before_close_arrives(server: Server, ask: bool) -> None:
    def program(sock: socks5client.socket) -> Program[None]:
        yield sock.fileno(), "writable"
        assert not ask or sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        sock.send(b"last words")
        sock.close()

    times = 100
    with socket.create_server(("127.0.0.1", 0), backlog=times) as listener:
        listener.settimeout(10)
        thread, heard = heard_by(times, listener)
        for _ in range(times):
            by_poll(program(begin(server, listener.getsockname())))
        thread.join(10)
    assert heard == [b"last words"] * times


WRITES = """
import select, socket, sys
import socks5client

sock = socks5client.socket(proxy=sys.argv[1])
sock.setblocking(False)
sock.connect_ex(("127.0.0.1", int(sys.argv[2])))
select.select([], [sock], [])
if {ask}:
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
sock.send(b"last words")
"""


@pytest.mark.parametrize("ask", [True, False])
def test_what_was_written_before_the_exit_arrives(server: Server, ask: bool) -> None:
    times = 8
    with socket.create_server(("127.0.0.1", 0), backlog=times) as listener:
        listener.settimeout(10)
        thread, heard = heard_by(times, listener)
        command = [sys.executable, "-c", WRITES.format(ask=ask), server.url]
        for _ in range(times):
            subprocess.run([*command, str(listener.getsockname()[1])], check=True, timeout=20)
        thread.join(10)
    assert heard == [b"last words"] * times


def test_the_exit_does_not_wait_for_an_attempt(stalling: Server) -> None:
    code = WRITES.partition("select.select([]")[0]
    subprocess.run([sys.executable, "-c", code, stalling.url, "9"], check=True, timeout=5)
    stalling.wait_idle()


def test_patience_has_an_end(stalling: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_PATIENCE", 0.2)
    with socks5client.socket(proxy=stalling.url) as sock:
        assert by_epoll(attempt(sock, ("127.0.0.1", 9))) == errno.ETIMEDOUT
    stalling.wait_idle()


def test_a_hundred_at_once(stalling: Server) -> None:
    """With one background thread."""
    threads = threading.active_count()
    socks = [begin(stalling) for _ in range(100)]
    stalling.wait_for(lambda server: sum(not one.closed for one in server.requests) == 100)
    assert threading.active_count() == threads
    for sock in socks:
        sock.close()
    stalling.wait_idle()


def test_nobody_is_left_to_decide(echo: Echo) -> None:
    with Server(faults=[Fault("reply", delay(0.05))]) as server:
        for how in ("asked", "not asked", "closed"):
            sock = begin(server, echo.address)
            if how != "closed":
                select.select([], [sock], [], 5)
            if how == "asked":
                assert sock.connect_ex(echo.address) == 0
            sock.close()
        server.wait_idle()
        until(lambda: not connecting._undecided)
