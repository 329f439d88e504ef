"""What `patch()` adds to calls that never go through the proxy, and to a connected socket."""

from __future__ import annotations

import contextlib
import gc
import socket
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import socks5client
from socks5client._fakeip import MOST_NAMES, Placeholders

from .children import echo
from .measure import Bar, Contestant, Quantity, Sample, Table, interleave

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .run import Settings

ROUNDS, COUNT = 41, 500
PROXY = "socks5h://127.0.0.1:1"  # nobody is there: nothing of this goes through it
MICROSECONDS = Quantity("extra CPU us", lambda sample: sample.cpu * 1e6, 2)
WALL = Quantity("extra wall us", lambda sample: sample.wall * 1e6, 2)
BYTES = Quantity("bytes", lambda sample: sample.cpu, 0)
LIMIT = Bar(1.0, relative=False)


def run(settings: Settings) -> Iterator[Table]:
    """The difference of two runs side by side, patched and not."""
    rounds, count = settings.rounds_or(ROUNDS), settings.size_or(COUNT, 20)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        works = _works(stack, Path(folder), echo_address=stack.enter_context(echo()))
        for strict in (False, True):
            contestants = [
                Contestant(name, _extra(work, count, strict), None, _bar(name, strict))
                for name, work in works.items()
            ]
            title = f"What patch({'strict=True' if strict else ''}) adds to a call"
            yield Table(
                f"{title}: {rounds} rounds of {count}",
                (MICROSECONDS, WALL),
                interleave(contestants, rounds),
            )
    names = settings.size_or(MOST_NAMES, 1000)
    yield Table(
        f"A placeholder's memory: {names} names",
        (BYTES,),
        interleave([Contestant("one name", _memory(names))], 1),
    )


def _bar(name: str, strict: bool) -> Bar | None:
    """For one call at a time, and for a connected socket."""
    return None if strict or " twice" in name or "recvfrom" in name else LIMIT


def _works(
    stack: contextlib.ExitStack, folder: Path, echo_address: tuple[str, int]
) -> dict[str, Callable[[], None]]:
    path = str(folder / "socket")
    stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)).bind(path)
    unix = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1))
    one = stack.enter_context(socket.create_connection(tcp.getsockname()))
    two = stack.enter_context(tcp.accept()[0])
    udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    place = tcp.getsockname()
    payload = bytes(64)

    def make() -> None:
        socket.socket().close()

    def connect_unix() -> None:
        unix.connect(path)  # of a datagram socket: again and again

    def connect_again() -> None:
        one.connect_ex(place)  # EISCONN

    def connect_and_accept() -> None:
        with socket.socket() as sock:
            sock.connect(place)
            tcp.accept()[0].close()

    def send() -> None:
        one.send(payload)
        two.recv(64)

    def send_udp() -> None:
        udp.sendto(payload, echo_address)
        udp.recvfrom(64)

    return {
        "socket.socket(), close()": make,
        "connect() on AF_UNIX": connect_unix,
        "connect_ex() on loopback, connected": connect_again,
        "socket(), connect(), accept() and close() twice": connect_and_accept,
        "send(), recv() on a connected TCP socket": send,
        "sendto(), recvfrom() on loopback, UDP": send_udp,
    }


def _extra(work: Callable[[], None], count: int, strict: bool) -> Callable[[], Sample]:
    def take() -> Sample:
        plain = _timed(work, count)
        with socks5client.patch(PROXY, strict=strict, children=False):
            patched = _timed(work, count)
        return Sample(patched.cpu - plain.cpu, patched.wall - plain.wall)

    return take


def _timed(work: Callable[[], None], count: int) -> Sample:
    gc.collect()
    gc.disable()
    try:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(count):
            work()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    finally:
        gc.enable()
    return Sample(cpu / count, wall / count)


def _memory(names: int) -> Callable[[], Sample]:
    def take() -> Sample:
        tracemalloc.start()
        try:
            table = Placeholders(most=names)
            for number in range(names):
                table.addresses(f"host{number:06}.example.com")
            used = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        return Sample(used / len(table), 0.0)

    return take
