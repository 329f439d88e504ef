"""The calls of the drop-in UDP socket: all go through the header (RFC 1928 section 7).

What is usual, an IPv4 header that was seen before, takes a look at a table and no more; all the
rest goes through `_send_out` and `_receive`.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket as _stdlib
from time import monotonic

from ..protocol import Address, AddressType
from ..protocol.datagram import HEADER_LENGTH, header
from ..route import DIRECT, find_route
from ..sync import Deadline
from .associated import AssociatedSocket
from .stream import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# The C methods.
_recv = _stdlib.socket.recv
_recvfrom = _stdlib.socket.recvfrom
_recvmsg = _stdlib.socket.recvmsg
_send = _stdlib.socket.send
_sendmsg = _stdlib.socket.sendmsg

# Packets are read whole, whatever the user asks for: of a fragment nothing may be lost. In the
# kernel that costs nothing.
_PACKET = 65535
_HEADER = HEADER_LENGTH[AddressType.IPV4]
_STANDALONE = b"\0\0\0"
_USUAL = _STANDALONE + bytes((AddressType.IPV4,))
_CACHED = 256

_PEEK = _stdlib.MSG_PEEK
_TRUNC = getattr(_stdlib, "MSG_TRUNC", 0)
_DONTWAIT = getattr(_stdlib, "MSG_DONTWAIT", 0)
_MORE = getattr(_stdlib, "MSG_MORE", 0)


class DatagramSocket(AssociatedSocket):
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
        if head is None or flags or self._fragments:
            return self._send_out(data, flags, None)
        try:
            return _send(self, head + data) - len(head)
        except OSError as error:
            raise self._explained(error) from error.__cause__

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """As in the system: a datagram is sent whole, or not at all."""
        self.send(data, flags)

    def sendto(self, data: Any, *args: Any) -> int:
        """As in the system: sendto(data, address) or sendto(data, flags, address)."""
        if len(args) == 1:
            head = self._headers.get(args[0])
            if head is not None and not self._fragments:
                try:
                    return _send(self, head + data) - len(head)
                except OSError as error:
                    raise self._explained(error) from error.__cause__
            return self._send_out(data, 0, args[0])
        if len(args) != 2:
            raise TypeError(f"sendto() takes 2 or 3 arguments ({len(args) + 1} given)")
        return self._send_out(data, args[0], args[1])

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
        if any(item[0] == _stdlib.IPPROTO_UDP for item in ancdata):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return self._send_out(b"".join(buffers), flags, address, ancdata)

    def _send_out(self, data: Any, flags: int, address: Any, ancdata: Any = ()) -> int:
        """The general case of sending."""
        payload = b"".join((data,))
        if address is None:
            self._check_open()
            if self._target is None:
                raise OSError(errno.EDESTADDRREQ, os.strerror(errno.EDESTADDRREQ))
            target = self._target
        else:
            target = self._resolve(address)
        if target.port == 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if flags & _MORE:
            raise OSError(errno.EOPNOTSUPP, "MSG_MORE: a datagram is sent at once")
        packets = self._codec.send(target, payload)
        if not self._ready(flags) and self._wait_in_line(target, payload):
            return len(payload)
        relay = self._relay
        assert relay is not None
        try:
            for packet in packets:
                if ancdata:
                    _sendmsg(self, [relay.prefix, packet], ancdata, flags)
                else:
                    _send(self, relay.prefix + packet, flags)
        except OSError as error:
            raise self._explained(error) from error.__cause__
        if address is not None and self._is_constant(address):
            if len(self._headers) >= _CACHED:
                self._headers.clear()
            self._headers[address] = relay.prefix + header(target)
        return len(payload)

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """As in the system."""
        started = monotonic()
        if flags or bufsize <= 0 or not self._stands:
            if bufsize <= 0:
                return _recv(self, bufsize)  # nothing, or an error
            return _cut(self._receive(started, flags)[0], bufsize, flags)
        try:
            packet = _recv(self, _PACKET)
        except OSError as error:
            raise self._explained(error) from error.__cause__
        if packet[:_HEADER] in self._sources:
            return packet[_HEADER : _HEADER + bufsize]
        return self._receive(started, 0, packet)[0][:bufsize]

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]:
        """As in the system; the address is what the header says."""
        started = monotonic()
        if flags or bufsize < 0 or not self._stands:
            if bufsize < 0:
                return _recvfrom(self, bufsize)  # an error
            payload, source, _, _ = self._receive(started, flags)
            return _cut(payload, bufsize, flags), source
        try:
            packet = _recv(self, _PACKET)
        except OSError as error:
            raise self._explained(error) from error.__cause__
        source = self._sources.get(packet[:_HEADER])
        if source is not None:
            return packet[_HEADER : _HEADER + bufsize], source
        payload, source, _, _ = self._receive(started, 0, packet)
        return payload[:bufsize], source

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """As in the system."""
        size = _room(buffer, nbytes)
        return _fill([buffer], size, self._receive(monotonic(), flags)[0], flags) if size else 0

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        """As in the system; the address is what the header says."""
        size = _room(buffer, nbytes)
        payload, source, _, _ = self._receive(monotonic(), flags)
        return _fill([buffer], size, payload, flags), source

    def recvmsg(
        self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[bytes, list[Any], int, Any]:
        """As in the system; the ancillary data is of the packet from the relay."""
        if bufsize < 0:
            return _recvmsg(self, bufsize, ancbufsize, flags)  # an error
        payload, source, ancdata, told = self._receive(monotonic(), flags, None, ancbufsize)
        if len(payload) > bufsize:
            told |= _TRUNC
        return payload[:bufsize], ancdata, told, source

    def recvmsg_into(
        self, buffers: Iterable[Any], ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[int, list[Any], int, Any]:
        """As in the system; the ancillary data is of the packet from the relay."""
        buffers = list(buffers)
        size = sum(memoryview(buffer).nbytes for buffer in buffers)
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
        timeout = self.gettimeout()
        deadline = Deadline(timeout, started) if timeout and not flags & _DONTWAIT else None
        late = packet is not None or self._relay is None
        relay = self._relay
        if relay is None or not relay.ended:
            if not self._ready(flags):
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        elif packet is None and not _is_readable(self, 0):
            raise relay.error()  # what had arrived before it ended has been received
        ancdata: list[Any] = []
        told = 0
        while True:
            if packet is None:
                if late and deadline is not None and not _is_readable(self, deadline.left()):
                    raise TimeoutError("timed out")
                packet, ancdata, told = self._read(flags & ~_TRUNC, ancbufsize)
            late = True
            datagram = self._understood(packet, flags & _PEEK)
            if datagram is not None:
                return datagram[1], datagram[0], ancdata, told
            packet = None

    def _read(self, flags: int, ancbufsize: int | None) -> tuple[bytes, list[Any], int]:
        try:
            if ancbufsize is None:
                return _recv(self, _PACKET, flags), [], 0
            packet, ancdata, told, _ = _recvmsg(self, _PACKET, ancbufsize, flags)
            return packet, ancdata, told
        except OSError as error:
            raise self._explained(error) from error.__cause__

    def _understood(self, packet: bytes, peek: int) -> tuple[Any, bytes] | None:
        """Source and payload of a datagram for the user; None where `packet` brings none.

        With `peek` it is still in the kernel, and only what brings none is taken out of there.
        """
        relay = self._relay
        assert relay is not None
        if not packet:
            if relay.ended:
                raise relay.error()
            if self._read_shut:
                return None, b""
        codec, now = self._codec, monotonic()
        if not packet.startswith(relay.prefix):
            codec.malformed += 1
            return None
        packet = packet[len(relay.prefix) :]
        datagram = codec.peek(packet, now) if peek else codec.receive(packet, now)
        if datagram is not None and self._is_from_peer(datagram.address):
            source = self._shape(datagram.address)
            if packet.startswith(_USUAL) and not peek and not relay.prefix:
                if len(self._sources) >= _CACHED:
                    self._sources.clear()
                self._sources[packet[:_HEADER]] = source
            return source, datagram.payload
        # A fragment waits for others: what comes between them must not take the short way.
        self._sources.pop(_STANDALONE + packet[3:_HEADER], None)
        if peek:
            try:
                codec.receive(_recv(self, _PACKET, _DONTWAIT)[len(relay.prefix) :], now)
            except BlockingIOError:
                pass  # another thread was faster
        return None

    def _is_constant(self, address: Any) -> bool:
        """Whether `address` will always have the same header: not a name that is looked up here."""
        if type(address[0]) is not str:
            return False
        route = find_route(self._route)
        if route is DIRECT or route[-1].remote_dns:
            return True
        return Address.from_tuple(address).type is not AddressType.NAME


def _room(buffer: Any, nbytes: int) -> int:
    """How much is to be received into `buffer`; the errors of the system."""
    view = memoryview(buffer)
    if view.readonly:
        raise TypeError(f"a read-write buffer is required, not {type(buffer).__name__}")
    if nbytes < 0:
        raise ValueError("negative buffersize in recv_into")
    if nbytes > view.nbytes:
        raise ValueError("buffer too small for requested bytes")
    return nbytes or view.nbytes


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


def _is_readable(sock: AssociatedSocket, timeout: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(timeout))


def make_datagram(sock: socket) -> None:
    """Makes `sock` a `DatagramSocket`, in the middle of its construction."""
    cls = type(sock)
    if not issubclass(cls, DatagramSocket):
        # A class of the user's keeps its own methods, before ours.
        kind = DatagramSocket if cls is socket else type(cls.__name__, (cls, DatagramSocket), {})
        sock.__class__ = kind
    assert isinstance(sock, DatagramSocket)
    sock.start()
