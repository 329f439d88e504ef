"""Ready-made faults by name, each seen in the wild or forbidden by the RFCs.

Malformed messages leave the connection open (`continue`, or `stall` where the client must close):
a client has to see by itself that they are wrong, and is not helped by a hang-up.
"""

from __future__ import annotations

from collections.abc import Callable

from . import wire
from .faults import GSS_STAGES, Fault, Stage, replace
from .log import Exchange

_HTTP = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
_SSH = b"SSH-2.0-OpenSSH_9.2\r\n"

Edit = Callable[[bytes, Exchange], bytes]


def _with_version(version: int) -> Edit:
    return lambda message, exchange: bytes([version]) + message[1:]


def _with_atyp(atyp: int) -> Edit:
    return lambda message, exchange: message[:3] + bytes([atyp]) + message[4:]


def _bound_to(host: str, port: int) -> Edit:
    return lambda message, exchange: message[:3] + wire.encode_address(host, port)


def _unoffered(message: bytes, exchange: Exchange) -> bytes:
    """A private method (80-FE), the first that the client did not offer."""
    method = next(method for method in range(0x80, 0xFF) if method not in exchange.methods)
    return wire.encode_selection(method)


def reply_code(code: int, stage: Stage = "reply") -> Fault:
    """A complete reply with this REP; the connection is closed after it."""
    return Fault(stage, replace(wire.encode_reply(code), "close"))


def short_failure(size: int, code: int = wire.CONNECTION_REFUSED) -> Fault:
    """A failure reply of `size` bytes, then FIN, as some servers send it."""
    return Fault("reply", replace(wire.encode_reply(code)[:size], "close"))


def _with_type(mtyp: int) -> Edit:
    return lambda message, exchange: message[:1] + bytes([mtyp]) + message[2:]


def _with_token(token: bytes) -> Edit:
    """RFC 1961's VER and MTYP as they are, before another token."""
    return lambda message, exchange: wire.encode_gss(message[1], token)


def _tampered(message: bytes, exchange: Exchange) -> bytes:
    return message[:-1] + bytes([message[-1] ^ 1])


def _everywhere(name: str, versions: dict[Stage, int]) -> dict[str, Fault]:
    return {
        f"{name}-{stage}": Fault(stage, replace(_with_version(version)))
        for stage, version in versions.items()
    }


CATALOGUE: dict[str, Fault] = {
    # What the client has to refuse.
    "method-not-offered": Fault("method", replace(_unoffered, "stall")),
    "no-acceptable": Fault("method", replace(wire.encode_selection(0xFF), "stall")),
    **_everywhere("wrong-version", {"method": 4, "auth": 7, "reply": 4, "second-reply": 4}),
    "auth-failed": Fault("auth", replace(wire.encode_status(1), "close")),
    "unknown-atyp": Fault("reply", replace(_with_atyp(9))),
    "garbage-accept": Fault("accept", replace(_SSH, "close")),
    "garbage-method": Fault("method", replace(_HTTP, "close")),
    "garbage-auth": Fault("auth", replace(_HTTP, "close")),
    "garbage-reply": Fault("reply", replace(_HTTP, "close")),
    "garbage-second-reply": Fault("second-reply", replace(_HTTP, "close")),
    "unknown-atyp-second-reply": Fault("second-reply", replace(_with_atyp(9))),
    "second-reply-refused": reply_code(wire.CONNECTION_REFUSED, "second-reply"),
    "short-failure": short_failure(3),
    "short-failure-2": short_failure(2),
    **{f"reply-code-{code}": reply_code(code) for code in range(1, 256)},
    # What the client has to bear with.
    "auth-version-5": Fault("auth", replace(_with_version(5))),
    "bound-name": Fault("reply", replace(_bound_to("bound.test", 4321))),
    "zero-length-name": Fault("reply", replace(_bound_to("", 0))),
}

GSS_CATALOGUE: dict[str, Fault] = {
    f"{name}-{stage}": Fault(stage, action)
    for stage in GSS_STAGES
    for name, action in {
        "abort": replace(wire.GSS_ABORT_MESSAGE, "stall"),
        "wrong-version": replace(_with_version(5)),
        "wrong-type": replace(_with_type(wire.GSS_DATA)),
        "empty": replace(_with_token(b"")),
        "garbage-token": replace(_with_token(b"no token")),
        "tampered": replace(_tampered),
        "garbage": replace(_HTTP, "close"),
    }.items()
}
"""At both stages of RFC 1961; the client has to refuse all of them. Another level than asked for is
`Server(gss_answer=...)`; encapsulated messages have `gss_faults`."""
