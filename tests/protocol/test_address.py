from __future__ import annotations

import pickle
import sys
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socks5client.protocol import Address, AddressType
from socks5client.protocol.address import wire_length

# host and port as given, host as normalised, the wire
ON_THE_WIRE = [
    ("192.0.2.1", 80, "192.0.2.1", b"\x01\xc0\x00\x02\x01\x00\x50"),
    ("0.0.0.0", 0, "0.0.0.0", b"\x01\x00\x00\x00\x00\x00\x00"),
    ("2001:DB8::0:1", 443, "2001:db8::1", b"\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01\x01\xbb"),
    ("::", 65535, "::", b"\x04" + bytes(16) + b"\xff\xff"),
    (
        "::ffff:192.0.2.1",
        1,
        str(IPv6Address("::ffff:192.0.2.1")),  # Python 3.13 writes it as given
        b"\x04" + bytes(10) + b"\xff\xff\xc0\x00\x02\x01\0\1",
    ),
    ("example.com", 80, "example.com", b"\x03\x0bexample.com\x00\x50"),
    ("Example.COM.", 80, "Example.COM.", b"\x03\x0cExample.COM.\x00\x50"),
    ("a", 1, "a", b"\x03\x01a\x00\x01"),
    ("n" * 255, 1, "n" * 255, b"\x03\xff" + b"n" * 255 + b"\x00\x01"),
    ("bücher.example", 80, "xn--bcher-kva.example", b"\x03\x15xn--bcher-kva.example\x00\x50"),
    ("BÜCHER.example", 80, "xn--bcher-kva.example", b"\x03\x15xn--bcher-kva.example\x00\x50"),
    ("1.2.3", 80, "1.2.3", b"\x03\x051.2.3\x00\x50"),
    ("_srv.under_score", 80, "_srv.under_score", b"\x03\x10_srv.under_score\x00\x50"),
    ("127.0.0.1", 80, "127.0.0.1", b"\x01\x7f\x00\x00\x01\x00\x50"),
]


@pytest.mark.parametrize(("host", "port", "normal", "wire"), ON_THE_WIRE)
def test_wire(host: str, port: int, normal: str, wire: bytes) -> None:
    address = Address(host, port)
    assert address == (normal, port)
    assert address.encode() == wire
    assert wire_length(wire) == wire_length(wire[:2]) == len(wire)
    assert Address.decode(wire) == address
    assert address.type == wire[0]


BAD = [
    ("", 80, ValueError, "host is empty"),
    ("n" * 256, 80, ValueError, r"^host 'n{40}\.\.\.' is 256 bytes long, 255 is the most$"),
    ("é" * 250, 80, ValueError, "^host 'é{80}' is not an internationalised name: "),
    ("a\0b", 80, ValueError, r"'a\\x00b' has the character '\\x00'"),
    ("a\r\nb", 80, ValueError, "has the character"),
    ("a b", 80, ValueError, "has the character ' '"),
    ("a\x7f", 80, ValueError, "has the character"),
    ("1:2", 80, ValueError, "'1:2' is not an IPv6 address"),
    ("[::1]", 80, ValueError, "is not an IPv6 address"),
    ("fe80::1%eth0", 80, ValueError, "has a zone"),
    ("xn--\N{SNOWMAN}..\u200b", 80, ValueError, "not an internationalised name"),
    ("a", -1, ValueError, "port -1 is outside 0 to 65535"),
    ("a", 65536, ValueError, "port 65536 is outside 0 to 65535"),
    ("a", "80", TypeError, "port must be an int, not str"),
    (b"a", 80, TypeError, "host must be a str, not bytes"),
    (None, 80, TypeError, "host must be a str, not NoneType"),
]


@pytest.mark.parametrize(("host", "port", "error", "match"), BAD)
def test_refused(host: str, port: int, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        Address(host, port)


def test_a_tuple_of_the_socket_module() -> None:
    assert Address.from_tuple(("a", 1)) == ("a", 1)
    assert Address.from_tuple((b"a", 1)) == ("a", 1)
    assert Address.from_tuple(("::1", 1, 2, 3)) == ("::1", 1)
    assert Address.from_tuple(Address("a", 1)) == ("a", 1)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (Address("192.0.2.1", 1), ("192.0.2.1", 1)),
        (Address("a", 1), ("a", 1)),
        (Address("::1", 1), ("::1", 1, 0, 0)),
    ],
)
def test_as_the_socket_module_has_it(address: Address, expected: tuple[object, ...]) -> None:
    assert address.to_tuple() == expected
    assert type(address.to_tuple()) is tuple
    assert Address.from_tuple(address.to_tuple()) == address


@pytest.mark.parametrize("address", [("a",), ("a", 1, 2), ["a", 1], "a:1", None, 5])
def test_another_shape(address: object) -> None:
    with pytest.raises(TypeError, match="an address is a tuple"):
        Address.from_tuple(address)  # type: ignore[arg-type]


class Port(int):
    """An int to whoever asks for one."""


def test_what_only_equals_a_port_is_none() -> None:
    assert Address.from_tuple(("known.test", 80)) == ("known.test", 80)
    with pytest.raises(TypeError, match="port must be an int, not float"):
        Address.from_tuple(("known.test", 80.0))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="host must be a str, not NoneType"):
        Address.from_tuple((None, 80))  # type: ignore[arg-type]
    assert Address.from_tuple(("known.test", Port(80))) == ("known.test", 80)


def test_bytes_outside_ascii() -> None:
    with pytest.raises(ValueError, match="is not ASCII"):
        Address.from_tuple((b"\xff", 1))


@pytest.mark.parametrize(
    "wire", [b"\x03\x00\x00\x50", b"\x03\x01\xff\x00\x50", b"\x03\x02a\n\x00\x50"]
)
def test_a_name_on_the_wire_that_is_none(wire: bytes) -> None:
    with pytest.raises(ValueError):
        Address.decode(wire)


@pytest.mark.parametrize("kind", [0, 2, 5, 9, 255])
def test_unknown_address_type(kind: int) -> None:
    with pytest.raises(ValueError, match=f"unknown address type {kind:#04x}"):
        wire_length(bytes((kind, 1)))


@pytest.mark.parametrize(
    ("host", "port", "usable"),
    [
        ("192.0.2.1", 80, True),
        ("::1", 80, True),
        ("10.0.0.1", 1, True),
        ("1.0.0.0", 1, True),
        ("0.0.0.0", 80, False),
        ("::", 80, False),
        ("192.0.2.1", 0, False),
        ("example.com", 80, False),
    ],
)
def test_usable(host: str, port: int, usable: bool) -> None:
    assert Address(host, port).is_usable is usable


def test_as_a_value() -> None:
    address = Address("::1", 80)
    assert str(address) == "[::1]:80"
    assert str(Address("a", 80)) == "a:80"
    assert repr(address) == "Address(host='::1', port=80)"
    assert pickle.loads(pickle.dumps(address)) == address
    assert hash(address) == hash(("::1", 80))
    assert address.type is AddressType.IPV6
    with pytest.raises(AttributeError):
        address.port = 1
    with pytest.raises(AttributeError):
        address.other = 1  # type: ignore[attr-defined]


def test_idna_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    # IDNA 2003 folds the sharp s, IDNA 2008 keeps it; hosts of no other test, for the cache.
    assert Address("straße.example", 1).host == "xn--strae-oqa.example"
    monkeypatch.setitem(sys.modules, "idna", None)
    assert Address("straße.example.net", 1).host == "strasse.example.net"
    with pytest.raises(ValueError, match="not an internationalised name"):
        Address("é" * 64 + ".example", 1)


def test_digits_of_another_script_are_an_address() -> None:
    assert Address("\uff11\uff19\uff12.0.2.9", 1) == ("192.0.2.9", 1)


@given(st.binary(max_size=300))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    """Parse or ValueError, and what parses encodes to an address that means the same."""
    if len(data) < 2:
        return
    try:
        length = wire_length(data)
        if len(data) < length:
            return
        address = Address.decode(data[:length])
    except ValueError:
        return
    assert Address.decode(address.encode()) == address


@given(st.text(max_size=260), st.integers(-1, 65536))
def test_any_host_encodes_or_is_refused(host: str, port: int) -> None:
    try:
        address = Address(host, port)
    except ValueError:
        return
    wire = address.encode()
    assert wire_length(wire) == len(wire)
    assert Address.decode(wire) == address
