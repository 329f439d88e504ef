"""Two ends of a connection within this machine: one for a user, the other to be served by us."""

from __future__ import annotations

import socket
import struct

from ._plain import Plain, moved

# Of a drop-in socket too, which would ask what its connect has come to.
_setsockopt = Plain.setsockopt

# How much an end holds in each direction, in bytes.
BUFFER = 4 * 65536
_NARROW = BUFFER // 8
# As SO_LINGER: makes close() reset the connection.
RESET = struct.pack("ii", 1, 0)


def widen(sock: socket.socket) -> None:
    """Gives an end of a `pair` buffers for bulk data.

    The wire has buffers that grow; here they would only delay it.
    """
    _setsockopt(sock, socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    _setsockopt(sock, socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)


def pair(*, narrow: bool = False) -> tuple[socket.socket, socket.socket]:
    """Two ends of a connection: by TCP, which can be reset, where there is a loopback.

    The first is for the user. Where it is to be `narrow`, it can be filled: what it holds then
    is far more than the other end has room for, so no late acknowledgment makes it writable.
    """
    try:
        with Plain(socket.AF_INET) as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            one = Plain(socket.AF_INET)
            try:
                if narrow:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _NARROW)
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _NARROW // 4)
                one.connect(listener.getsockname())
                accepted, peer = listener.accept()
                other = moved(accepted, Plain)
                if peer == one.getsockname():
                    if hasattr(socket, "TCP_LINGER2"):
                        # So that close() is told apart from a half-close: a reset follows it.
                        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_LINGER2, -1)
                    for sock in (one, other):
                        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    return one, other
                other.close()  # another program was faster
            except BaseException:
                one.close()
                raise
            one.close()
    except OSError:
        pass
    return socket.socketpair()
