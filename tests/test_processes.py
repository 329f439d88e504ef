"""fork: a child connects anew, and what the parent has is not harmed."""

from __future__ import annotations

import asyncio
import errno
import os
import select
import signal
import socket
import sys
import threading
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

import socks5client
from socks5client._pump import Pump
from tests.kinds import KINDS, place
from tests.origins import UdpEcho, read_exactly
from tests.server_fixture import Action, Fault, Server
from tests.socket_connecting.conftest import pump_turn
from tests.waiting import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.kinds import Place
    from tests.server_fixture.faults import Line

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

SECONDS = 20


@pytest.fixture(scope="module")
def here() -> Iterator[Place]:
    with place() as found:
        yield found


@dataclass(frozen=True)
class Hold(Action):
    """Sends the message when `go_on` is set."""

    go_on: threading.Event

    async def send(self, line: Line, message: bytes) -> None:
        assert await asyncio.to_thread(self.go_on.wait, SECONDS)
        await line.write(message)


def fork(work: Callable[[], object]) -> int:
    """Starts a child that does `work`; its pid. It ends in time, whatever happens."""
    sys.stderr.flush()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        status = 1
        try:
            threading.excepthook = lambda args: os._exit(3)
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def end_of(child: int) -> int:
    """Its exit status, when it has ended."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def in_child(work: Callable[[], object]) -> None:
    """Does `work` in a child, which must not fail: not in a thread either."""
    assert end_of(fork(work)) == 0


@contextmanager
def child_that_stays(work: Callable[[], object]) -> Iterator[None]:
    """The child has done `work` when the block begins, and lives as long as it does."""
    done, tell = os.pipe()
    wait, release = os.pipe()

    def stay() -> None:
        os.close(done)
        os.close(release)
        work()
        os.write(tell, b"x")
        os.read(wait, 1)

    child = fork(stay)
    os.close(tell)
    os.close(wait)
    try:
        told = os.read(done, 1)
        yield
    finally:
        os.close(release)
        os.close(done)
        status = end_of(child)
    assert (told, status) == (b"x", 0)


def check_echo(sock: socket.socket, size: int = 50_000) -> None:
    sock.settimeout(10)
    data = os.urandom(size)
    sock.sendall(data)
    assert read_exactly(sock, size) == data


def check_datagram(sock: socket.socket, echo: UdpEcho) -> None:
    sock.settimeout(10)
    sock.sendto(b"datagram", echo.address)
    assert sock.recvfrom(100) == (b"datagram", echo.address)


def check_meeting(listener: socket.socket) -> None:
    listener.settimeout(10)
    with socket.create_connection(listener.getsockname(), 10) as peer:
        connection, address = listener.accept()
        with connection:
            assert address == peer.getsockname()
            connection.sendall(b"x")
            assert peer.recv(1) == b"x"


def udp(here: Place) -> socks5client.socket:
    return socks5client.socket(socket.AF_INET, socket.SOCK_DGRAM, proxy=here.proxy)


def listening(here: Place) -> socks5client.socket:
    sock = socks5client.socket(proxy=here.proxy)
    sock.bind(("", 0))
    sock.listen()
    return sock


def everything_anew(here: Place, echo: UdpEcho) -> None:
    for kind in KINDS.values():
        with kind(here) as sock:
            check_echo(sock)
    with udp(here) as sock:
        check_datagram(sock, echo)
    with listening(here) as sock:
        check_meeting(sock)
    with (
        socks5client.patch(here.proxy, bypass=None, children=False),
        socket.create_connection(here.address, 10) as sock,
    ):
        check_echo(sock)


def test_after_a_fork_either_goes_on_as_if_alone(here: Place) -> None:
    """The child closes its copies of everything, and makes everything anew."""
    with UdpEcho() as echo, udp(here) as datagrams, listening(here) as listener:
        held = [kind(here) for kind in KINDS.values()]
        check_datagram(datagrams, echo)

        def work() -> None:
            everything_anew(here, echo)
            for sock in (*held, datagrams, listener):
                sock.close()
            everything_anew(here, echo)

        with child_that_stays(work):
            for sock in held:
                check_echo(sock)
            check_datagram(datagrams, echo)
            check_meeting(listener)
        for sock in held:
            check_echo(sock)
            sock.close()


BLOCKING = {
    "drop-in": lambda here, proxy: KINDS["drop-in"](here._replace(proxy=proxy)),
    "sync": lambda here, proxy: KINDS["sync"](here._replace(proxy=proxy)),
    "patched": lambda here, proxy: KINDS["patched"](here._replace(proxy=proxy)),
    "not waiting": lambda here, proxy: KINDS["drop-in, not waiting"](here._replace(proxy=proxy)),
    "asyncio": lambda here, proxy: KINDS["drop-in in asyncio"](here._replace(proxy=proxy)),
}


@pytest.mark.parametrize("way", BLOCKING)
def test_a_fork_in_the_middle_of_another_threads_handshake(way: str, here: Place) -> None:
    go_on = threading.Event()
    with UdpEcho() as echo, Server(faults=[Fault("reply", Hold(go_on))]) as slow:
        proxy = socks5client.Proxy.from_url(slow.url)
        call = Call(lambda: BLOCKING[way](here, proxy))
        slow.wait_for(lambda server: server.requests)
        in_child(lambda: everything_anew(here, echo))
        go_on.set()
        with call.result() as sock:
            check_echo(sock)
        slow.wait_idle()


def test_a_fork_while_an_association_is_made(here: Place) -> None:
    """In the child the socket can't tell who is at it, but must not wait for ever."""
    go_on = threading.Event()
    with UdpEcho() as echo, Server(faults=[Fault("reply", Hold(go_on))]) as slow:
        sock = socks5client.socket(socket.AF_INET, socket.SOCK_DGRAM, proxy=slow.url)
        call = Call(lambda: check_datagram(sock, echo))
        slow.wait_for(lambda server: server.requests)

        def work() -> None:
            everything_anew(here, echo)
            sock.settimeout(0.2)
            with pytest.raises(OSError):
                sock.sendto(b"x", echo.address)
            sock.close()

        in_child(work)
        go_on.set()
        call.result()
        sock.close()
        slow.wait_idle()


def test_a_fork_while_another_thread_accepts(here: Place) -> None:
    with UdpEcho() as echo, listening(here) as listener:
        listener.settimeout(10)
        call = Call(listener.accept)
        call.wait_until_waiting()

        def work() -> None:
            everything_anew(here, echo)
            listener.close()

        with child_that_stays(work), socket.create_connection(listener.getsockname(), 10) as peer:
            connection, _ = call.result()
            with connection:
                connection.sendall(b"x")
                assert peer.recv(1) == b"x"


# A connect that does not wait


def test_the_child_closes_what_the_parent_is_connecting(here: Place) -> None:
    go_on = threading.Event()
    with Server(faults=[Fault("reply", Hold(go_on))]) as slow:
        with socks5client.socket(proxy=slow.url) as sock:
            sock.setblocking(False)
            assert sock.connect_ex(here.address) == errno.EINPROGRESS
            slow.wait_for(lambda server: server.requests)

            def work() -> None:
                sock.close()
                pump_turn()

            with child_that_stays(work):
                go_on.set()
                assert select.select([], [sock], [], 10)[1]
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
                check_echo(sock)
        slow.wait_idle()


def test_in_the_child_the_attempt_has_failed(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the parent's; the child can make another one with the same socket."""
    go_on = threading.Event()
    with Server(faults=[Fault("reply", Hold(go_on))]) as slow:
        monkeypatch.setenv("SOCKS5CLIENT_PROXY", slow.url)
        with socks5client.socket() as sock:
            sock.setblocking(False)
            assert sock.connect_ex(here.address) == errno.EINPROGRESS
            slow.wait_for(lambda server: server.requests)

            def work() -> None:
                number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                assert number == errno.ECONNABORTED
                os.environ["SOCKS5CLIENT_PROXY"] = here.server.url
                sock.settimeout(10)
                sock.connect(here.address)
                check_echo(sock)

            with child_that_stays(work):
                go_on.set()
                assert select.select([], [sock], [], 10)[1]
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
                check_echo(sock)
        slow.wait_idle()


def test_the_child_closes_what_is_connected_but_not_asked_for(here: Place) -> None:
    """In asyncio the fd may still become the connection to the proxy."""

    async def main() -> None:
        with socks5client.socket(proxy=here.proxy) as sock:
            sock.setblocking(False)
            assert sock.connect_ex(here.address) == errno.EINPROGRESS
            assert select.select([], [sock], [], 10)[1]
            pump_turn()

            def work() -> None:
                sock.close()
                pump_turn()

            with child_that_stays(work):
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
                check_echo(sock)
                check_echo(sock)

    asyncio.run(main())


# Many


def test_forks_while_all_kinds_connect_in_threads(here: Place) -> None:
    """No lock is held in a child by a thread that is not there."""
    over = threading.Event()

    def go_round(work: Callable[[], object]) -> int:
        times = 0
        while not over.is_set():
            work()
            times += 1
        return times

    def use(kind: Callable[[Place], socket.socket]) -> None:
        with kind(here) as sock:
            check_echo(sock, 100)

    def use_udp(echo: UdpEcho) -> None:
        with udp(here) as sock:
            check_datagram(sock, echo)

    with UdpEcho() as echo:
        works: list[Callable[[], object]] = [
            *[lambda kind=kind: use(kind) for kind in KINDS.values()],
            lambda: use_udp(echo),
        ]
        for work in works:
            work()  # an import that a fork interrupts ends badly
        calls = [Call(lambda work=work: go_round(work)) for work in works]
        try:
            for number in range(40):
                in_child(works[number % len(works)])
        finally:
            over.set()
        assert all(call.result(SECONDS) for call in calls)


def test_the_thread_is_the_childs_own(here: Place) -> None:
    pump_turn()
    ours = Pump.running()
    before = len(os.listdir("/proc/self/fd"))

    def work() -> None:
        assert Pump.running() is not ours
        assert len(os.listdir("/proc/self/fd")) <= before
        for _ in range(3):
            with KINDS["TLS to the proxy"](here) as sock:
                check_echo(sock)
        assert [thread.name for thread in threading.enumerate()] == ["MainThread", "socks5client"]

    in_child(work)


def test_a_child_of_a_child(here: Place) -> None:
    with UdpEcho() as echo:
        in_child(
            lambda: (
                everything_anew(here, echo),
                in_child(lambda: everything_anew(here, echo)),
                everything_anew(here, echo),
            )
        )
