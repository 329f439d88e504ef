"""The calls of the drop-in UDP socket: all go through the header (RFC 1928 section 7).

What is usual, an IPv4 header that was seen before, takes a look at a table and no more; all the
rest goes through `_send_out` and `_receive`.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket as _stdlib
import sys
from itertools import count
from operator import index
from time import monotonic

from .._plain import Plain
from ..protocol import Address, AddressType
from ..protocol.datagram import HEADER_LENGTH
from ..tunnel import Deadline
from .addressed import AddressedSocket, unmapped
from .stream import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# The C methods.
_recv = Plain.recv
_recvmsg: Any = getattr(Plain, "recvmsg", None)  # Windows has neither
_send = Plain.send
_sendmsg: Any = getattr(Plain, "sendmsg", None)

# Packets are read whole, whatever the user asks for: of a fragment nothing may be lost. In the
# kernel that costs nothing.
_PACKET = 65535
_HEADER = HEADER_LENGTH[AddressType.IPV4]
_STANDALONE = b"\0\0\0"
_USUAL = _STANDALONE + bytes((AddressType.IPV4,))
_CACHED = 256
# How often an error that means nothing is borne with in one call, and bad packets in one that
# must not wait.
_TRIES = 100
_LARGEST_FLAGS = (1 << 31) - 1

_PEEK = _stdlib.MSG_PEEK
_TRUNC = getattr(_stdlib, "MSG_TRUNC", 0)
_DONTWAIT = getattr(_stdlib, "MSG_DONTWAIT", 0)
_MORE = getattr(_stdlib, "MSG_MORE", 0)


class DatagramSocket(AddressedSocket):
    """A UDP socket whose datagrams pass a proxy's relay; what `socket(type=SOCK_DGRAM)` makes.

    It is used as a UDP socket of the system is. Its association (UDP ASSOCIATE) is made by the
    first use, within the socket's timeout, or by `associate()`, and lives as long as it does;
    where the proxy ends it, all calls raise a `ProxyConnectionError`. Names are resolved as for
    TCP. Received datagrams come from where their header says; what is malformed is dropped and
    counted (`dropped`). A non-blocking socket keeps what is sent until the association stands.

    More than the system has: `fragment_size`, `reassembler`, `max_datagram_size`, `dropped`,
    `client_address`. Through a chain the datagrams pass a relay of each proxy. A proxy that is
    spoken to by TLS is refused: the datagrams would be in clear. Source: RFC 1928 section 7.
    """

    def send(self, data: Any, flags: int = 0, /) -> int:
        """As in the system."""
        head = self._peer_header
        if head is not None and flags == 0 and not self._fragments:
            try:
                return _send(self, head + data) - len(head)
            except TypeError:
                pass  # it is not what can be sent, or not in one piece
            except OSError as error:
                self._judge(error)
        return self._send_out(data, flags, self._connected_to())

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """As in the system: a datagram is sent whole, or not at all."""
        self.send(data, flags)

    def sendto(self, data: Any, *args: Any) -> int:
        """As in the system: sendto(data, address) or sendto(data, flags, address)."""
        if len(args) == 1 and not self._fragments:
            try:
                head = self._headers.get(args[0])
                if head is not None:
                    return _send(self, head + data) - len(head)
            except TypeError:
                pass
            except OSError as error:
                self._judge(error)
        if len(args) not in (1, 2):
            raise TypeError(f"sendto() takes 2 or 3 arguments ({len(args) + 1} given)")
        target = self._resolve(args[-1])
        sent = self._send_out(data, args[0] if len(args) == 2 else 0, target)
        if self._is_constant(args[-1]) and self._has_short_way(target):
            if len(self._headers) >= _CACHED:
                self._headers.clear()
            self._headers[args[-1]] = self._head(target)
        return sent

    def sendmsg(
        self,
        buffers: Iterable[Any],
        ancdata: Iterable[Any] = (),
        flags: int = 0,
        address: Any = None,
        /,
    ) -> int:
        """As in the system; the ancillary data is for the packet to the relay."""
        ancdata = list(ancdata)
        if any(tuple(item)[:1] == (_stdlib.IPPROTO_UDP,) for item in ancdata):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        payload = b"".join([_contiguous(buffer) for buffer in buffers])
        target = self._connected_to() if address is None else self._resolve(address)
        return self._send_out(payload, flags, target, ancdata)

    def _connected_to(self) -> Address:
        self._check_open()
        if self._target is None:
            raise OSError(errno.EDESTADDRREQ, os.strerror(errno.EDESTADDRREQ))
        return self._target

    def _send_out(self, data: Any, flags: int, target: Address, ancdata: Any = ()) -> int:
        """The general case of sending."""
        payload = bytes(_contiguous(data))
        self._check_open()
        if target.port == 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if flags & _MORE:
            raise OSError(errno.EOPNOTSUPP, "MSG_MORE: a datagram is sent at once")
        packets = self._codec.send(target, payload)
        if not self._ready(flags) and self._wait_in_line(target, payload):
            return len(payload)
        relay = self._relay
        assert relay is not None
        for packet in packets:
            self._push(relay.wrap(packet), flags, ancdata)
        return len(payload)

    def _push(self, packet: bytes, flags: int, ancdata: Any) -> None:
        for _ in range(_TRIES):
            try:
                if ancdata:
                    _sendmsg(self, [packet], ancdata, flags)
                else:
                    _send(self, packet, flags)
                return
            except OSError as error:
                self._judge(error)

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """As in the system."""
        started = monotonic()
        if flags != 0 or type(bufsize) is not int or not 0 < bufsize <= _PACKET or not self._stands:
            size = _size(self, bufsize, flags)
            return _cut(self._receive(started, flags)[0], size, flags) if size else b""
        try:
            packet = _recv(self, _PACKET)
        except OSError as error:
            self._judge(error)
            return self._receive(started, flags)[0][:bufsize]
        if packet[:_HEADER] in self._sources:
            return packet[_HEADER : _HEADER + bufsize]
        return self._receive(started, 0, packet)[0][:bufsize]

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]:
        """As in the system; the address is what the header says."""
        started = monotonic()
        packet = None
        if flags == 0 and type(bufsize) is int and 0 < bufsize <= _PACKET and self._stands:
            try:
                packet = _recv(self, _PACKET)
            except OSError as error:
                self._judge(error)
            else:
                source = self._sources.get(packet[:_HEADER])
                if source is not None:
                    return packet[_HEADER : _HEADER + bufsize], source
        size = _size(self, bufsize, flags)
        payload, source, _, _ = self._receive(started, flags, packet)
        return _cut(payload, size, flags), source

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """As in the system."""
        size = _room(buffer, nbytes)
        if not size:
            return 0
        return _fill([buffer], size, self._receive(monotonic(), flags)[0], flags)

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        """As in the system; the address is what the header says."""
        size = _room(buffer, nbytes)
        payload, source, _, _ = self._receive(monotonic(), flags)
        return _fill([buffer], size, payload, flags), source

    def recvmsg(
        self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[bytes, list[Any], int, Any]:
        """As in the system; the ancillary data is of the packet from the relay."""
        size = _size(self, bufsize, flags)
        payload, source, ancdata, told = self._receive(monotonic(), flags, None, ancbufsize)
        if len(payload) > size:
            told |= _TRUNC
        return payload[:size], ancdata, told, source

    def recvmsg_into(
        self, buffers: Iterable[Any], ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[int, list[Any], int, Any]:
        """As in the system; the ancillary data is of the packet from the relay."""
        buffers = list(buffers)
        size = sum(_writable(buffer).nbytes for buffer in buffers)
        payload, source, ancdata, told = self._receive(monotonic(), flags, None, ancbufsize)
        if len(payload) > size:
            told |= _TRUNC
        return _fill(buffers, size, payload, flags), ancdata, told, source

    def _receive(
        self,
        started: float,
        flags: int,
        packet: bytes | None = None,
        ancbufsize: int | None = None,
    ) -> tuple[bytes, Any, list[Any], int]:
        """The general case of receiving: (payload, source, ancillary data, flags).

        The call began at `started`, which its timeout counts from; `packet` has been read.
        """
        self._check_open()
        timeout = self.gettimeout()
        deadline = Deadline(timeout, started) if timeout else None
        late = packet is not None or self._relay is None
        relay = self._relay
        if relay is None or not relay.ended:
            if not self._ready(flags):
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        elif packet is None and not _is_readable(self, 0):
            raise relay.error()  # what had arrived before it ended has been received
        ancdata: list[Any] = []
        told = 0
        for tries in count():
            if packet is None:
                if late and deadline is not None:
                    left = deadline.left()
                    if left == 0 or not _is_readable(self, left):
                        raise TimeoutError("timed out")
                if timeout == 0 and tries >= _TRIES:
                    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                try:
                    if ancbufsize is None:
                        packet = _recv(self, _PACKET, flags & ~_TRUNC)
                    else:
                        packet, ancdata, told, _ = _recvmsg(
                            self, _PACKET, ancbufsize, flags & ~_TRUNC
                        )
                except OSError as error:
                    self._judge(error)
            late = True
            if packet is not None:
                datagram = self._understood(packet, flags & _PEEK)
                if datagram is not None:
                    return datagram[1], datagram[0], ancdata, told
            packet = None
        raise AssertionError("the loop does not end")

    def _understood(self, packet: bytes, peek: int) -> tuple[Any, bytes] | None:
        """Source and payload of a datagram for the user; None where `packet` brings none.

        With `peek` it is still in the kernel, and only what brings none is taken out of there.
        """
        relay = self._relay
        assert relay is not None
        if not packet:
            if relay.ended:
                raise relay.error()
            if _stdlib.SHUT_RD in self._shut or _stdlib.SHUT_RDWR in self._shut:
                return None, b""
        codec, now = self._codec, monotonic()
        plain = self._opened(packet, peek)
        datagram = None
        if plain is not None:
            datagram = codec.peek(plain, now) if peek else codec.receive(plain, now)
        if datagram is not None and self._is_from_peer(unmapped(datagram.address)):
            source = self._shape(unmapped(datagram.address))
            if packet.startswith(_USUAL) and not peek and relay.prefix == b"":
                if len(self._sources) >= _CACHED:
                    self._sources.clear()
                self._sources[packet[:_HEADER]] = source
            return source, datagram.payload
        # A fragment waits for others: what comes between them must not take the short way.
        self._sources.pop(_STANDALONE + packet[3:_HEADER], None)
        if peek:
            try:
                taken = self._opened(_recv(self, _PACKET, _DONTWAIT), 0)
            except BlockingIOError:
                return None  # another thread was faster
            if taken is not None:
                codec.receive(taken, now)
        return None

    def _opened(self, packet: bytes, peek: int) -> bytes | None:
        """The last relay's packet; None, which is counted, for one that did not come that way."""
        assert self._relay is not None
        plain = self._relay.unwrap(packet, keep=bool(peek))
        if plain is None and not peek:
            self._codec.malformed += 1
        return plain

    def _is_constant(self, address: Any) -> bool:
        """Whether `address` will always have the same header: not a name that is looked up here."""
        if type(address[0]) is not str:
            return False
        if not self.resolves_here:
            return True
        return Address.from_tuple(address).type is not AddressType.NAME


def _size(sock: AddressedSocket, bufsize: int, flags: int) -> int:
    """How much the user wants; the errors of the system for what cannot be."""
    size = index(bufsize)
    if not 0 <= size <= sys.maxsize or index(flags) > _LARGEST_FLAGS:
        _recv(sock, size, flags)  # an error
    return size


def _contiguous(data: Any) -> memoryview:
    view = memoryview(data)
    if not view.c_contiguous:
        raise BufferError("memoryview: underlying buffer is not C-contiguous")
    return view


def _writable(buffer: Any) -> memoryview:
    view = memoryview(buffer)
    if view.readonly:
        raise TypeError(f"a read-write bytes-like object is required, not {type(buffer).__name__}")
    if not view.c_contiguous:
        raise TypeError("a contiguous buffer is required")
    return view


def _room(buffer: Any, nbytes: int) -> int:
    """How much is to be received into `buffer`; the errors of the system."""
    view, size = _writable(buffer), index(nbytes)
    if size < 0:
        raise ValueError("negative buffersize in recv_into")
    if size > view.nbytes:
        raise ValueError("buffer too small for requested bytes")
    return size or view.nbytes


def _fill(buffers: Iterable[Any], size: int, payload: bytes, flags: int) -> int:
    """Puts as much of `payload` as `size` allows into `buffers`, one after the other."""
    rest = memoryview(payload)[:size]
    for buffer in buffers:
        view = memoryview(buffer).cast("B")[: len(rest)]
        view[:] = rest[: len(view)]
        rest = rest[len(view) :]
    return len(payload) if flags & _TRUNC else min(len(payload), size)


def _cut(payload: bytes, size: int, flags: int) -> bytes:
    """As the system cuts it; with MSG_TRUNC it tells the whole length."""
    return payload if flags & _TRUNC else payload[:size]


def _is_readable(sock: AddressedSocket, timeout: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(min(timeout, 1e6)))


def _derived(cls: type[socket]) -> type[DatagramSocket]:
    """A class of the user's keeps its own methods, before ours."""
    return type(cls.__name__, (cls, DatagramSocket), {})


def make_datagram(sock: socket, family: int, type: int) -> _stdlib.socket | None:
    """Makes `sock` a `DatagramSocket`, in the middle of its construction.

    Returns one whose fd it is to take, None where the system is to make it.
    """
    cls = sock.__class__
    if not issubclass(cls, DatagramSocket):
        kind = DatagramSocket if cls is socket else _derived(cls)
        sock.__class__ = kind
    assert isinstance(sock, DatagramSocket)
    return sock.start(family, type)
