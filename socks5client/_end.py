"""One of the two sockets between which `_bridge` moves bytes."""

from __future__ import annotations

import socket
import sys

from ._pair import BUFFER

try:
    import fcntl
    import termios
except ImportError:  # Windows, which has no poll() either
    pass

# What is read, into the one thread's own piece of memory.
_room = memoryview(bytearray(BUFFER))


class End:
    """One of the two sockets of a link, and what is still to be written to it."""

    def __init__(self, sock: socket.socket, pending: bytes = b"") -> None:
        sock.setblocking(False)
        self.sock = sock
        self.fd = sock.fileno()
        self.pending = bytearray(pending)
        self.ended = False  # its peer will send nothing more
        self.shut = False  # we will write nothing more
        self.hung = False  # poll() said so: it would say so for ever
        self.mask: int | None = None  # what it is registered for

    def read(self, most: int) -> memoryview | None:
        """What has arrived, nothing at the end, None for nothing yet; good until the next one."""
        try:
            count = self.sock.recv_into(_room, most)
        except BlockingIOError:
            return None
        self.ended = not count
        return _room[:count]

    def write(self, data: bytes | memoryview) -> None:
        """Writes what the kernel takes at once; the rest is pending."""
        if not self.pending:
            try:
                data = data[self.sock.send(data) :]
            except BlockingIOError:
                pass
        self.pending += data

    def flush(self) -> bool:
        """Writes what the kernel takes; True when nothing is pending."""
        try:
            while self.pending:
                del self.pending[: self.sock.send(self.pending)]
        except BlockingIOError:
            return False
        return True

    def unsent(self) -> int:
        """How many bytes the kernel has that its peer has not taken."""
        return int.from_bytes(fcntl.ioctl(self.fd, termios.TIOCOUTQ, bytes(4)), sys.byteorder)

    def shutdown(self) -> None:
        """Tells the peer that nothing more comes, once."""
        if not self.shut:
            self.shut = True
            self.sock.shutdown(socket.SHUT_WR)
