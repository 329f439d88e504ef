"""RFC 1961 at the reference server: what it does wrong by plan."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

import pytest

from tests import server_fixture as fixture
from tests.server_fixture import GSS_CATALOGUE, GSS_STAGES, Fault, Server, gss_faults
from tests.test_server_fixture import HELLO, SUCCESS, Client, at
from tests.test_server_fixture import origin as origin
from tests.test_server_fixture import request as socks_request
from tests.test_server_fixture_gssapi import (
    ABORT,
    CONFIDENTIALITY,
    INTEGRITY,
    Initiator,
    connected,
)
from tests.test_server_fixture_gssapi import realm as realm
from tests.test_server_fixture_gssapi_udp import Associated
from tests.test_server_fixture_udp import echo as echo
from tests.test_server_fixture_udp import header

if TYPE_CHECKING:
    from tests.server_fixture import GssFault
    from tests.server_fixture.gss_faults import At


@pytest.mark.parametrize("name", GSS_CATALOGUE)
def test_catalogue(name: str) -> None:
    fault = GSS_CATALOGUE[name]
    with Server(methods=(1,), faults=[fault]) as server, Initiator(server.address) as initiator:
        kind = 1 + GSS_STAGES.index(fault.stage)
        if kind == 2:
            initiator.establish()
            initiator.propose(INTEGRITY)
        else:
            initiator.offer()
            initiator.send_token()
        initiator.client.sock.settimeout(10)
        head = initiator.client.read(2)
        expected = {
            "abort": ABORT,
            "wrong-version": bytes([5, kind]),
            "wrong-type": b"\x01\x03",
            "garbage": b"HT",
        }
        assert head == expected.get(name.removesuffix(f"-{fault.stage}"), bytes([1, kind]))
        if name.startswith(("empty", "garbage-token", "tampered")):
            token = initiator.client.read(int.from_bytes(initiator.client.read(2)))
            with pytest.raises(initiator.raw.GSSError):
                if kind == 1:
                    initiator.raw.init_sec_context(
                        initiator.name, context=initiator.context, input_token=token
                    )
                else:
                    initiator.raw.unwrap(initiator.context, token)


@pytest.mark.parametrize("stage", GSS_STAGES)
def test_close_reset_split_and_truncate(stage: Any) -> None:
    actions = (fixture.close(), fixture.reset(), fixture.split(), fixture.truncate(3))
    plan = [Fault(stage, action, connections={i}) for i, action in enumerate(actions)]

    def proposed() -> Initiator:
        initiator = Initiator(server.address)
        if stage == "gss-token":
            initiator.offer()
            initiator.send_token()
        else:
            initiator.establish()
            initiator.propose(INTEGRITY)
        return initiator

    with Server(methods=(1,), faults=plan) as server:
        with proposed() as initiator:
            assert initiator.client.read_all() == b""
        with proposed() as initiator, pytest.raises(ConnectionResetError):
            initiator.client.read(1)
        with proposed() as initiator:
            assert initiator.read_message(1 + GSS_STAGES.index(stage))
        with proposed() as initiator:
            assert len(initiator.client.read_all()) == 3


def test_reply_in_a_message_for_each_byte(origin: socket.socket) -> None:
    with (
        Server(methods=(1,), faults=[Fault("reply", fixture.split())]) as server,
        Initiator(server.address) as initiator,
    ):
        initiator.agree(CONFIDENTIALITY)
        initiator.send(socks_request(at(origin)))
        assert [len(initiator.open(initiator.read_message(3))) for _ in range(10)] == [1] * 10


def test_reply_and_first_data_in_one_message(origin: socket.socket) -> None:
    with (
        Server(methods=(1,), faults=[Fault("reply", fixture.coalesce())]) as server,
        Initiator(server.address) as initiator,
    ):
        initiator.agree(CONFIDENTIALITY)
        initiator.send(socks_request(at(origin)))
        far, _ = origin.accept()
        with far:
            far.sendall(HELLO)
            assert initiator.open(initiator.read_message(3))[10:] == HELLO


def is_plain(initiator: Initiator, data: bytes, plain: bytes) -> bool:
    return data == plain


def refused(initiator: Initiator, data: bytes, plain: bytes) -> bool:
    """Framed well, and not to be unwrapped."""
    assert data[:4] == struct.pack("!BBH", 1, 3, len(data) - 4)
    with pytest.raises(initiator.raw.GSSError):
        initiator.raw.unwrap(initiator.context, data[4:])
    return True


def is_weaker(initiator: Initiator, data: bytes, plain: bytes) -> bool:
    unwrapped = initiator.raw.unwrap(initiator.context, data[4:])
    return (unwrapped.message, unwrapped.encrypted) == (plain, False)


def is_right(initiator: Initiator, data: bytes, plain: bytes) -> bool:
    return len(data) == 4 + int.from_bytes(data[2:4]) and initiator.open(data[4:]) == plain


def is_twice(initiator: Initiator, data: bytes, plain: bytes) -> bool:
    half = len(data) // 2
    return data[:half] == data[half:] and is_right(initiator, data[:half], plain)


def is_preceded(initiator: Initiator, data: bytes, plain: bytes) -> bool:
    length = 4 + int.from_bytes(data[2:4])
    assert initiator.open(data[4:length]) == b""
    return is_right(initiator, data[length:], plain)


CHANGES: dict[str, Any] = {
    "unprotected": (gss_faults.unprotected, is_plain),
    "unwrapped": (gss_faults.unwrapped, refused),
    "weaker": (gss_faults.weaker, is_weaker),
    "stronger": (gss_faults.stronger, is_right),
    "tampered": (gss_faults.tampered, refused),
    "truncated": (
        lambda at: gss_faults.truncated(7, at=at),
        lambda initiator, data, plain: len(data) == 7 and data[:2] == b"\x01\x03",
    ),
    "wrong_length": (
        lambda at: gss_faults.wrong_length(at=at),
        lambda initiator, data, plain: data[:4] == b"\x01\x03\xff\xff" and len(data) > 50,
    ),
    "wrong_header": (
        lambda at: gss_faults.wrong_header(mtyp=1, at=at),
        lambda initiator, data, plain: data[:2] == b"\x01\x01",
    ),
    "aborted": (gss_faults.aborted, lambda initiator, data, plain: data == ABORT),
    "replayed": (gss_faults.replayed, is_twice),
    "empty_token": (
        gss_faults.empty_token,
        lambda initiator, data, plain: data == b"\x01\x03\0\0",
    ),
    "empty_message": (gss_faults.empty_message, is_preceded),
    "chopped": (lambda at: gss_faults.chopped(5, at=at), is_right),
}


@pytest.mark.parametrize("place", ["reply", "data"])
@pytest.mark.parametrize("name", CHANGES)
def test_gss_faults_of_streams(origin: socket.socket, name: str, place: At) -> None:
    make, check = CHANGES[name]
    with (
        Server(methods=(1,), gss_faults=[make(at=place)]) as server,
        Initiator(server.address) as initiator,
    ):
        initiator.agree(CONFIDENTIALITY)
        initiator.send(socks_request(at(origin)))
        if place == "data":
            assert initiator.receive(10)[:4] == SUCCESS
        far, _ = origin.accept()
        with far:
            if place == "data":
                far.sendall(HELLO)
            server.wait_for(lambda s: s.requests[0].bytes_down == 5 * (place == "data"))
            server.wait_for(lambda s: s.requests[0].stage == "data")
            far.shutdown(socket.SHUT_WR)
            data = initiator.client.read_all()
        plain = HELLO if place == "data" else bytes(server.requests[0].sent[-10:])
        assert check(initiator, data, plain)


@pytest.mark.parametrize("name", CHANGES)
def test_gss_faults_of_datagrams(echo: tuple[str, int], name: str) -> None:
    make, check = CHANGES[name]
    with (
        Server(methods=(1,), gss_faults=[make(at="datagram")]) as server,
        Initiator(server.address) as initiator,
        Associated(initiator, CONFIDENTIALITY) as association,
    ):
        association.send(echo)
        data = association.receive_raw()
        if name in ("replayed", "empty_message"):
            data += association.receive_raw()
        while name == "chopped" and len(data) < 4 + int.from_bytes(data[2:4]):
            data += association.receive_raw()
        assert check(initiator, data, header(echo) + HELLO)


def test_times_and_skip(origin: socket.socket) -> None:
    faults: list[GssFault] = [
        gss_faults.empty_token(times=1, skip=1),
        gss_faults.wrong_header(version=5, times=1),
        gss_faults.aborted(at="reply", skip=1),
    ]
    with Server(methods=(1,), gss_faults=faults) as server:
        for _ in range(2):  # counted for each connection
            initiator, far = connected(server, origin, INTEGRITY)
            with initiator, far:
                initiator.send(HELLO)
                Client(far).read(len(HELLO))
                for start in (b"\x05\x03", b"\x01\x03\0\0", b"\x01\x03"):
                    far.sendall(HELLO)
                    assert initiator.client.read(len(start)) == start
                    if start == b"\x05\x03":
                        initiator.client.read(int.from_bytes(initiator.client.read(2)))


def test_no_such_place() -> None:
    with pytest.raises(ValueError, match="no such place"):
        gss_faults.weaker(at="nowhere")  # type: ignore[arg-type]
