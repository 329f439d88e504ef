"""The handshake on a connection: the usual exchange, or whatever else it comes to."""

from __future__ import annotations

from functools import partial

from ..errors import HandshakeTimeout, RemoteProtocolError, SocksError
from ..handshake import Handshake
from ..protocol import Address, Command, Reply, Request
from ..protocol.usual import ADDRESS_START, usual_turns
from .deadline import is_timeout
from .waiting import Aside, Wait, receive, send

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

    from ..route import Chain
    from .deadline import Deadline
    from .waiting import Waiting


def converse(
    handshake: Handshake, sock: socket.socket, deadline: Deadline | None
) -> Waiting[Reply]:
    """Moves the bytes of `handshake` over `sock`; returns its reply, of BIND the first.

    `deadline` bounds it where `sock` blocks. Raises a SocksError.
    """
    while True:
        data = handshake.data_to_send()
        try:
            if data:
                yield from send(sock, data, deadline)
            data = yield from receive(sock, handshake.bytes_needed, deadline, answer=bool(data))
        except OSError as error:
            raise handshake.placed(broken(error)) from error
        if handshake.blocks:
            try:
                yield Aside(partial(handshake.receive_data, data))
            except TimeoutError as error:
                if not is_timeout(error):
                    raise
                raise handshake.placed(broken(error)) from error
        else:
            handshake.receive_data(data)
        reply = handshake.rendezvous or handshake.reply
        if reply is not None:
            return reply


def converse_as_usual(
    chain: Chain,
    command: Command,
    address: Address,
    sock: socket.socket,
    deadline: Deadline | None,
) -> Waiting[Reply]:
    """The usual exchange, as long as it is that; else all is left to a `Handshake`.

    `chain` is one proxy, which is asked by `command` for `address`; otherwise as `converse`. All
    in one frame: right after the kernel has waited each call costs microseconds.
    """
    received = b""
    failure = None
    blocks = sock.gettimeout() != 0
    try:
        for message, count, usual in usual_turns(command, address):
            if deadline is not None:
                deadline.apply(sock)
            if message:
                sock.sendall(message)  # a new connection takes so few bytes at once
                if not blocks:
                    yield Wait((sock,))
            while True:
                try:
                    data = sock.recv(count)
                    break
                except BlockingIOError:
                    yield Wait((sock,))
            received += data
            if data != usual and (usual is not None or len(data) < count):
                break
        else:
            # Each connection makes one, and Reply(...) takes four times as long.
            return tuple.__new__(Reply, (0, received[ADDRESS_START:]))
    except OSError as error:
        failure = error
    steps = converse_otherwise(chain, command, address, sock, deadline, received, failure)
    return (yield from steps)


def converse_otherwise(
    chain: Chain,
    command: Command,
    address: Address,
    sock: socket.socket,
    deadline: Deadline | None,
    received: bytes,
    failure: OSError | None,
) -> Waiting[Reply]:
    """What comes of an exchange that began as usual, until `received` was not, or by `failure`.

    `chain`, `command`, `address`, `sock` and `deadline` are as for `converse_as_usual`, and so is
    what it returns and raises.
    """
    handshake = Handshake(chain, Request(command, address))
    if received:
        handshake.receive_data(received)
    if failure is not None:
        raise handshake.placed(broken(failure)) from failure
    handshake.data_to_send()  # that has been sent
    return (yield from converse(handshake, sock, deadline))


def broken(error: OSError) -> SocksError:
    """What `error`, of the connection, means in the middle of the handshake."""
    if is_timeout(error):
        return HandshakeTimeout("the proxy did not finish the handshake in time")
    return RemoteProtocolError(
        f"the connection to the proxy broke in the handshake: {error.strerror or error}"
    )
