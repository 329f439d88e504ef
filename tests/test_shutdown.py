"""The end of the interpreter with connections open, and of sockets that nobody closed."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
import threading
import warnings
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from tests.kinds import KINDS, place
from tests.origins import UdpEcho, read_exactly
from tests.tunnel.leftovers import nothing_left

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.kinds import Place

# The same proxies as `tests.kinds.place`, in another process.
HEAD = """
import atexit, os, socket, ssl, sys, threading
import socks5client
from socks5client import Proxy
from tests.kinds import Encapsulating, KINDS, Place
from tests.origins import read_exactly

plain, covered, port, udp_port = sys.argv[1:]
trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
trusting.check_hostname = False
trusting.verify_mode = ssl.CERT_NONE
place = Place(
    None,
    None,
    Proxy.from_url(plain),
    Proxy.from_url(covered, ssl_context=trusting),
    Proxy.from_url(plain, auth=Encapsulating()),
    ("127.0.0.1", int(port)),
)

def udp():
    sock = socks5client.socket(socket.AF_INET, socket.SOCK_DGRAM, proxy=plain)
    sock.settimeout(10)
    sock.sendto(b"x", ("127.0.0.1", int(udp_port)))
    assert sock.recv(9) == b"x"
    return sock

def listening():
    sock = socks5client.socket(proxy=plain)
    sock.settimeout(10)
    sock.bind(("", 0))
    sock.listen()
    return sock

def talk(sock):
    sock.settimeout(10)
    sock.sendall(b"ping")
    assert read_exactly(sock, 4) == b"ping"
"""


@pytest.fixture(scope="module")
def here() -> Iterator[Place]:
    with place() as found:
        yield found


def run(
    body: str, here: Place, udp_echo: UdpEcho, address: tuple[str, int] | None = None
) -> subprocess.Popen[str]:
    """A program whose warnings are errors, in development mode."""
    covered = f"socks5h+tls://{here.tls.host}:{here.tls.port}"
    port = (address or here.address)[1]
    words = [here.server.url, covered, str(port), str(udp_echo.address[1])]
    return subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", HEAD + body, *words],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(body: str, here: Place, udp_echo: UdpEcho) -> tuple[int, str, str]:
    """Its exit status, output and errors; the proxies are rid of it then."""
    with run(body, here, udp_echo) as process:
        output, errors = process.communicate(timeout=30)
    here.server.wait_idle()
    return process.returncode, output, errors


QUIET = {
    "daemon threads that wait for all kinds": """
def wait(sock, call):
    waiting.release()
    sock.settimeout(None)
    call()

waiting = threading.Semaphore(0)
socks = [kind(place) for kind in KINDS.values()] + [udp()]
calls = [(sock, lambda sock=sock: sock.recv(1)) for sock in socks]
listener = listening()
calls.append((listener, listener.accept))
for arguments in calls:
    threading.Thread(target=wait, args=arguments, daemon=True).start()
for _ in calls:
    waiting.acquire()
del socks, listener, calls, arguments
print("done")
""",
    "a handshake under way": """
def connect():
    begun.set()
    while True:
        KINDS["drop-in"](place).close()
begun = threading.Event()
threading.Thread(target=connect, daemon=True).start()
begun.wait()
print("done")
""",
    "sys.exit in a thread": """
def end():
    with KINDS["TLS to the proxy"](place) as sock:
        talk(sock)
        sys.exit(3)
thread = threading.Thread(target=end)
thread.start()
thread.join()
print("done")
""",
    "a thread that outlives the main one": """
def later():
    threading.main_thread().join()
    for kind in KINDS.values():
        with kind(place) as sock:
            talk(sock)
    udp().close()
    print("done")
threading.Thread(target=later).start()
""",
    "at exit, before the library's own": """
@atexit.register
def last():
    for kind in KINDS.values():
        if kind is not KINDS["drop-in in asyncio"]:
            with kind(place) as sock:
                talk(sock)
    with sock_of_before:
        talk(sock_of_before)
    udp().close()
    print("done")
sock_of_before = KINDS["TLS to the proxy"](place)
""",
}


def test_who_writes_after_the_end_is_told(here: Place, udp_echo: UdpEcho) -> None:
    """In what was registered before the package was imported; who only waits hears nothing."""
    body = """
import socks5client._exit
atexit.unregister(socks5client._exit._run)

def last():
    for sock in socks:
        try:
            sock.sendall(b"late")
            assert sock.recv(4) == b""
        except ConnectionError:
            pass
        sock.close()
    with KINDS["TLS to the proxy"](place) as sock:
        talk(sock)
    print("done")

atexit.register(last)
atexit.register(socks5client._exit._run)
socks = [KINDS[kind](place) for kind in ("TLS to the proxy", "encapsulated")]
for sock in socks:
    talk(sock)
"""
    assert finished(body, here, udp_echo) == (0, "done\n", "")


@pytest.mark.parametrize("name", QUIET)
def test_it_ends_without_a_word(name: str, here: Place, udp_echo: UdpEcho) -> None:
    assert finished(QUIET[name], here, udp_echo) == (0, "done\n", "")


def test_os_exit(here: Place, udp_echo: UdpEcho) -> None:
    """Nothing is delivered, nothing is waited for."""
    body = """
sock = KINDS["TLS to the proxy"](place)
os._exit(7)
"""
    assert finished(body, here, udp_echo) == (7, "", "")


def test_what_is_left_open_is_told_once_each(here: Place, udp_echo: UdpEcho) -> None:
    """As of plain sockets; nothing is said of what the library has of its own."""
    body = """
socks = {name: kind(place) for name, kind in KINDS.items()}
socks["udp"] = udp()
socks["listener"] = listening()
print(len(socks), *[sock.fileno() for sock in socks.values()])
"""
    status, output, errors = finished(body, here, udp_echo)
    count, *numbers = output.split()
    told = [line.partition("fd=")[2].partition(",")[0] for line in errors.splitlines()]
    assert status == 0
    assert all(
        line.startswith(("Exception ignored in: <", "ResourceWarning: unclosed <"))
        for line in errors.splitlines()
    ), errors
    assert sorted(told) == sorted(2 * numbers), errors
    assert len(told) == 2 * int(count)


@pytest.mark.parametrize("kind", ["drop-in, not waiting", "TLS to the proxy", "encapsulated"])
@pytest.mark.parametrize("end", ["", "sock.close()", "sys.exit(5)", "raise KeyboardInterrupt"])
def test_what_was_written_is_delivered(kind: str, end: str, here: Place, udp_echo: UdpEcho) -> None:
    """More than the buffers on the way hold, to a peer that begins to read only later."""
    body = f"""
import builtins
sock = builtins.kept = KINDS[{kind!r}](place)
sock.settimeout(None)
sock.sendall(b"x" * 5_000_000)
sock.shutdown(socket.SHUT_WR) if not {end!r} else None
{end}
"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        with run(body, here, udp_echo, listener.getsockname()) as process:
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(20)
                assert len(read_exactly(peer, 5_000_000)) == 5_000_000
                assert peer.recv(1) == b""
            _, errors = process.communicate(timeout=30)
    expected = {"sys.exit(5)": 5, "raise KeyboardInterrupt": -2}
    assert process.returncode == expected.get(end, 0)
    lines = [line for line in errors.splitlines() if "unclosed" not in line]
    if end == "raise KeyboardInterrupt":
        assert lines[-1].startswith(("KeyboardInterrupt", "Exception ignored in: <socks5client"))
    else:
        assert not [line for line in lines if not line.startswith("Exception ignored in: <")]


# Garbage


def udp(here: Place) -> socket.socket:
    sock = socks5client.socket(socket.AF_INET, socket.SOCK_DGRAM, proxy=here.proxy)
    sock.settimeout(10)
    sock.connect(here.address)
    sock.associate()
    return sock


def listening(here: Place) -> socket.socket:
    sock = socks5client.socket(proxy=here.proxy)
    sock.bind(("", 0))
    sock.listen()
    return sock


def connecting(here: Place) -> socket.socket:
    sock = socks5client.socket(proxy=here.proxy)
    sock.setblocking(False)
    sock.connect_ex(here.address)
    return sock


MADE: dict[str, Callable[[Place], Any]] = {
    **KINDS,
    "UDP": udp,
    "listener": listening,
    "connecting": connecting,
    "unconnected": lambda here: socks5client.socket(proxy=here.proxy),
}


@pytest.mark.parametrize("name", MADE)
def test_dropped_without_close(name: str, here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """One warning, of that socket; its fd is closed at once: it is in no cycle."""
    MADE[name](here).close()
    gc.collect()
    told: list[str] = []
    with nothing_left(), warnings.catch_warnings():
        warnings.simplefilter("always", ResourceWarning)
        # A record of it would keep the socket.
        monkeypatch.setattr(warnings, "showwarning", lambda text, *_, **__: told.append(str(text)))
        gc.disable()
        try:
            sock = MADE[name](here)
            number = sock.fileno()
            gone = weakref.ref(sock)
            del sock
            assert gone() is None
        finally:
            gc.enable()
    assert len(told) == 1, told
    assert f"fd={number}," in told[0]


@pytest.mark.parametrize("name", MADE)
def test_dropped_in_a_cycle(name: str, here: Place) -> None:
    """The collector finds it, whichever thread it runs in."""

    class Node:
        sock: Any
        itself: Any

    with nothing_left(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        node = Node()
        node.sock = MADE[name](here)
        node.itself = node
        del node
        collector = threading.Thread(target=gc.collect)
        collector.start()
        collector.join()
