"""Every kind of loop, behind one face, so that a conversation on a fd is written once.

A program is a generator that makes non-blocking calls and yields what it has to wait for: a fd,
and whether that is to be "readable" or "writable". A loop runs it, and returns what it returns.
"""

from __future__ import annotations

import asyncio
import errno
import select
import socket
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import anyio
import trio
import uvloop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    import socks5client

    T = TypeVar("T")
    Need = Literal["readable", "writable"]
    Program = Generator[tuple[int, Need], None, T]
    Loop = Callable[[Program[T]], T]

TIMEOUT = 10.0


class Never(Exception):
    """The fd did not become what a program waits for."""


# What programs are made of.


def attempt(sock: socks5client.socket, address: Any) -> Program[int]:
    """Connects; what SO_ERROR says in the end."""
    sock.setblocking(False)
    assert sock.connect_ex(address) == errno.EINPROGRESS
    yield sock.fileno(), "writable"
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def send_all(sock: socket.socket, data: bytes) -> Program[None]:
    view = memoryview(data)
    while view:
        try:
            view = view[sock.send(view) :]
        except BlockingIOError:
            yield sock.fileno(), "writable"


def receive(sock: socket.socket, most: int = 65536) -> Program[bytes]:
    while True:
        try:
            return sock.recv(most)
        except BlockingIOError:
            yield sock.fileno(), "readable"


def receive_exactly(sock: socket.socket, size: int) -> Program[bytes]:
    data = bytearray()
    while len(data) < size:
        piece = yield from receive(sock)
        assert piece, f"ended after {len(data)} of {size} bytes"
        data += piece
    return bytes(data)


def receive_all(sock: socket.socket) -> Program[bytes]:
    data = bytearray()
    while piece := (yield from receive(sock)):
        data += piece
    return bytes(data)


# Loops by hand.


def by_hand(program: Program[T], wait: Callable[[int, Need], None]) -> T:
    try:
        while True:
            wait(*next(program))
    except StopIteration as stop:
        result: T = stop.value
        return result


def by_select(program: Program[T]) -> T:
    def wait(fd: int, need: Need) -> None:
        asked = [fd]
        if need == "readable":
            readable, _, _ = select.select(asked, [], [], TIMEOUT)
        else:
            _, readable, _ = select.select([], asked, [], TIMEOUT)
        if readable != asked:
            raise Never

    return by_hand(program, wait)


def by_poll(program: Program[T]) -> T:
    poll = select.poll()
    registered = False

    def wait(fd: int, need: Need) -> None:
        nonlocal registered
        mask = select.POLLIN if need == "readable" else select.POLLOUT
        (poll.modify if registered else poll.register)(fd, mask)
        registered = True
        if not poll.poll(1000 * TIMEOUT):
            raise Never

    return by_hand(program, wait)


def by_epoll(program: Program[T], flags: int = 0) -> T:
    """One registration, which is modified all the time."""
    with select.epoll() as poll:
        registered = False

        def wait(fd: int, need: Need) -> None:
            nonlocal registered
            mask = select.EPOLLIN if need == "readable" else select.EPOLLOUT
            (poll.modify if registered else poll.register)(fd, mask | flags)
            registered = True
            if not poll.poll(TIMEOUT):
                raise Never

        return by_hand(program, wait)


def by_oneshot(program: Program[T]) -> T:
    return by_epoll(program, select.EPOLLONESHOT)


def by_edges(program: Program[T]) -> T:
    """One registration, which is never touched again: each edge has to come by itself."""
    masks = {"readable": select.EPOLLIN, "writable": select.EPOLLOUT}
    with select.epoll() as poll:
        seen: int | None = None

        def wait(fd: int, need: Need) -> None:
            nonlocal seen
            if seen is None:
                poll.register(fd, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
            # The program has found out that it is not that now: what was seen is past.
            seen = 0
            wanted = masks[need] | select.EPOLLHUP | select.EPOLLERR
            while not seen & wanted:
                events = poll.poll(TIMEOUT)
                if not events:
                    raise Never
                seen |= events[0][1]

        return by_hand(program, wait)


# Loops of others.


async def _drive(program: Program[T], wait: Callable[[int, Need], Awaitable[None]]) -> T:
    try:
        while True:
            await wait(*next(program))
    except StopIteration as stop:
        result: T = stop.value
        return result


async def _callbacks(program: Program[T]) -> T:
    """asyncio as callbacks use it: a callback stays registered while it makes its calls."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[T] = loop.create_future()
    at: tuple[int, Need] | None = None

    def go_on() -> None:
        nonlocal at
        before = at
        try:
            at = next(program)
        except StopIteration as stop:
            at = None
            ended.set_result(stop.value)
        except BaseException as error:
            at = None
            ended.set_exception(error)
        if at == before:
            return
        # The new one first, as tornado does it.
        if at is not None:
            (loop.add_reader if at[1] == "readable" else loop.add_writer)(at[0], go_on)
        if before is not None:
            (loop.remove_reader if before[1] == "readable" else loop.remove_writer)(before[0])

    go_on()
    async with asyncio.timeout(TIMEOUT):
        return await ended


async def _awaiting(program: Program[T]) -> T:
    async def wait(fd: int, need: Need) -> None:
        loop = asyncio.get_running_loop()
        event = asyncio.Event()
        (loop.add_reader if need == "readable" else loop.add_writer)(fd, event.set)
        try:
            async with asyncio.timeout(TIMEOUT):
                await event.wait()
        finally:
            (loop.remove_reader if need == "readable" else loop.remove_writer)(fd)

    return await _drive(program, wait)


async def _in_trio(program: Program[T]) -> T:
    async def wait(fd: int, need: Need) -> None:
        with trio.fail_after(TIMEOUT):
            if need == "readable":
                await trio.lowlevel.wait_readable(fd)
            else:
                await trio.lowlevel.wait_writable(fd)

    return await _drive(program, wait)


async def _in_anyio(program: Program[T]) -> T:
    async def wait(fd: int, need: Need) -> None:
        with anyio.fail_after(TIMEOUT):
            await (anyio.wait_readable if need == "readable" else anyio.wait_writable)(fd)

    return await _drive(program, wait)


LOOPS: dict[str, Any] = {
    "select": by_select,
    "poll": by_poll,
    "epoll": by_epoll,
    "epoll, one shot": by_oneshot,
    "epoll, edges": by_edges,
    "asyncio": lambda program: asyncio.run(_awaiting(program)),
    "asyncio, callbacks": lambda program: asyncio.run(_callbacks(program)),
    "uvloop": lambda program: uvloop.run(_awaiting(program)),
    "uvloop, callbacks": lambda program: uvloop.run(_callbacks(program)),
    "trio": lambda program: trio.run(_in_trio, program),
    "anyio on asyncio": lambda program: anyio.run(_in_anyio, program),
    "anyio on trio": lambda program: anyio.run(_in_anyio, program, backend="trio"),
}
