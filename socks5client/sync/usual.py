"""The usual CONNECT on a socket that blocks, in one frame.

It is what `tunnel.open_tunnel` does there, without its generators, which are a fifth of what a
connect costs: right after the kernel has waited each call counts. At the first thing that is not
usual the conversation goes on as any other.
"""

from __future__ import annotations

from ..protocol import Command, Reply
from ..protocol.usual import ADDRESS_START, usual_turns
from ..tunnel import Tunnel
from ..tunnel.conversing import converse_otherwise
from ..tunnel.dial import begin_to_connect, unreached
from .running import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from ..protocol import Address
    from ..route import Chain
    from ..tunnel.deadline import Deadline
    from ..tunnel.dial import Way

_CONNECT = Command.CONNECT  # a member of an Enum is slow to reach
_new = tuple.__new__  # and a named tuple slow to call


def connect_as_usual(
    chain: Chain,
    target: Address,
    way: Way,
    deadline: Deadline | None,
    make: Callable[[int], socket.socket],
) -> Tunnel:
    """As `tunnel.open_tunnel` with CONNECT, where `tunnel.opening.usual_way` has said `way`.

    `chain`, `target`, `deadline` and `make` are as there. Raises a SocksError.
    """
    try:
        sock = make(way[0])
    except OSError as error:
        raise unreached(chain[0], target, error) from error
    try:
        try:
            begin_to_connect(sock, way[1], deadline)
        except OSError as error:
            raise unreached(chain[0], target, error) from error
        received, failure = b"", None
        try:
            for message, count, usual in usual_turns(_CONNECT, target):
                if deadline is not None:
                    deadline.apply(sock)
                if message:
                    sock.sendall(message)
                data = sock.recv(count)
                received += data
                if data != usual and (usual is not None or len(data) < count):
                    break
            else:
                reply = _new(Reply, (0, received[ADDRESS_START:]))
                return _new(Tunnel, (sock, reply, None, target))
        except OSError as error:
            failure = error
        steps = converse_otherwise(chain, _CONNECT, target, sock, deadline, received, failure)
        return Tunnel(sock, run(steps, deadline), None, target)
    except BaseException:
        sock.close()
        raise
