"""Rows: the reply, and BIND's second one."""

from __future__ import annotations

from functools import partial

from socks5client import (
    AddressTypeNotSupported,
    CommandNotSupported,
    ConnectionRefused,
    GeneralFailure,
    HostUnreachable,
    NetworkUnreachable,
    NotAllowed,
    ReplyError,
    TTLExpired,
)
from socks5client.errors import REPLY_ERRORS
from tests.fault_matrix.handshake import (
    BROKE,
    BYTE_BY_BYTE,
    SLOWLY,
    TIMED_OUT,
    listed,
    protocol_error,
)
from tests.fault_matrix.rows import Fails, Relays, Row, Works
from tests.server_fixture import (
    Action,
    append,
    close,
    coalesce,
    replace,
    reply_code,
    reset,
    short_failure,
    stall,
    truncate,
)

_REFUSALS: dict[int, tuple[type[ReplyError], str]] = {
    1: (GeneralFailure, "general"),
    2: (NotAllowed, "ruleset"),
    3: (NetworkUnreachable, "network"),
    4: (HostUnreachable, "host"),
    5: (ConnectionRefused, "refused"),
    6: (TTLExpired, "TTL"),
    7: (CommandNotSupported, "command"),
    8: (AddressTypeNotSupported, "address type"),
    **{code: (REPLY_ERRORS[code][0], "onion") for code in (0xF0, 0xF7)},
    0x63: (ReplyError, "0x63"),
    0xFF: (ReplyError, "0xff"),
}
_REFUSED = Fails((ConnectionRefused,), "by the target")
_UNKNOWN_ATYP = protocol_error("address type 0x09")

_SURPLUS = b"220 welcome\r\n"
_NAME = b"\x05\x00\x00\x03"
_CUT_NAME = replace(_NAME + b"\xffname", "close")


def _named(length: int) -> Action:
    """BND.ADDR is a name of so many bytes, BND.PORT as it should be."""
    name = bytes((length,)) + b"n" * length
    return replace(lambda message, exchange: _NAME + name + message[-2:])


_reply = partial(Row, "reply")
REPLY = [
    *(
        _reply("refuse", Fails((kind,), match), name=f"{code:#04x}", action=reply_code(code).action)
        for code, (kind, match) in _REFUSALS.items()
    ),
    _reply("refuse", _REFUSED, name="2 bytes", action=short_failure(2).action),
    _reply("refuse", _REFUSED, name="3 bytes", action=short_failure(3).action),
    _reply(
        "refuse",
        _REFUSED,
        name="left open",
        action=replace(b"\x05\x05\x00\x01" + bytes(6), "stall"),
    ),
    _reply("reset", BROKE, action=reset()),
    _reply("close", protocol_error("hung up during the wait for its reply"), action=close()),
    _reply("stall", TIMED_OUT, action=stall()),
    _reply("drip", TIMED_OUT, action=SLOWLY),
    *(
        _reply("truncate", protocol_error("hung up"), name=f"{size}", action=truncate(size))
        for size in range(1, 10)
    ),
    _reply("garbage", protocol_error("version"), action=listed("garbage-reply"), loses=True),
    _reply(
        "garbage", protocol_error("address type 0x09"), name="ATYP", action=listed("unknown-atyp")
    ),
    _reply("wrong version", protocol_error("version 0x04"), action=listed("wrong-version-reply")),
    # The length announces more than comes.
    _reply(
        "wrong length",
        protocol_error("hung up"),
        name="too long",
        action=_CUT_NAME,
    ),
    _reply("wrong length", Works(), name="tolerated: 0", action=_named(0)),
    _reply(
        "wrong length",
        protocol_error("no port"),
        name="no port",
        action=replace(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00"),
        commands=("UDP ASSOCIATE",),
    ),
    _reply("oversize", Works(), action=_named(255)),
    _reply("coalesced", Works(_SURPLUS), action=append(_SURPLUS), commands=("CONNECT",)),
    # There the proxy has nothing to say any more.
    _reply(
        "coalesced",
        Relays(),
        name="surplus",
        action=append(_SURPLUS),
        commands=("UDP ASSOCIATE",),
    ),
    _reply("coalesced", Works(), name="both replies", action=coalesce(), commands=("BIND",)),
    _reply("split", Works(), action=BYTE_BY_BYTE),
]

_second = partial(Row, "second reply", commands=("BIND",))
_WAITED = Fails((TimeoutError,), "timed out")
SECOND_REPLY = [
    _second("refuse", _REFUSED, action=listed("second-reply-refused")),
    _second("reset", BROKE, action=reset()),
    _second("close", protocol_error("hung up during the wait for the peer"), action=close()),
    # The wait for the peer is the caller's to bound, and can be taken up again.
    _second("stall", _WAITED, action=stall()),
    _second("drip", _WAITED, action=SLOWLY),
    *(
        _second("truncate", protocol_error("hung up"), name=f"{size}", action=truncate(size))
        for size in (1, 2, 4, 5, 9)
    ),
    _second("garbage", protocol_error("version"), action=listed("garbage-second-reply")),
    _second("garbage", _UNKNOWN_ATYP, name="ATYP", action=listed("unknown-atyp-second-reply")),
    _second(
        "wrong version", protocol_error("version 0x04"), action=listed("wrong-version-second-reply")
    ),
    _second("wrong length", protocol_error("hung up"), action=_CUT_NAME),
    _second("oversize", Works(), action=_named(255)),
    _second("coalesced", Works(_SURPLUS), action=append(_SURPLUS)),
    _second("split", Works(), action=BYTE_BY_BYTE),
]

ROWS = [*REPLY, *SECOND_REPLY]
