"""A drop-in UDP socket whose calls are awaited: what asyncio's and trio's have in common."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Self, TypeVar

    from ..tunnel.waiting import Waiting
    from .datagram import DatagramSocket

    T = TypeVar("T")


class AwaitedDatagrams:
    """The calls of a UDP socket through a proxy, awaited; a context manager.

    `sock` is the `DatagramSocket` that does the work, with its association. Names are looked up
    as the proxy's URL says. Source: RFC 1928 section 7.
    """

    def __init__(self, sock: DatagramSocket) -> None:
        self._sock = sock
        sock.setblocking(False)
        self._resolves = sock.resolves_here

    # What a driver gives.

    async def _call(self, write: bool, call: Callable[[], T]) -> T:
        """What `call` returns, when it need not wait to read, or to write."""
        raise NotImplementedError

    async def _run(self, steps: Waiting[T]) -> T:
        raise NotImplementedError

    # The calls

    async def send(self, data: Any, flags: int = 0, /) -> int:
        """As in the system, to the peer of `connect`."""
        return await self._call(True, partial(self._sock.send, data, flags))

    async def sendto(self, *args: Any) -> int:
        """As in the system: sendto(data, address) or sendto(data, flags, address)."""
        if args:
            args = (*args[:-1], await self._resolved(args[-1]))
        return await self._call(True, partial(self._sock.sendto, *args))

    async def sendmsg(
        self,
        buffers: Iterable[Any],
        ancdata: Iterable[Any] = (),
        flags: int = 0,
        address: Any = None,
        /,
    ) -> int:
        """As in the system; the ancillary data is for the packet to the relay."""
        if address is not None:
            address = await self._resolved(address)
        buffers, ancdata = list(buffers), list(ancdata)
        return await self._call(True, partial(self._sock.sendmsg, buffers, ancdata, flags, address))

    async def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """As in the system."""
        return await self._call(False, partial(self._sock.recv, bufsize, flags))

    async def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]:
        """As in the system; the address is what the header says."""
        return await self._call(False, partial(self._sock.recvfrom, bufsize, flags))

    async def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """As in the system."""
        return await self._call(False, partial(self._sock.recv_into, buffer, nbytes, flags))

    async def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        """As in the system; the address is what the header says."""
        return await self._call(False, partial(self._sock.recvfrom_into, buffer, nbytes, flags))

    async def recvmsg(
        self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[bytes, list[Any], int, Any]:
        """As in the system; the ancillary data is of the packet from the relay."""
        return await self._call(False, partial(self._sock.recvmsg, bufsize, ancbufsize, flags))

    async def recvmsg_into(
        self, buffers: Iterable[Any], ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[int, list[Any], int, Any]:
        """As in the system; the ancillary data is of the packet from the relay."""
        call = partial(self._sock.recvmsg_into, list(buffers), ancbufsize, flags)
        return await self._call(False, call)

    async def connect(self, address: Any, /) -> None:
        """Sets the peer, `address`, as `DatagramSocket.connect` does."""
        self._sock.connect(await self._resolved(address))

    async def _resolved(self, address: Any) -> Any:
        """What to give the socket, which would look a name up and wait for it."""
        if not self._resolves:
            return address
        return (await self._run(self._sock.resolving(address))).to_tuple()

    # What does not wait

    @property
    def socket(self) -> DatagramSocket:
        """The drop-in socket, non-blocking: its options, limits and counts."""
        return self._sock

    @property
    def family(self) -> Any:
        """AF_INET or AF_INET6."""
        return self._sock.family

    @property
    def type(self) -> Any:
        """SOCK_DGRAM."""
        return self._sock.type

    @property
    def proto(self) -> int:
        """The protocol's number."""
        return self._sock.proto

    def fileno(self) -> int:
        """The number of the fd, -1 once it is closed."""
        return self._sock.fileno()

    def getpeername(self) -> Any:
        """The peer as it was given to `connect`."""
        return self._sock.getpeername()

    def getsockname(self) -> Any:
        """The local address."""
        return self._sock.getsockname()

    def getsockopt(self, *args: Any) -> Any:
        """As in the system, but as `DatagramSocket.getsockopt`: sizes are less the header."""
        return self._sock.getsockopt(*args)

    def setsockopt(self, *args: Any) -> None:
        """As in the system, and as `DatagramSocket.setsockopt`."""
        self._sock.setsockopt(*args)

    def shutdown(self, how: int, /) -> None:
        """As in the system."""
        self._sock.shutdown(how)

    def close(self) -> None:
        """Ends the association, unless a duplicate shares it."""
        self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__} of {self._sock!r}>"
