from __future__ import annotations

import pytest

from socks5client import RemoteProtocolError
from socks5client.protocol import (
    Address,
    AddressType,
    Command,
    Method,
    MethodOffer,
    MethodSelection,
    Reply,
    Request,
)


def test_the_codes_are_those_of_the_rfc() -> None:
    """And the last two commands Tor's."""
    assert {method.name: method.value for method in Method} == {
        "NO_AUTHENTICATION": 0,
        "GSSAPI": 1,
        "USERNAME_PASSWORD": 2,
        "NO_ACCEPTABLE": 255,
    }
    assert {command.name: command.value for command in Command} == {
        "CONNECT": 1,
        "BIND": 2,
        "UDP_ASSOCIATE": 3,
        "RESOLVE": 240,
        "RESOLVE_PTR": 241,
    }
    assert {kind.name: kind.value for kind in AddressType} == {"IPV4": 1, "NAME": 3, "IPV6": 4}


@pytest.mark.parametrize(
    ("methods", "wire"),
    [
        ((0,), b"\x05\x01\x00"),
        ((2, 0), b"\x05\x02\x02\x00"),
        ((Method.GSSAPI, 0x80), b"\x05\x02\x01\x80"),
        (tuple(range(255)), b"\x05\xff" + bytes(range(255))),
    ],
)
def test_method_offer(methods: tuple[int, ...], wire: bytes) -> None:
    assert MethodOffer(methods).encode() == wire


@pytest.mark.parametrize("method", [0, 2, 0x80, 0xFF])
def test_method_selection(method: int) -> None:
    assert MethodSelection.decode(bytes((5, method))).method == method


@pytest.mark.parametrize("version", [0, 1, 4, 6, 72])
def test_versions_other_than_five(version: int) -> None:
    with pytest.raises(RemoteProtocolError, match=f"selection has the version {version:#04x}, not"):
        MethodSelection.decode(bytes((version, 0)))
    with pytest.raises(
        RemoteProtocolError, match=rf"\] the reply has the version {version:#04x}, not 0x05$"
    ):
        Reply.decode_code(bytes((version, 0)))


@pytest.mark.parametrize(
    ("command", "address", "wire"),
    [
        (Command.CONNECT, Address("192.0.2.1", 80), b"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50"),
        (Command.BIND, Address("::", 0), b"\x05\x02\x00\x04" + bytes(18)),
        (Command.UDP_ASSOCIATE, Address("0.0.0.0", 0), b"\x05\x03\x00\x01" + bytes(6)),
        (0xF0, Address("a.onion", 1), b"\x05\xf0\x00\x03\x07a.onion\x00\x01"),
    ],
)
def test_request(command: int, address: Address, wire: bytes) -> None:
    assert Request(command, address).encode() == wire


@pytest.mark.parametrize(
    ("wire", "bound", "port"),
    [
        (b"\x05\x00\x00\x01\xc0\x00\x02\x01\x00\x50", Address("192.0.2.1", 80), 80),
        (b"\x05\x00\x00\x04" + bytes(15) + b"\x01\x01\xbb", Address("::1", 443), 443),
        (b"\x05\x00\x00\x03\x01a\xff\xff", Address("a", 65535), 65535),
        (b"\x05\x00\x00\x03\x00\x00\x50", None, 80),
        (b"\x05\x00\x00\x03\x00\x00\x00", None, 0),
        (b"\x05\x00\x00\x03\x02\xff\n\x04\x38", None, 1080),
        (b"\x05\x00\x77\x01" + bytes(6), Address("0.0.0.0", 0), 0),
    ],
)
def test_reply(wire: bytes, bound: Address | None, port: int) -> None:
    assert Reply.decode_code(wire[: Reply.START]) == 0
    assert Reply.length(wire[: Reply.HEAD]) == len(wire)
    reply = Reply(0, wire[3:])
    assert (reply.bound, reply.port) == (bound, port)


def test_reply_of_failure_has_no_address() -> None:
    assert (Reply(5).bound, Reply(5).port) == (None, 0)


@pytest.mark.parametrize("kind", [0, 2, 9, 255])
def test_reply_of_unknown_address_type(kind: int) -> None:
    with pytest.raises(RemoteProtocolError, match=f"reply has an unknown address type {kind:#04x}"):
        Reply.length(bytes((5, 0, 0, kind, 1)))
