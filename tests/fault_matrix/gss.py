"""Rows: RFC 1961's sub-negotiation, its tokens and its protection level."""

from __future__ import annotations

from functools import partial

from socks5client import AuthenticationError, RemoteProtocolError
from tests.fault_matrix.handshake import BROKE, SLOWLY, TIMED_OUT, protocol_error
from tests.fault_matrix.rows import Fails, Row, Sent, Stage, Works
from tests.server_fixture import (
    GSS_CATALOGUE,
    close,
    replace,
    reset,
    split,
    stall,
    truncate,
)

_HUNG_UP = protocol_error("hung up during authentication")
_GSS = Fails((RemoteProtocolError, AuthenticationError), "GSSAPI")
_NO_MESSAGE = protocol_error("no GSSAPI message")
_ABORTED = Fails((AuthenticationError,), "aborted")
_WRONG_TYPE = protocol_error("has the type 0x03")

# VER, MTYP and a length that is more than what follows.
_HEADS: dict[Stage, bytes] = {"GSSAPI token": b"\x01\x01", "GSSAPI level": b"\x01\x02"}


def _stage(stage: Stage, key: str, sent: Sent) -> list[Row]:
    row = partial(Row, stage, sent=sent, commands=("CONNECT",))
    head = _HEADS[stage]

    def listed(name: str) -> partial[Row]:
        return partial(row, action=GSS_CATALOGUE[f"{name}-{key}"].action)

    return [
        listed("abort")("refuse", _ABORTED),
        row("reset", BROKE, action=reset()),
        row("close", _HUNG_UP, action=close()),
        row("stall", TIMED_OUT, action=stall()),
        row("drip", TIMED_OUT, action=SLOWLY),
        *(
            row("truncate", _HUNG_UP, name=f"{size}", action=truncate(size))
            for size in (1, 2, 3, 4, 10)
        ),
        listed("garbage")("garbage", _NO_MESSAGE, loses=True),
        listed("garbage-token")("garbage", _GSS, name="token"),
        listed("tampered")("garbage", _GSS, name="tampered"),
        listed("wrong-version")("wrong version", _NO_MESSAGE),
        listed("wrong-type")("unasked method", _WRONG_TYPE, name="type"),
        listed("empty")("wrong length", _GSS, name="0"),
        row(
            "wrong length",
            _HUNG_UP,
            name="more than comes",
            action=replace(head + b"\x10\x00token", "close"),
        ),
        row("oversize", _GSS, action=replace(head + b"\xff\xff" + bytes(0xFFFF), "stall")),
    ]


ROWS = [
    *_stage("GSSAPI token", "gss-token", "token"),
    *_stage("GSSAPI level", "gss-level", "level"),
    *(
        Row(stage, "split", Works(), action=split(), commands=("CONNECT",))
        for stage in ("GSSAPI token", "GSSAPI level")
    ),
]
