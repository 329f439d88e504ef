"""A connected socket as httpcore's asynchronous pools want it, whichever library waits for it."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import httpcore

from ..tunnel import Deadline
from ..tunnel.waiting import Wait
from .shared import extra_info

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from typing import TypeAlias

    from ..tunnel.waiting import Waiting

    # How a library runs what waits, until a deadline: `run` of its driver.
    Run: TypeAlias = Callable[[Waiting[None], Deadline | None], Awaitable[None]]

T = TypeVar("T")

# When to try again what another task already waits for, in seconds.
_TURN = 0.01
# What a record of TLS holds at most, in bytes (RFC 8446 section 5.1).
_RECORD = 2**14


class AsyncStream(httpcore.AsyncNetworkStream):
    """Waits until the socket is ready, then makes a call that does not wait, also with TLS.

    `sock` is connected, and the stream's from now on; `run` is that of a driver. Nothing is
    received or sent but by a call whose outcome the caller gets: a read that is cancelled has
    taken nothing, and what a write that is cancelled has left goes out first with the next one.
    So other requests on the same connection (HTTP/2) do not suffer.
    """

    def __init__(self, sock: socket.socket, run: Run) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._run = run
        self._unsent = b""
        self._waits: set[bool] = set()  # for what: True to write, False to read
        self._failure: OSError | None = None  # what the next read has to tell
        self._closed = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has arrived, of TLS in as many records as are there; b"" at the end."""
        with _errors(httpcore.ReadTimeout, httpcore.ReadError):
            if self._failure is not None:
                raise self._failure
            receive = partial(self._receive, max_bytes)
            return await self._call(receive, False, Deadline.after(timeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Sends what a cancelled call has left, then `buffer`; each piece has its `timeout`."""
        if not buffer and not self._unsent:
            return
        rest = memoryview(self._unsent + buffer)
        self._unsent = b""
        with _errors(httpcore.WriteTimeout, httpcore.WriteError):
            try:
                while rest:  # the timeout is for each piece, as in the blocking stream
                    send = partial(self._sock.send, rest)
                    sent = await self._call(send, True, Deadline.after(timeout))
                    rest = rest[sent:]
            except BaseException:
                self._unsent = bytes(rest)
                raise

    async def aclose(self) -> None:
        """Closes the socket at once, without TLS's good-bye; a task that waits gets an error."""
        self._close()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A stream with TLS on the same socket, which is closed where that fails."""
        try:
            if isinstance(self._sock, ssl.SSLSocket):
                raise NotImplementedError("TLS inside TLS")  # ssl would leave out the outer one
            if server_hostname is not None:
                server_hostname.encode("idna")  # ssl does it when it has the socket, and drops it
            with _errors(httpcore.ConnectTimeout, httpcore.ConnectError):
                self._sock = sock = ssl_context.wrap_socket(
                    self._sock, server_hostname=server_hostname, do_handshake_on_connect=False
                )
                await self._call(sock.do_handshake, True, Deadline.after(timeout))
                return AsyncStream(sock, self._run)
        except BaseException:
            self._close()
            raise

    def get_extra_info(self, info: str) -> Any:
        """Also "socket", a plain or an SSL one, for whoever wants to look at it."""
        return extra_info(self._sock, info)

    def _receive(self, size: int) -> bytes:
        """What has arrived; of TLS a call gives one record at most, and each wait has its price."""
        data = self._sock.recv(size)
        if not isinstance(self._sock, ssl.SSLSocket):
            return data
        pieces, size = [data], size - len(data)
        while data and size >= _RECORD:
            try:
                data = self._sock.recv(size)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except OSError as error:
                self._failure = error
                break
            pieces.append(data)
            size -= len(data)
        return b"".join(pieces)

    async def _call(self, call: Callable[[], T], write: bool, deadline: Deadline | None) -> T:
        """What `call` returns, once it need not wait to read, or to write."""
        while True:
            await self._wait(write, deadline)
            try:
                return call()
            except BlockingIOError:
                pass
            except ssl.SSLWantReadError:
                write = False
            except ssl.SSLWantWriteError:
                write = True

    async def _wait(self, write: bool, deadline: Deadline | None) -> None:
        if self._closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if write in self._waits:
            # TLS must write in order to read, or the reverse, and another task is at that.
            await self._run(_pause(_TURN), deadline)
        elif not write and isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            await self._run(_pause(0), deadline)  # it is here already; others get their turn
        else:
            self._waits.add(write)
            try:
                await self._run(_ready(self._sock, write), deadline)
            finally:
                self._waits.discard(write)
                if self._closed:
                    self._close()
        if self._closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def _close(self) -> None:
        """Closes the socket, but where a task waits for it: that one is woken, and does it."""
        self._closed = True
        if not self._waits:
            self._sock.close()
            return
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is not connected any more, so it is ready for everything


def _ready(sock: socket.socket, write: bool) -> Waiting[None]:
    yield Wait((sock,), write)


def _pause(seconds: float) -> Waiting[None]:
    yield Wait((), pause=seconds)


@contextmanager
def _errors(timeout: type[Exception], failure: type[Exception]) -> Iterator[None]:
    """The system's errors as httpcore's, with the former as their cause."""
    try:
        yield
    except TimeoutError as error:
        raise timeout(error) from error
    except OSError as error:
        raise failure(error) from error
