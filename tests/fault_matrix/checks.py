"""What is checked of every row: how long it took, the error, what the proxy received."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import pytest

from socks5client import HandshakeTimeout, SocksError
from tests.fault_matrix.receiving import RESETS, TIMEOUTS, own, receive_within
from tests.fault_matrix.rows import DEADLINES, GRACE, PATIENCE, Fails, Works
from tests.origins import read_exactly
from tests.server_fixture import wire

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from tests.drivers import Connection
    from tests.fault_matrix.rows import Command, Row
    from tests.fault_matrix.scene import Scene

NUMBERS: dict[Command, int] = {"CONNECT": 1, "BIND": 2, "UDP ASSOCIATE": 3}
HANDSHAKE_RECORD, ALERT_RECORD = 0x16, 0x15


def in_time(row: Row, attempt: Callable[[float], float]) -> None:
    """`attempt`, given a timeout, makes all its checks, and says how long the call took.

    Where it was too long it is repeated: a busy machine holds up one of them, but hardly three
    in a row, and a driver that is late is late each time.
    """
    late = []
    for deadline in DEADLINES:
        took = attempt(deadline if row.waits else PATIENCE)
        limit = deadline + GRACE  # also where nothing is waited for: TLS alone takes its time
        if took <= limit:
            return
        late.append((took, limit))
    pytest.fail(f"three times later than it may be, in seconds: {late}")


def fails(row: Row, timeout: float, call: Callable[[], object]) -> tuple[OSError, float]:
    """The error of `call`, which is the row's, and how long that took in seconds."""
    assert isinstance(row.outcome, Fails)
    begun = time.monotonic()
    with pytest.raises(row.outcome.errors, match=row.outcome.match) as caught:
        call()
    took = time.monotonic() - begun
    error = caught.value
    assert type(error) in row.outcome.errors
    assert "secret" not in f"{error} {error!r} {vars(error)}"
    assert not row.waits or took > 0.9 * timeout
    return error, took


def check_place(error: OSError, scene: Scene, target: tuple[str, int]) -> None:
    """The error says who is at fault, and what for."""
    assert isinstance(error, SocksError)
    assert error.errno
    if isinstance(error, HandshakeTimeout) and "the caller gives up" in str(error):
        return  # where the call itself has no timeout
    assert (error.proxy, error.target) == scene.blamed(target)


def check_received(
    row: Row, scene: Scene, command: Command, target: tuple[str, int], took: float
) -> float:
    """Nothing came but what belongs to the messages up to the fault; `took`, or for ever.

    That is where the machine was so busy that the deadline passed before the fault struck.
    """
    if scene.server is None:
        return took
    exchange = scene.server.exchanges[-1]
    received = bytes(exchange.received)
    if row.sent == "hello":
        expected = received if is_hello(received) else b"a ClientHello"
    elif scene.gss:
        expected = gss_messages(row, received, command, target)
    else:
        expected = messages(row, scene.password, command, target)
    if isinstance(row.outcome, Fails) and row.stage != "association":
        assert exchange.bytes_up == 0
    if row.waits and received != expected and expected.startswith(received):
        return took if row.loses else math.inf
    assert received == expected or (row.loses and expected.startswith(received))
    return took


def messages(row: Row, password: bool, command: Command, target: tuple[str, int]) -> bytes:
    """The client's messages up to the last one of the row's."""
    if row.sent == "nothing":
        return b""
    sent = b"\x05\x02\x02\x00" if password else b"\x05\x01\x00"
    if row.sent != "offer" and password:
        sent += b"\x01\x05alice\x06secret"
    return sent + request(command, target) if row.sent == "request" else sent


def request(command: Command, target: tuple[str, int]) -> bytes:
    return bytes((5, NUMBERS[command], 0)) + wire.encode_address(*target)


def is_hello(received: bytes) -> bool:
    """A ClientHello, and maybe an alert, but nothing that TLS protects."""
    kinds = []
    while received:
        kinds.append(received[0])
        received = received[5 + int.from_bytes(received[3:5], "big") :]
    return kinds in ([HANDSHAKE_RECORD], [HANDSHAKE_RECORD, ALERT_RECORD])


def gss_messages(row: Row, received: bytes, command: Command, target: tuple[str, int]) -> bytes:
    """What is right of `received`: the offer, one token, its level where it comes so far.

    Kerberos's tokens are no two times the same, so they are taken from there.
    """
    sent, rest = b"\x05\x01\x01", received[3:]
    for kind in (1,) if row.sent == "token" else (1, 2):
        length = 4 + int.from_bytes(rest[2:4], "big")
        sent += bytes((1, kind)) + rest[2:length]
        rest = rest[length:]
    return sent + request(command, target) if row.sent == "request" else sent


def check_before(scene: Scene) -> None:
    """The proxy before the faulty one was asked to connect to that, and nowhere else."""
    if scene.before is not None:
        asked = {(one.host, one.port) for one in scene.before.requests if one.command == 1}
        assert asked == {(scene.faulty.host, scene.faulty.port)}


def check_data(connection: Connection, peer: socket.socket, row: Row, scene: Scene) -> None:
    """What arrives is the row's, and so is the end."""
    works, server = row.outcome, scene.server
    assert isinstance(works, Works)
    assert server is not None
    assert read_exactly(connection, len(works.data)) == works.data
    if works.end == "open":
        connection.sendall(b"ping")
        assert read_exactly(peer, 4) == b"ping"
        peer.sendall(b"pong")
        assert read_exactly(connection, 4) == b"pong"
    elif works.end == "stall":
        with pytest.raises(own(TIMEOUTS, connection)):
            receive_within(connection, DEADLINES[0])
    else:
        server.hang_up(server.exchanges[-1], works.end)
        if works.end == "close":
            assert connection.recv(1) == b""
        else:
            with pytest.raises(own(RESETS, connection)):
                connection.recv(1)
