"""The bridge alone: wire and user on socketpairs, a toy encapsulation between."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import select
import socket
import subprocess
import sys
import termios
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from socks5client import RemoteProtocolError
from socks5client._bridge import bridge
from socks5client._pump import Pump
from tests.origins import read_exactly

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = bytes(byte ^ 0x5A for byte in range(256))


class Xor:
    """Turns every byte; says goodbye; refuses a byte of 0xFF on the wire."""

    def wrap(self, data: bytes) -> bytes:
        return data.translate(KEY)

    def unwrap(self, data: bytes) -> bytes:
        if b"\xff" in data:
            raise RemoteProtocolError("tampered with")
        return data.translate(KEY)

    def finish(self) -> bytes:
        return b"[bye]"


class Pair:
    """`user` is what the bridge returned, `peer` the other end of the wire."""

    def __init__(self, received: bytes = b"", layers: int = 1) -> None:
        wire, self.peer = socket.socketpair()
        self.user = bridge(wire, [Xor()] * layers, received)
        self.user.settimeout(10)
        self.peer.settimeout(10)

    def close(self) -> None:
        self.user.close()
        self.peer.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.close()


def read_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def test_both_ways(pair: Pair) -> None:
    pair.user.sendall(b"up")
    assert read_exactly(pair.peer, 2) == b"up".translate(KEY)
    pair.peer.sendall(b"down".translate(KEY))
    assert read_exactly(pair.user, 4) == b"down"


def test_what_had_arrived_before_comes_first() -> None:
    pair = Pair(received=b"early ")
    pair.peer.sendall(b"late".translate(KEY))
    assert read_exactly(pair.user, 10) == b"early late"
    pair.close()


def test_half_close_by_the_user(pair: Pair) -> None:
    pair.user.sendall(b"up")
    pair.user.shutdown(socket.SHUT_WR)
    assert read_all(pair.peer) == b"up".translate(KEY) + b"[bye]"
    pair.peer.sendall(b"down".translate(KEY))
    assert read_exactly(pair.user, 4) == b"down"


def test_half_close_by_the_peer(pair: Pair) -> None:
    pair.peer.sendall(b"down".translate(KEY))
    pair.peer.shutdown(socket.SHUT_WR)
    assert read_all(pair.user) == b"down"
    pair.user.sendall(b"up")
    assert read_exactly(pair.peer, 2) == b"up".translate(KEY)


def test_layers_say_goodbye_inside_each_other() -> None:
    pair = Pair(layers=2)
    pair.user.sendall(b"up")
    pair.user.close()
    # The inner goodbye is wrapped by the outer layer, whose own comes last.
    assert read_all(pair.peer) == b"up" + b"[bye]".translate(KEY) + b"[bye]"
    pair.peer.close()


def test_all_written_before_close_arrives(pair: Pair) -> None:
    """More than all buffers on the way hold: the bridge has to wait for the peer."""
    data = os.urandom(5_000_000).replace(b"\xa5", b"\0")
    writer = threading.Thread(target=lambda: (pair.user.sendall(data), pair.user.close()))
    writer.start()
    received = read_all(pair.peer)
    writer.join()
    assert received == data.translate(KEY) + b"[bye]"


def test_close_with_unread_data_still_delivers(pair: Pair) -> None:
    pair.peer.sendall(b"never read".translate(KEY))
    select.select([pair.user], [], [], 10)
    pair.user.sendall(b"last words")
    pair.user.close()
    assert read_all(pair.peer) == b"last words".translate(KEY) + b"[bye]"


def test_back_pressure_on_the_user(pair: Pair) -> None:
    """Nobody reads the wire: the user's writes must block, not fill the memory."""
    pair.user.setblocking(False)
    sent = 0
    while select.select([], [pair.user], [], 0.2)[1]:
        sent += pair.user.send(b"x" * 65536)
        assert sent < 4_000_000
    received = 0
    while received < sent:
        received += len(pair.peer.recv(65536))
    assert select.select([], [pair.user], [], 10)[1]


def test_back_pressure_on_the_peer(pair: Pair) -> None:
    pair.peer.setblocking(False)
    sent = 0
    while select.select([], [pair.peer], [], 0.2)[1]:
        sent += pair.peer.send(b"x" * 65536)
        assert sent < 4_000_000
    received = 0
    while received < sent:
        received += len(pair.user.recv(65536))
    assert select.select([], [pair.peer], [], 10)[1]


def test_wire_that_closes_ends_the_writing(pair: Pair) -> None:
    pair.peer.close()
    assert pair.user.recv(1) == b""
    with pytest.raises(OSError):
        for _ in range(1000):
            pair.user.sendall(b"x" * 65536)


def test_bytes_that_no_layer_accepts_end_the_connection(pair: Pair) -> None:
    pair.peer.sendall(b"good".translate(KEY))
    assert read_exactly(pair.user, 4) == b"good"
    pair.peer.sendall(b"\xff")
    with pytest.raises(ConnectionResetError):
        pair.user.recv(1)
    with pytest.raises(OSError):
        for _ in range(1000):
            pair.user.sendall(b"x" * 65536)
    assert read_all(pair.peer) == b""  # and the wire hears nothing more


@pytest.mark.parametrize("error", [OSError, RuntimeError])
@pytest.mark.parametrize("call", ["wrap", "unwrap", "finish"])
def test_a_layer_that_fails_ends_the_connection(
    call: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In both directions, and for this connection only; what is no OSError is also shown."""
    shown: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", shown.append)

    def fail(*arguments: object) -> bytes:
        raise error("this layer fails")

    bad = Xor()
    setattr(bad, call, fail)
    wire, peer = socket.socketpair()
    user = bridge(wire, [bad], b"")
    other = Pair()
    user.settimeout(10)
    peer.settimeout(10)
    with user, peer:
        if call == "unwrap":
            peer.sendall(b"x")
        else:
            user.sendall(b"x")
        if call == "finish":
            assert read_exactly(peer, 1) == b"x".translate(KEY)
            user.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionError):
            if not user.recv(1):
                raise ConnectionResetError
        assert peer.recv(1) == b""
    other.user.sendall(b"up")
    assert read_exactly(other.peer, 2) == b"up".translate(KEY)
    other.close()
    assert bool(shown) == (error is RuntimeError)


def test_reset_wire() -> None:
    """Data that came before the reset is read, then it is one; writing fails."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
    user = bridge(wire, [Xor()], b"")
    user.settimeout(10)
    peer.sendall(b"before".translate(KEY))
    assert read_exactly(user, 6) == b"before"
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.close()
    with pytest.raises(ConnectionResetError):
        user.recv(1)
    with pytest.raises(OSError):
        for _ in range(1000):
            user.sendall(b"x" * 65536)
    user.close()


def test_a_reset_throws_nothing_away_that_had_come_before() -> None:
    """More than the buffers hold, and a user who has not begun to read."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
    size = 400_000
    with bridge(wire, [Xor()], b"") as user, peer:
        user.settimeout(10)
        peer.sendall((b"y" * size).translate(KEY))
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.shutdown(socket.SHUT_RD)
        assert read_exactly(user, size // 2) == b"y" * (size // 2)
        deadline = time.monotonic() + 10
        while any(fcntl.ioctl(peer.fileno(), termios.TIOCOUTQ, bytes(4))):
            assert time.monotonic() < deadline  # what has not left would be lost by itself
        peer.close()
        size -= size // 2
        assert read_exactly(user, size) == b"y" * size
        with pytest.raises(ConnectionResetError):
            user.recv(1)


def test_without_loopback_it_is_a_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network namespace may have none. Then a reset looks like an end."""

    class Unbound(socket.socket):
        def bind(self, address: Any, /) -> None:
            raise OSError("no loopback")

    monkeypatch.setattr("socks5client._pair.Plain", Unbound)
    wire, peer = socket.socketpair()
    with bridge(wire, [Xor()], b"before") as user, peer:
        assert user.family == socket.AF_UNIX
        user.settimeout(10)
        assert read_exactly(user, 6) == b"before"
        peer.sendall(b"\xff")
        assert user.recv(1) == b""


def test_an_idle_user_who_closes_closes_the_wire(pair: Pair) -> None:
    pair.user.close()
    assert read_all(pair.peer) == b"[bye]"


def wait_until_closed(peer: socket.socket) -> None:
    """Both directions: the wire's fd is closed, not only shut."""
    poll = select.poll()
    poll.register(peer, 0)
    assert poll.poll(10_000) == [(peer.fileno(), select.POLLHUP)]


def test_close_is_no_half_close(pair: Pair) -> None:
    """A peer that says nothing after it does not keep the wire open."""
    pair.user.sendall(b"up")
    pair.user.close()
    assert read_all(pair.peer) == b"up".translate(KEY) + b"[bye]"
    wait_until_closed(pair.peer)


def test_close_before_a_slow_peer_has_read(pair: Pair) -> None:
    size = 300_000  # more than the wire takes at once, less than all buffers
    pair.user.sendall(b"x" * size)
    pair.user.close()
    received = b""
    while len(received) < size:
        piece = pair.peer.recv(10_000)
        assert piece
        received += piece
    assert received + read_all(pair.peer) == b"x".translate(KEY) * size + b"[bye]"
    wait_until_closed(pair.peer)


def test_the_wire_waits_for_no_more_to_send() -> None:
    """What is small leaves at once: the user's end decides what is put together."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
    with peer, bridge(wire, [Xor()], b""):
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_half_closed_then_closed(pair: Pair) -> None:
    pair.user.shutdown(socket.SHUT_WR)
    assert read_all(pair.peer) == b"[bye]"
    pair.user.close()
    # The wire is closed, not kept for a peer that has nothing to say.
    with pytest.raises(OSError):
        for _ in range(1000):
            pair.peer.sendall(b"x".translate(KEY) * 65536)


def test_one_thread_for_all_and_no_fd_left() -> None:
    def fds() -> int:
        return len(os.listdir("/proc/self/fd"))

    Pair().close()
    threads = threading.active_count()
    gc.collect()
    before = fds()
    pairs = [Pair() for _ in range(100)]
    assert threading.active_count() == threads
    for number, pair in enumerate(pairs):
        pair.user.sendall(b"%d" % number)
    for number, pair in enumerate(pairs):
        text = b"%d" % number
        assert read_exactly(pair.peer, len(text)) == text.translate(KEY)
        pair.user.close()
        assert read_all(pair.peer) == b"[bye]"
        pair.peer.close()
    # The thread closes its ends on its own time: let it come around until it has.
    for _ in range(1000):
        witness = Pair()
        witness.user.sendall(b"x")
        read_exactly(witness.peer, 1)
        witness.close()
        if fds() <= before:
            break
    else:
        pytest.fail(f"{fds()} fds are open, {before} before")


def test_in_asyncio() -> None:
    async def main() -> bytes:
        wire, peer = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=bridge(wire, [Xor()], b""))
        writer.write(b"up" * 100_000)
        loop = asyncio.get_running_loop()
        peer.setblocking(False)
        received = b""
        while len(received) < 200_000:
            received += await loop.sock_recv(peer, 65536)
        assert received == b"up".translate(KEY) * 100_000
        await loop.sock_sendall(peer, b"down".translate(KEY))
        data = await reader.readexactly(4)
        writer.close()
        await writer.wait_closed()
        peer.close()
        return data

    assert asyncio.run(main()) == b"down"


SCRIPT = """
import socket, sys
from tests.test_bridge import Xor
from socks5client._bridge import bridge
from socks5client._pump import Pump

peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
user = bridge(peer, [Xor()], b"")
user.sendall(b"x" * int(sys.argv[2]))
{end}
"""


def run(end: str, size: int) -> bytes:
    """What arrives from a program that writes `size` bytes and then ends in some way."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        command = [sys.executable, "-c", SCRIPT.format(end=end)]
        command += [str(listener.getsockname()[1]), str(size)]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(20)
                received = read_all(peer)
            assert process.stderr is not None
            assert process.stderr.read() == b""
            process.wait(20)
    return received


@pytest.mark.parametrize("end", ["", "user.close()", "sys.exit(3)"])
def test_what_was_written_survives_the_end_of_the_interpreter(end: str) -> None:
    assert run(end, 10_000_000) == b"x".translate(KEY) * 10_000_000 + b"[bye]"


def test_a_thread_that_writes_for_ever_does_not_stop_the_exit() -> None:
    end = """
import threading
def write():
    try:
        while True:
            user.sendall(b"x" * 1000)
    except OSError:
        pass  # all is delivered, and the link gone, a moment before the thread is
threading.Thread(target=write, daemon=True).start()
"""
    assert len(run(end, 1000)) >= 1000


def test_fork() -> None:
    """The child's copies of the fds keep nothing open, and the parent's link goes on."""
    pair = Pair()
    child_reads, parent_writes = os.pipe()
    pid = os.fork()
    if pid == 0:  # pragma: no cover
        os.close(parent_writes)
        pair.user.close()
        pair.peer.close()
        fine = Pair()  # a thread of the child's own
        fine.user.sendall(b"x")
        ok = fine.peer.recv(1) == b"x".translate(KEY)
        os.read(child_reads, 1)  # stays until the parent has seen what it wants to see
        os._exit(0 if ok else 1)
    os.close(child_reads)
    pair.user.sendall(b"up")
    assert read_exactly(pair.peer, 2) == b"up".translate(KEY)
    pair.user.close()
    assert read_all(pair.peer) == b"[bye]"
    pair.peer.close()
    os.close(parent_writes)
    assert os.waitpid(pid, 0)[1] == 0


def test_no_thread_before_it_is_needed() -> None:
    code = "import threading, socks5client._bridge; print(threading.active_count())"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout == "1\n"


def test_a_system_without_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select, "poll")
    monkeypatch.setattr(Pump, "_current", None)
    wire, peer = socket.socketpair()
    with pytest.raises(OSError, match="poll"):
        bridge(wire, [Xor()], b"")
    assert wire.fileno() == -1
    peer.close()
