"""gevent, in a process of its own: patched before this package is imported, and after.

Before is what gevent asks for, and then all of it is cooperative. After, the class is on the
sockets of the system for ever: a call that blocks holds up the other greenlets, and the background
thread is one of them. So what does not wait must be waited for by gevent, to the end.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.origins import unused_address
from tests.server_fixture import Fault, Server, delay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.origins import Echo

BEFORE = """
from gevent import monkey
monkey.patch_all()
import socks5client
"""

AFTER = """
import socks5client
from gevent import monkey
monkey.patch_all()
"""

PROGRAM = """
import errno, select, socket, sys
import gevent, gevent.socket

url, address = sys.argv[1], ("127.0.0.1", int(sys.argv[2]))
ticks = 0

def tick():
    global ticks
    while True:
        gevent.sleep(0.01)
        ticks += 1

def talk(sock):
    with sock:
        sock.settimeout(5)
        sock.sendall(b"hello")
        assert sock.recv(5) == b"hello"

def talk_without_blocking(sock):
    with sock:
        sock.send(b"hello")
        assert select.select([sock], [], [], 5)[0]
        assert sock.recv(5) == b"hello"

def number(sock):
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

gevent.spawn(tick)
"""
STEPS = """
ticks = 0
with gevent.Timeout(10):
{steps}
print(ticks)
"""

DROP_IN = """
    sock = socks5client.socket(proxy=url)
    sock.settimeout(5)
    assert sock.connect_ex(address) == {expected}
    if not {expected}:
        talk(sock)
    sock.close()
"""
SELECT = """
    sock = socks5client.socket(proxy=url)
    sock.setblocking(False)
    assert sock.connect_ex(address) == errno.EINPROGRESS
    assert select.select([], [sock], [], 5)[1]
    assert number(sock) == {expected}
    if not {expected}:
        talk_without_blocking(sock)
    sock.close()
"""
WAIT_WRITE = """
    sock = socks5client.socket(proxy=url)
    sock.setblocking(False)
    assert sock.connect_ex(address) == errno.EINPROGRESS
    gevent.socket.wait_write(sock.fileno(), 5)
    assert sock.connect_ex(address) == {expected}
    if not {expected}:
        talk_without_blocking(sock)
    sock.close()
"""
CREATE = """
    try:
        talk(socks5client.create_connection(address, 5, proxy=url))
        assert not {expected}
    except ConnectionRefusedError as error:
        assert error.errno == {expected}
"""
SYNC = """
    try:
        talk(socks5client.sync.connect(address, timeout=5, proxy=url))
        assert not {expected}
    except ConnectionRefusedError as error:
        assert error.errno == {expected}
"""
BLOCKING = {"drop-in socket": DROP_IN, "create_connection": CREATE, "sync.connect": SYNC}
UNBLOCKING = {"select": SELECT, "wait_write": WAIT_WRITE}
THEN_BLOCKING = {
    f"{name}, then blocking": code.replace("_without_blocking", "")
    for name, code in UNBLOCKING.items()
}
ALL = {**BLOCKING, **UNBLOCKING}


@pytest.fixture(scope="module")
def slow() -> Iterator[Server]:
    with Server(faults=[Fault("reply", delay(0.3))]) as server:
        yield server


def ticks(
    patched: str, ways: dict[str, str], server: Server, address: tuple[str, int], expected: str
) -> dict[str, int]:
    """How often another greenlet ran in the course of each."""
    steps = [STEPS.format(steps=way.format(expected=expected)) for way in ways.values()]
    code = patched + PROGRAM + "".join(steps)
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, server.url, str(address[1])],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    server.wait_idle()
    return dict(zip(ways, map(int, result.stdout.split()), strict=True))


def test_patched_before(slow: Server, echo: Echo) -> None:
    counts = ticks(BEFORE, {**ALL, **THEN_BLOCKING}, slow, echo.address, "0")
    assert min(counts.values()) > 2, counts


def test_patched_after(slow: Server, echo: Echo) -> None:
    counts = ticks(AFTER, UNBLOCKING, slow, echo.address, "0")
    assert min(counts.values()) > 2, counts


def test_patched_after_and_blocking(slow: Server, echo: Echo) -> None:
    """It works, and does not hang; nobody else runs meanwhile."""
    counts = ticks(AFTER, BLOCKING, slow, echo.address, "0")
    assert max(counts.values()) < 10, counts


@pytest.mark.parametrize("patched", [BEFORE, AFTER], ids=["before", "after"])
def test_refused(server: Server, patched: str) -> None:
    ticks(patched, ALL, server, unused_address(), "errno.ECONNREFUSED")
