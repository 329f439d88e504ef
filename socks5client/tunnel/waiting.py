"""What a conversation with a proxy waits for, and the calls that may have to wait.

A conversation is written once, as a generator, for all drivers. It makes the calls on its
sockets by itself and yields only what it cannot go on without: a `Wait` or an `Aside`. A driver
runs it by doing that in its own way; the blocking one is hardly asked, because its sockets wait
within the calls.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Generator
    from typing import Any, TypeAlias, TypeVar

    from .deadline import Deadline

    T = TypeVar("T")
    # Returns a T. A driver throws TimeoutError into it when the time for all of it is up.
    Waiting: TypeAlias = Generator["Wait | Aside", Any, T]


class Wait(namedtuple("Wait", ("socks", "write", "pause"), defaults=(False, None))):
    """Go on when one of `socks` is readable, or with `write` writable.

    Or after `pause` seconds, where that is not None. To go on too early does no harm.
    """

    __slots__ = ()
    socks: tuple[socket.socket, ...]
    write: bool
    pause: float | None


class Aside(namedtuple("Aside", ("function",))):
    """Call `function`, which may block, where it holds nobody up; go on with what it returns."""

    __slots__ = ()
    function: Callable[[], Any]


def send(sock: socket.socket, data: bytes, deadline: Deadline | None) -> Waiting[None]:
    """Sends all of `data`; `deadline` bounds it where `sock` is a blocking one."""
    while True:
        if deadline is not None:
            deadline.apply(sock)
        try:
            sent = sock.send(data)
        except BlockingIOError:
            yield Wait((sock,), True)
        else:
            if sent == len(data):
                return
            data = data[sent:]


def receive(
    sock: socket.socket, size: int, deadline: Deadline | None, *, answer: bool = True
) -> Waiting[bytes]:
    """What has arrived at `sock`, at most `size` bytes, b"" at the end.

    `deadline` bounds it where `sock` is a blocking one. With `answer` it is what the other side
    says to something that has just been sent, so it is not there yet.
    """
    if deadline is not None:
        deadline.apply(sock)
    elif answer and sock.gettimeout() == 0:
        yield Wait((sock,))
    while True:
        try:
            return sock.recv(size)
        except BlockingIOError:
            yield Wait((sock,))
