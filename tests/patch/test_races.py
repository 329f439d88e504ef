"""patch() and unpatch() while other threads connect, send, look up and fork.

Whom the origin sees tells which way they came: by what the kernel calls their own end, directly.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from socks5client._plain import Plain
from tests.patch.outside import outside
from tests.standalone import standalone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

THREADS, TIMES = 50, 1000
SECONDS = 20.0


@pytest.fixture(scope="module")
def origin() -> Iterator[tuple[str, int]]:
    with outside() as place:
        yield place


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with standalone() as proxy:
        yield proxy


class Race:
    """Patches and unpatches `times` times, while threads do things."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = threading.Event()
        # A new object for each state that is certain: it is patched, or it is not.
        self._state: tuple[bool] | None = None
        self.errors: list[BaseException] = []
        self.direct = self.proxied = self.certain = 0

    def patch(self) -> Any:
        return socks5client.patch(self._url, bypass=None, children=False)

    def run(self, works: list[Callable[[], bool | None]], times: int = TIMES) -> None:
        """Each of `works` in a thread of its own, again and again; they say if it was direct."""
        threads = [threading.Thread(target=self._work, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        try:
            for number in range(times):
                with self.patch():
                    self._rest((True,), number)
                self._rest((False,), number)
        finally:
            self._over.set()
            end = time.monotonic() + SECONDS
            for thread in threads:
                thread.join(max(0, end - time.monotonic()))
        assert not any(thread.is_alive() for thread in threads)
        if self.errors:
            raise self.errors[0]

    def _rest(self, state: tuple[bool], number: int) -> None:
        """It stays as it is, now and then for long enough that somebody can tell."""
        self._state = state
        if number % 20 == 0:
            done = self.direct + self.proxied + 10
            while self.direct + self.proxied < done and not self.errors:
                self._over.wait(0.001)  # for the others to come to it
        self._state = None

    def _work(self, work: Callable[[], bool | None]) -> None:
        try:
            while not self._over.is_set():
                before = self._state
                is_direct = work()
                if is_direct is not None:
                    self._judge(is_direct, before)
        except BaseException as error:
            self.errors.append(error)

    def _judge(self, is_direct: bool, before: tuple[bool] | None) -> None:
        if is_direct:
            self.direct += 1
        else:
            self.proxied += 1
        if before is not None and before is self._state:
            self.certain += 1
            assert is_direct is not before[0]


def own(sock: socket.socket) -> bytes:
    return "{} {}".format(*Plain.getsockname(sock)).encode()


def connecting(place: tuple[str, int]) -> Callable[[], bool]:
    def work() -> bool:
        with socket.socket() as sock:
            sock.settimeout(SECONDS)
            sock.connect(place)
            with sock.makefile("rb") as file:
                return file.readline().strip() == own(sock)

    return work


def sending(place: tuple[str, int]) -> Callable[[], bool]:
    def work() -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(SECONDS)
            sock.sendto(b"hello", place)
            is_plain = type(sock) is socket.socket
            data, source = sock.recvfrom(100)
            assert (data[-5:], source) == (b"hello", place)
            if is_plain:
                assert data.split()[1] == own(sock).split()[1]
            return is_plain

    return work


def looking_up(place: tuple[str, int]) -> Callable[[], None]:
    def work() -> None:
        infos = socket.getaddrinfo("localhost", place[1], socket.AF_INET, socket.SOCK_STREAM)
        host = infos[0][4][0]
        assert host == "127.0.0.1" or host.startswith(("198.18.", "198.19.")), host
        assert socket.gethostbyname("127.0.0.1") == "127.0.0.1"

    return work


def files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_connects(url: str, origin: tuple[str, int]) -> None:
    race = Race(url)
    places = [origin, ("localhost", origin[1])]
    with race.patch():
        connecting(origin)()
    gc.collect()
    before = files(), threading.active_count()
    connect = vars(socket.socket).get("connect")
    race.run([connecting(places[number % 2]) for number in range(THREADS)])
    gc.collect()
    after = files(), threading.active_count()
    assert after[0] <= before[0]
    assert after[1] <= before[1]
    assert vars(socket.socket).get("connect") is connect
    assert race.direct
    assert race.proxied
    assert race.certain


def test_datagrams_and_look_ups(url: str, origin: tuple[str, int]) -> None:
    race = Race(url)
    with race.patch():
        sending(origin)()  # the library's own thread stays
    gc.collect()
    before = files(), threading.active_count()
    works: list[Callable[[], bool | None]] = [sending(origin)] * 10
    race.run([*works, *[looking_up(origin)] * 4], 200)
    gc.collect()
    after = files(), threading.active_count()
    assert after[0] <= before[0]
    assert after[1] <= before[1]
    assert race.direct
    assert race.proxied


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forks(url: str, origin: tuple[str, int]) -> None:
    """A child is patched or not, and never waits for a thread that it has not."""

    def forking() -> None:
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(10)
            status = 1
            try:
                connecting(origin)()
                with race.patch():  # else the system would look up: its locks are not ours
                    assert not connecting(origin)()
                    look_up()
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    look_up = looking_up(origin)
    race = Race(url)
    with race.patch():
        look_up()
    look_up()  # what Python imports for that is imported by now: a fork in an import ends badly
    works: list[Callable[[], bool | None]] = [connecting(origin)] * 4
    race.run([*works, *[looking_up(origin)] * 4, forking], 100)
