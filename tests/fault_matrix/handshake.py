"""Rows: from the connection to the request. The commands have it in common, but for TLS."""

from __future__ import annotations

import errno
from functools import partial
from typing import TYPE_CHECKING

from socks5client import (
    AuthenticationError,
    HandshakeTimeout,
    NoAcceptableMethodError,
    ProxyConnectionError,
    RemoteProtocolError,
)
from tests.fault_matrix.rows import TCP_COMMANDS, Chopped, Fails, Instead, Row, Works
from tests.server_fixture import (
    CATALOGUE,
    Action,
    Fault,
    append,
    close,
    drip,
    replace,
    reset,
    split,
    stall,
    truncate,
)

if TYPE_CHECKING:
    from tests.server_fixture.faults import Ending

TIMED_OUT = Fails((HandshakeTimeout,), "in time")
BROKE = Fails((RemoteProtocolError,), "broke in the handshake")
# Here the system may tell of it while it still connects: to us, or to the proxy before.
RESET_EARLY = Fails((RemoteProtocolError, ProxyConnectionError), "reset|cannot reach it")


def protocol_error(match: str) -> Fails:
    return Fails((RemoteProtocolError,), match)


def listed(name: str) -> Action:
    return CATALOGUE[name].action


def right(then: Ending) -> Action:
    """The message as it should be, and then the fault."""
    return replace(lambda message, exchange: message, then)


BYTE_BY_BYTE = split(1, pause=0.001)
# A message of ten bytes, or of two, lasts for longer than the longest deadline.
SLOWLY = drip(0.04)
VERY_SLOWLY = drip(1.0)

_NOBODY = Fails(
    (ProxyConnectionError,), rf"^\[Errno {errno.ECONNREFUSED}\] .*[Cc]onnection refused"
)
_tcp = partial(Row, "TCP")
TCP = [
    _tcp("refuse", _NOBODY, place="unused"),
    _tcp("reset", RESET_EARLY, "offer", action=reset(), loses=True),
    _tcp("close", protocol_error("hung up during method selection"), "offer", action=close()),
    _tcp("stall", TIMED_OUT, place="full"),
    _tcp(
        "garbage",
        protocol_error("SOCKS5 proxy"),
        "offer",
        "banner",
        listed("garbage-accept"),
        loses=True,
    ),
    _tcp(
        "oversize",
        protocol_error("SOCKS5 proxy"),
        "offer",
        "endless banner",
        replace(b"SSH-2.0-" + b"x" * 100_000, "close"),
        loses=True,
    ),
]

# The header of a TLS record of 4096 bytes, of which a ServerHello begins; and others.
_RECORD = b"\x16\x03\x03\x10\x00\x02\x00\x0f\xfc\x03\x03" + bytes(32)
_tls = partial(Row, "TLS", commands=TCP_COMMANDS)
_no_tls = partial(Fails, (ProxyConnectionError,))
TLS = [
    _tls(
        "refuse",
        _no_tls("TLS with the proxy failed: .*HANDSHAKE_FAILURE"),
        "hello",
        action=replace(b"\x15\x03\x03\x00\x02\x02\x28", "stall"),
    ),
    _tls("reset", RESET_EARLY, "hello", action=reset(), loses=True),
    _tls("close", protocol_error("hung up during the TLS"), "hello", action=close()),
    _tls("stall", TIMED_OUT, "hello", action=stall()),
    _tls("drip", TIMED_OUT, "hello", action=Instead(_RECORD, SLOWLY), loses=True),
    _tls(
        "truncate",
        protocol_error("hung up during the TLS"),
        "hello",
        "record",
        Instead(_RECORD, truncate(20)),
    ),
    # Past the ServerHello, in the certificate.
    _tls(
        "truncate",
        protocol_error("hung up during the TLS"),
        "nothing",
        "flight",
        chopped=Chopped(limit=400),
    ),
    _tls(
        "garbage",
        _no_tls("TLS with the proxy failed"),
        "hello",
        "http",
        replace(b"HTTP/1.1 400 Bad Request\r\n\r\n", "stall"),
    ),
    _tls(
        "wrong version",
        _no_tls("WRONG_VERSION"),
        "hello",
        action=replace(b"\x16\x09\x09\x00\x04abcd", "stall"),
    ),
    _tls(
        "wrong length",
        _no_tls("LENGTH_MISMATCH"),
        "hello",
        action=replace(b"\x16\x03\x03\x00\x06\x02\0\0\x02\x03\x03", "stall"),
    ),
    _tls(
        "oversize",
        _no_tls("LENGTH_TOO_LONG"),
        "hello",
        "record",
        replace(b"\x16\x03\x03\xff\xff" + bytes(200), "stall"),
    ),
    _tls(
        "oversize",
        _no_tls("EXCESSIVE_MESSAGE_SIZE"),
        "hello",
        "message",
        replace(b"\x16\x03\x03\x00\x04\x02\xff\xff\xff", "stall"),
    ),
    _tls(
        "unasked method",
        _no_tls("certificate"),
        "nothing",
        "certificate of who is not trusted",
        trusted=False,
    ),
    _tls("split", Works(), chopped=Chopped()),
]

_method = partial(Row, "method selection", sent="offer")
METHOD = [
    _method("refuse", Fails((NoAcceptableMethodError,), "none of"), action=listed("no-acceptable")),
    _method("reset", BROKE, action=reset()),
    _method("close", protocol_error("hung up during method selection"), action=close()),
    _method("stall", TIMED_OUT, action=stall()),
    _method("drip", TIMED_OUT, action=VERY_SLOWLY),
    _method("truncate", protocol_error("hung up during method selection"), action=truncate(1)),
    _method("garbage", protocol_error("SOCKS5 proxy"), action=listed("garbage-method"), loses=True),
    _method("wrong version", protocol_error("version 0x04"), action=listed("wrong-version-method")),
    _method(
        "unasked method",
        Fails((NoAcceptableMethodError,), "not offered"),
        action=listed("method-not-offered"),
    ),
    _method("split", Works(), action=BYTE_BY_BYTE, sent="request"),
]

_auth = partial(Row, "sub-negotiation", sent="credentials")
AUTH = [
    _auth("refuse", Fails((AuthenticationError,), "refused"), action=listed("auth-failed")),
    _auth("reset", BROKE, action=reset()),
    _auth("close", protocol_error("hung up during authentication"), action=close()),
    _auth("stall", TIMED_OUT, action=stall()),
    _auth("drip", TIMED_OUT, action=VERY_SLOWLY),
    _auth("truncate", protocol_error("hung up during authentication"), action=truncate(1)),
    _auth("garbage", protocol_error("version"), action=listed("garbage-auth"), loses=True),
    _auth("wrong version", protocol_error("version 0x07"), action=listed("wrong-version-auth")),
    _auth(
        "wrong version",
        Works(),
        sent="request",
        name="tolerated: SOCKS's own",
        action=listed("auth-version-5"),
    ),
    # The surplus is where the reply should begin.
    _auth("oversize", protocol_error("version 0x73"), sent="request", action=append(b"surplus")),
    # The answer to the password comes along with that to the offer.
    _auth(
        "coalesced",
        Works(),
        sent="request",
        action=replace(b""),
        also=(Fault("method", append(b"\x01\x00")),),
    ),
    _auth("split", Works(), sent="request", action=BYTE_BY_BYTE),
]

# A request is at most 262 bytes, which the kernel takes whether they are read or not: a proxy
# that stops reading is one that does not answer.
_request = partial(Row, "request")
REQUEST = [
    _request("reset", BROKE, action=right("reset"), loses=True),
    _request("close", protocol_error("hung up during the wait"), action=right("close")),
    _request("stall", TIMED_OUT, action=right("stall")),
]

ROWS = [*TCP, *TLS, *METHOD, *AUTH, *REQUEST]
