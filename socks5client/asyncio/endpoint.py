"""UDP ASSOCIATE for asyncio's protocols: a datagram transport."""

from __future__ import annotations

import asyncio
import errno
import os
import warnings
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

from ..protocol import Address
from ..tunnel import Deadline
from .datagrams import associate

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._socket.datagram import DatagramSocket

P = TypeVar("P", bound=asyncio.BaseProtocol)

_PACKET = 65535
# As asyncio's own transports have them, in bytes.
_HIGH_WATER = 64 * 1024


class DatagramTransport(asyncio.DatagramTransport):
    """A datagram transport through a proxy; `create_datagram_endpoint` makes one.

    It has what asyncio's has, and from section 7 of RFC 1928 `max_datagram_size`,
    `fragment_size`, `dropped` (see `socks5client.DatagramSocket`). Where the proxy ends the
    association the protocol's `connection_lost` gets a `ProxyConnectionError`.
    """

    _sock: DatagramSocket | None = None  # for __del__, where __init__ has not ended

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: DatagramSocket,
        protocol: asyncio.BaseProtocol,
        peer: Any,
    ) -> None:
        super().__init__({"socket": sock, "sockname": sock.getsockname(), "peername": peer})
        self._loop = loop
        self._sock = sock
        self._fd = sock.fileno()
        self._protocol = protocol
        self._peer = peer
        self._waiting: deque[tuple[bytes, Any]] = deque()
        self._waiting_bytes = 0
        self._paused = False
        self._closing = False
        self.set_write_buffer_limits()
        loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._protocol.connection_made(self)
        if not self._closing:
            self._loop.add_reader(self._fd, self._receive)

    # Section 7

    @property
    def max_datagram_size(self) -> int:
        """The most payload bytes of a datagram; OSError where the transport is closed."""
        return self._open_socket().max_datagram_size

    @property
    def fragment_size(self) -> int | None:
        """The most payload bytes of a packet, beyond which it is sent in fragments; or None.

        OSError where the transport is closed.
        """
        return self._open_socket().fragment_size

    @fragment_size.setter
    def fragment_size(self, size: int | None) -> None:
        self._open_socket().fragment_size = size

    @property
    def dropped(self) -> int:
        """How many packets of the relay's were dropped; OSError where the transport is closed."""
        return self._open_socket().dropped

    # What asyncio's transports have

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Sends `data` to `addr`, ("host", port); None: to the endpoint's `remote_addr`.

        A name that is looked up here is looked up at once, as asyncio's own transports do it.
        Errors of the sending go to the protocol's `error_received`. Raises ValueError for an
        `addr` that cannot be, OSError where the transport is closed.
        """
        if self._peer is not None and addr not in (None, self._peer):
            raise ValueError(f"address {addr!r} is not the endpoint's, {self._peer!r}")
        if self._peer is None and addr is None:
            raise ValueError("this endpoint has no remote_addr: sendto() needs an address")
        if self._closing:
            raise OSError(errno.EBADF, "the transport is closed")
        data = bytes(memoryview(data))
        if self._waiting and addr is not None:
            Address.from_tuple(addr)  # its errors are the caller's, not those of the loop
        if self._waiting or not self._send(data, addr):
            self._queue(data, addr)

    def _send(self, data: bytes, addr: Any) -> bool:
        """Whether a datagram is done with: sent, or failed."""
        sock = self._open_socket()
        try:
            if self._peer is not None:
                sock.send(data)
            else:
                sock.sendto(data, addr)
        except BlockingIOError:
            return False
        except OSError as error:
            self._fail(error)
        return True

    def _queue(self, data: bytes, addr: Any) -> None:
        if not self._waiting:
            self._loop.add_writer(self._fd, self._flush)
        self._waiting.append((data, addr))
        self._waiting_bytes += len(data)
        if self._waiting_bytes > self._high and not self._paused:
            self._paused = True
            self._protocol.pause_writing()

    def _flush(self) -> None:
        while self._waiting and not self._closed():
            if not self._send(*self._waiting[0]):
                return
            if self._waiting:
                data, _ = self._waiting.popleft()
                self._waiting_bytes -= len(data)
        if self._closed():
            return
        self._loop.remove_writer(self._fd)
        if self._paused and self._waiting_bytes <= self._low:
            self._paused = False
            self._protocol.resume_writing()
        if self._closing:
            self._lose(None)

    def _receive(self) -> None:
        sock = self._sock
        if sock is None:
            return
        try:
            data, source = sock.recvfrom(_PACKET)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._fail(error)
            return
        protocol: Any = self._protocol
        protocol.datagram_received(data, source)

    def _fail(self, error: OSError) -> None:
        """An error of a call: the end, where the association has ended."""
        sock = self._sock
        if sock is None or getattr(sock, "is_over", False):
            self._lose(error)
        else:
            protocol: Any = self._protocol
            protocol.error_received(error)

    def close(self) -> None:
        """Ends the association, once what waits has been sent."""
        if self._closing:
            return
        self._closing = True
        self._loop.remove_reader(self._fd)
        if not self._waiting:
            self._lose(None)

    def abort(self) -> None:
        """Ends the association at once."""
        self._lose(None)

    def _lose(self, error: OSError | None) -> None:
        sock, self._sock = self._sock, None
        if sock is None:
            return
        self._closing = True
        self._waiting.clear()
        self._waiting_bytes = 0
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        sock.close()
        self._loop.call_soon(self._protocol.connection_lost, error)

    def is_closing(self) -> bool:
        """Whether it is closed, or will be."""
        return self._closing

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Sets another protocol."""
        self._protocol = protocol

    def get_write_buffer_size(self) -> int:
        """How many bytes wait to be sent."""
        return self._waiting_bytes

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """(low, high), in bytes."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """As asyncio's transports: `high` bytes, by default 64 KiB, and `low`, a quarter of it.

        Raises ValueError where `high` is not the higher one.
        """
        if high is None:
            high = _HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high, self._low = high, low

    def _open_socket(self) -> DatagramSocket:
        if self._sock is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._sock

    def _closed(self) -> bool:
        return self._sock is None

    def __del__(self) -> None:
        if self._sock is not None:
            message = f"unclosed transport {self!r}"
            warnings.warn(message, ResourceWarning, stacklevel=2, source=self)
            self._sock.close()


async def create_datagram_endpoint(
    protocol_factory: Callable[[], P],
    local_addr: tuple[str, int] | None = None,
    remote_addr: tuple[str, int] | None = None,
    **options: Any,
) -> tuple[DatagramTransport, P]:
    """As the event loop's `create_datagram_endpoint`, through a proxy: (transport, protocol).

    Parameters: `protocol_factory`, `local_addr` and `remote_addr` as asyncio takes them, the
    latter resolved as the proxy's URL says; `options`, the other ones of `associate`: `proxy`,
    `timeout`, `family`, `client_address`, `fragment_size`.

    The transport is a `DatagramTransport`. Raises as `connect` does. Source: RFC 1928 section 7.
    """
    if remote_addr is not None:
        Address.from_tuple(remote_addr)
    deadline = Deadline.after(options.get("timeout"))
    awaited = await associate(local_addr=local_addr, **options)
    try:
        if remote_addr is not None:
            async with asyncio.timeout(None if deadline is None else deadline.left()):
                await awaited.connect(remote_addr)
    except BaseException:
        awaited.close()
        raise
    return await start_endpoint(awaited.socket, protocol_factory, remote_addr)


async def start_endpoint(
    sock: DatagramSocket, protocol_factory: Callable[[], P], peer: Any
) -> tuple[DatagramTransport, P]:
    """(transport, protocol) on `sock`, a non-blocking UDP socket.

    `peer` is whom it is connected to, or None; `protocol_factory` makes the protocol. The socket
    is the transport's from now on, or closed where that fails.
    """
    try:
        protocol = protocol_factory()
        transport = DatagramTransport(asyncio.get_running_loop(), sock, protocol, peer)
    except BaseException:
        sock.close()
        raise
    try:
        await asyncio.sleep(0)  # connection_made() comes first
    except BaseException:
        transport.abort()
        raise
    return transport, protocol
