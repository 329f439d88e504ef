"""Mixed traffic for a while, with faults: `python -m benchmarks.soak [--minutes 20]`.

Streams on every driver, UDP with fragments, BIND, patch() on and off, all at once, through a
proxy that does wrong in one of a hundred connections. It fails (exit status 1) where something
hangs, where an error comes that is none of the library's own, or where what was echoed is not what
was sent; it shows how descriptors, threads and memory went.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import socket
import sys
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from statistics import linear_regression
from typing import TYPE_CHECKING

import trio

import socks5client
import socks5client.asyncio
import socks5client.trio
from socks5client import SocksError
from tests.origins import Echo, UdpEcho

from .children import child

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT = 1.0  # of an operation, in seconds
HANGS = 15.0  # an operation that takes so long hangs
PAUSE = 0.01
AT_ONCE = 20  # tasks of an event loop
SIZES = (1, 100, 5_000, 60_000)


class Soak:
    """The traffic, and what became of it."""

    def __init__(self, proxy: str, tcp: tuple[str, int], udp: tuple[str, int]) -> None:
        self.proxy, self.tcp, self.udp = proxy, tcp, udp
        self.name = ("origin.test", tcp[1])
        self.stop = threading.Event()
        self.done: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.defects: list[str] = []
        self._running: dict[int, tuple[str, float]] = {}
        self._number = 0
        self._lock = threading.Lock()

    def workers(self) -> list[Callable[[], None]]:
        blocking = (self.stream, self.drop_in, self.datagrams, self.rendezvous, self.patched)
        return [*(self.forever(work) for work in blocking), self.in_asyncio, self.in_trio]

    def forever(self, work: Callable[[int], None]) -> Callable[[], None]:
        def run() -> None:
            while not self.stop.wait(PAUSE):
                with self.watched(work.__name__) as number:
                    work(number)

        return run

    def watched(self, name: str) -> Watched:
        return Watched(self, name)

    # Each of these is one operation.

    def stream(self, number: int) -> None:
        with socks5client.sync.connect(self.tcp, proxy=self.proxy, timeout=TIMEOUT) as sock:
            _echoed(sock, number)

    def drop_in(self, number: int) -> None:
        with socks5client.socket(proxy=self.proxy) as sock:
            sock.settimeout(TIMEOUT)
            sock.connect(self.name)
            _echoed(sock, number)

    def datagrams(self, number: int) -> None:
        with socks5client.associate(proxy=self.proxy, timeout=TIMEOUT, fragment_size=1000) as sock:
            sock.settimeout(TIMEOUT)
            for size in SIZES[:-1]:
                data = os.urandom(size)
                sock.sendto(data, self.udp)
                if sock.recvfrom(65535)[0] != data:
                    raise AssertionError("another datagram came back")

    def rendezvous(self, number: int) -> None:
        with (
            socks5client.bind(proxy=self.proxy, timeout=TIMEOUT) as meeting,
            socket.create_connection(meeting.address[:2], timeout=TIMEOUT) as peer,
        ):
            sock, _ = meeting.accept(TIMEOUT)
            with sock:
                peer.sendall(b"here I am")
                sock.settimeout(TIMEOUT)
                if sock.recv(100) != b"here I am":
                    raise AssertionError("the peer said something else")

    def patched(self, number: int) -> None:
        with (
            socks5client.patch(self.proxy, children=False),
            socket.create_connection(self.name, timeout=TIMEOUT) as sock,
        ):
            _echoed(sock, number)

    def in_asyncio(self) -> None:
        async def one() -> None:
            while not self.stop.is_set():
                with self.watched("asyncio") as number:
                    reader, writer = await socks5client.asyncio.open_connection(
                        *self.tcp, proxy=self.proxy, timeout=TIMEOUT
                    )
                    try:
                        data = os.urandom(SIZES[number % len(SIZES)])
                        writer.write(data)
                        async with asyncio.timeout(TIMEOUT):
                            if await reader.readexactly(len(data)) != data:
                                raise AssertionError("other bytes came back")
                    finally:
                        writer.close()
                await asyncio.sleep(PAUSE * AT_ONCE)

        async def all_() -> None:
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(one())

        asyncio.run(all_())

    def in_trio(self) -> None:
        async def one() -> None:
            while not self.stop.is_set():
                with self.watched("trio") as number:
                    stream = await socks5client.trio.connect(
                        self.tcp, proxy=self.proxy, timeout=TIMEOUT
                    )
                    async with stream:
                        data = os.urandom(SIZES[number % len(SIZES)])
                        received = b""
                        with trio.fail_after(TIMEOUT):
                            await stream.send_all(data)
                            while len(received) < len(data):
                                received += await stream.receive_some(65536)
                        if received != data:
                            raise AssertionError("other bytes came back")
                await trio.sleep(PAUSE * AT_ONCE)

        async def all_() -> None:
            async with trio.open_nursery() as nursery:
                for _ in range(AT_ONCE):
                    nursery.start_soon(one)

        trio.run(all_)

    def begin(self, name: str) -> int:
        with self._lock:
            self._number += 1
            self._running[self._number] = (name, time.monotonic())
            return self._number

    def end(self, number: int, name: str, error: BaseException | None) -> bool:
        """Whether `error` is one that is due; all others are kept."""
        with self._lock:
            del self._running[number]
            if error is None:
                self.done[name] += 1
            elif isinstance(error, (SocksError, TimeoutError, trio.TooSlowError)):
                self.failed[type(error).__name__] += 1
            elif isinstance(error, Exception):
                self.defects.append("".join(traceback.format_exception(error)[-4:]))
            else:
                return False
            return True

    def hanging(self) -> list[str]:
        limit = time.monotonic() - HANGS
        with self._lock:
            return [name for name, begun in self._running.values() if begun < limit]


class Watched:
    """One operation: counted, and its error kept."""

    def __init__(self, soak: Soak, name: str) -> None:
        self._soak, self._name = soak, name
        self._number = 0

    def __enter__(self) -> int:
        self._number = self._soak.begin(self._name)
        return self._number

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        return self._soak.end(self._number, self._name, error)


def _echoed(sock: socket.socket, number: int) -> None:
    data = os.urandom(SIZES[number % len(SIZES)])
    sock.settimeout(TIMEOUT)
    sock.sendall(data)
    received = b""
    while len(received) < len(data):
        piece = sock.recv(65536)
        if not piece:
            raise AssertionError("the echo hung up")
        received += piece
    if received != data:
        raise AssertionError("other bytes came back")


def resources() -> tuple[int, int, float]:
    """Descriptors, threads, and megabytes of memory (RSS) of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return (
        len(os.listdir("/proc/self/fd")),
        threading.active_count(),
        pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
    )


def slope(minutes: list[float], values: list[float]) -> float:
    """What is added in an hour, by the last three quarters: the first one warms up."""
    first = len(minutes) // 4
    if len(minutes) - first < 3:
        return 0.0
    return linear_regression(minutes[first:], values[first:]).slope * 60


def run(minutes: float, every: float) -> int:
    """The soak; returns the exit status."""
    with (
        child("benchmarks.faulty") as proxy,
        Echo() as tcp,
        UdpEcho() as udp,
    ):
        before = resources()
        soak = Soak("socks5h://{}:{}".format(*proxy), tcp.address, udp.address)
        threads = [threading.Thread(target=work, daemon=True) for work in soak.workers()]
        for thread in threads:
            thread.start()
        begun = time.monotonic()
        at: list[float] = []
        seen: list[tuple[int, int, float]] = []
        hanging: list[str] = []
        while time.monotonic() - begun < minutes * 60 and not hanging and not soak.defects:
            time.sleep(every)
            at.append((time.monotonic() - begun) / 60)
            tcp.clients.clear()  # the echoes' own memory
            udp.clients.clear()
            seen.append(resources())
            hanging = soak.hanging()
            print(
                f"{at[-1]:5.1f} min  {sum(soak.done.values()):8} done  "
                f"{sum(soak.failed.values()):6} failed as they should  "
                "{} fds  {} threads  {:.1f} MB".format(*seen[-1]),
                flush=True,
            )
        soak.stop.set()
        for thread in threads:
            thread.join(HANGS)
        hanging += [thread.name for thread in threads if thread.is_alive()]
        time.sleep(1)  # what ends by itself
        after = resources()
    print("\ndone:", dict(soak.done))
    print("failed as they should:", dict(soak.failed))
    for place, what in enumerate(("descriptors", "threads", "MB of memory")):
        values = [float(sample[place]) for sample in seen]
        print(
            f"{what}: {before[place]:.0f} before, {max(values):.0f} at the most, "
            f"{after[place]:.0f} after; {slope(at, values):+.2f} an hour"
        )
    for defect in soak.defects[:3]:
        print("DEFECT:", defect)
    if hanging:
        print("HANGING:", hanging)
    return 1 if soak.defects or hanging else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--every", type=float, default=10, help="seconds from line to line")
    options = parser.parse_args()
    return run(options.minutes, options.every)


if __name__ == "__main__":
    sys.exit(main())
