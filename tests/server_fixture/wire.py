"""The bytes of RFC 1928, RFC 1929 and RFC 1961, as a server reads and writes them.

Written apart from the client's own codec on purpose: were one a copy of the other, a shared
mistake would pass every test.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

VERSION = 5
AUTH_VERSION = 1  # RFC 1929: the version of the sub-negotiation, not of SOCKS

NO_AUTHENTICATION = 0x00
GSSAPI = 0x01
USERNAME_PASSWORD = 0x02
NO_ACCEPTABLE_METHODS = 0xFF

CONNECT, BIND, UDP_ASSOCIATE = 1, 2, 3
RESOLVE, RESOLVE_PTR = 0xF0, 0xF1  # Tor's
COMMAND_NAMES = {
    CONNECT: "CONNECT",
    BIND: "BIND",
    UDP_ASSOCIATE: "UDP-ASSOCIATE",
    RESOLVE: "RESOLVE",
    RESOLVE_PTR: "RESOLVE-PTR",
}

IPV4, NAME, IPV6 = 1, 3, 4

GSS_VERSION = 1  # RFC 1961: VER MTYP LEN TOKEN
GSS_CONTEXT, GSS_LEVEL, GSS_DATA, GSS_ABORT = 1, 2, 3, 0xFF
GSS_ABORT_MESSAGE = bytes([GSS_VERSION, GSS_ABORT])
LARGEST_TOKEN = 0xFFFF

SUCCEEDED = 0
GENERAL_FAILURE = 1
NOT_ALLOWED = 2
NETWORK_UNREACHABLE = 3
HOST_UNREACHABLE = 4
CONNECTION_REFUSED = 5
TTL_EXPIRED = 6
COMMAND_NOT_SUPPORTED = 7
ADDRESS_TYPE_NOT_SUPPORTED = 8

Read = Callable[[int], Awaitable[bytes]]
"""Reads exactly so many bytes."""


class MalformedMessage(Exception):
    """The client said something that the RFC does not allow; `reply_code` if it can be answered."""

    def __init__(self, text: str, reply_code: int | None = None) -> None:
        super().__init__(text)
        self.reply_code = reply_code


@dataclass(frozen=True)
class Request:
    """RFC 1928 section 4: VER CMD RSV ATYP DST.ADDR DST.PORT."""

    command: int
    atyp: int
    host: str
    port: int


def decode_name(octets: bytes) -> str:
    """Any octets, as a str that gives them back (names on the wire have no declared charset)."""
    return octets.decode("utf-8", "surrogateescape")


def encode_name(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def as_ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


async def read_offer(read: Read) -> tuple[int, ...]:
    """The version identifier/method selection message; returns the methods."""
    version, count = await read(2)
    if version != VERSION:
        raise MalformedMessage(f"method offer: version {version:#04x}")
    if count == 0:
        raise MalformedMessage("method offer: no methods")
    return tuple(await read(count))


async def read_credentials(read: Read) -> tuple[bytes, bytes]:
    """RFC 1929: VER ULEN UNAME PLEN PASSWD."""
    version, length = await read(2)
    if version != AUTH_VERSION:
        raise MalformedMessage(f"credentials: version {version:#04x}")
    username = await read(length)
    (length,) = await read(1)
    password = await read(length) if length else b""
    return username, password


async def read_gss(read: Read, expected: int) -> bytes:
    """The token of a context (1) or protection level (2) message."""
    _check_gss(await read(2), expected)
    (length,) = struct.unpack("!H", await read(2))
    return await read(length) if length else b""


def gss_data_length(data: bytes | bytearray) -> int | None:
    """LEN of the encapsulated message (3) that begins here; None while it is not all there."""
    _check_gss(data[:2], GSS_DATA)
    return int.from_bytes(data[2:4], "big") if len(data) >= 4 else None


def _check_gss(head: bytes | bytearray, expected: int) -> None:
    """VER and MTYP, as far as they are there."""
    if head[:1] not in (b"", bytes([GSS_VERSION])):
        raise MalformedMessage(f"GSSAPI message: version {head[0]:#04x}")
    if head == GSS_ABORT_MESSAGE:
        raise MalformedMessage("GSSAPI message: aborted by the client")
    if len(head) == 2 and head[1] != expected:
        raise MalformedMessage(f"GSSAPI message: type {head[1]:#04x}, not {expected:#04x}")


async def read_request(read: Read) -> Request:
    version, command, reserved, atyp = await read(4)
    if version != VERSION:
        raise MalformedMessage(f"request: version {version:#04x}")
    if atyp == IPV4:
        host = str(ipaddress.IPv4Address(await read(4)))
    elif atyp == IPV6:
        host = str(ipaddress.IPv6Address(await read(16)))
    elif atyp == NAME:
        (length,) = await read(1)
        host = decode_name(await read(length)) if length else ""
    else:
        # Nobody knows where such a request ends, so it is the last thing read.
        raise MalformedMessage(
            f"request: address type {atyp:#04x}", reply_code=ADDRESS_TYPE_NOT_SUPPORTED
        )
    (port,) = struct.unpack("!H", await read(2))
    if reserved != 0:
        raise MalformedMessage(f"request: RSV {reserved:#04x}", reply_code=GENERAL_FAILURE)
    if host == "":
        raise MalformedMessage("request: empty name", reply_code=GENERAL_FAILURE)
    return Request(command, atyp, host, port)


def encode_selection(method: int) -> bytes:
    return bytes([VERSION, method])


def encode_status(status: int) -> bytes:
    """RFC 1929's answer: 0 is success, anything else a failure."""
    return bytes([AUTH_VERSION, status])


def encode_gss(kind: int, token: bytes) -> bytes:
    return struct.pack("!BBH", GSS_VERSION, kind, len(token)) + token


def encode_address(host: str, port: int) -> bytes:
    """ATYP, address, port; what is no IP address goes as a name, of length 0 if need be."""
    ip = as_ip(host.partition("%")[0])  # a zone index (fe80::1%eth0) has no place on the wire
    if ip is None:
        name = encode_name(host)
        return bytes([NAME, len(name)]) + name + struct.pack("!H", port)
    return bytes([IPV4 if ip.version == 4 else IPV6]) + ip.packed + struct.pack("!H", port)


def encode_reply(code: int, host: str = "0.0.0.0", port: int = 0) -> bytes:
    """RFC 1928 section 6: VER REP RSV ATYP BND.ADDR BND.PORT."""
    return bytes([VERSION, code, 0]) + encode_address(host, port)


LINGER_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER's value that makes close() send RST in place of FIN."""


def reset_on_close(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
