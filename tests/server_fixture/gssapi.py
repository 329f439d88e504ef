"""RFC 1961, the server's part: the context, and the protection level.

Needs the package gssapi (and, for Kerberos, a keytab) when a client uses the method, not before.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import wire
from .encapsulation import CLEAR, CONFIDENTIALITY, INTEGRITY, SELECTIVE, Protection

if TYPE_CHECKING:
    from .gss_faults import GssFault
    from .session import Session

LEVELS = (INTEGRITY, CONFIDENTIALITY, SELECTIVE, CLEAR)


@dataclass(frozen=True)
class GssSettings:
    """See `Server`, where each is an argument that begins with gss_."""

    levels: tuple[int, ...] = LEVELS
    answer: int | None = None
    nec: bool = False
    keytab: str | os.PathLike[str] | None = None
    faults: tuple[GssFault, ...] = ()

    def __post_init__(self) -> None:
        if not self.levels and self.answer is None:
            raise ValueError("gss_levels is empty: there is nothing to answer")

    def answer_to(self, wanted: int) -> int:
        if self.answer is not None:
            return self.answer
        return wanted if wanted in self.levels else self.levels[0]


async def gssapi(session: Session) -> bool:
    exchange = session.exchange
    exchange.authenticated = False
    context = await _establish(session)
    if context is None:
        return False
    level = await _agree(session, context)
    if level is None:
        return False
    if level in LEVELS and level != CLEAR:  # a client that goes on after nonsense: in clear
        session.encapsulate(Protection(context, level, session.settings.gss.faults, exchange))
    return True


async def _establish(session: Session) -> Any:
    """The context, or None: aborted."""
    from gssapi import raw

    exchange, keytab = session.exchange, session.settings.gss.keytab
    context = credentials = None
    while True:
        token = await wire.read_gss(session.read, wire.GSS_CONTEXT)
        session.reached("auth")
        try:
            if keytab is not None and credentials is None:
                store: dict[bytes | str, bytes | str] = {"keytab": os.fspath(keytab)}
                credentials = raw.acquire_cred_from(store, usage="accept").creds
            result = raw.accept_sec_context(token, credentials, context)
        except raw.GSSError as exc:
            await _abort(session, "gss-token", f"context: {exc}")
            return None
        context = result.context
        exchange.gss_rounds += 1
        if not result.more_steps:
            exchange.gss_flags = int(result.flags)
            exchange.gss_principal = raw.display_name(result.initiator_name).name.decode()
        await session.send("gss-token", wire.encode_gss(wire.GSS_CONTEXT, result.token or b""))
        if not result.more_steps:
            return context


async def _agree(session: Session, context: Any) -> int | None:
    """The level that was answered, or None: aborted."""
    from gssapi import raw

    exchange, settings = session.exchange, session.settings.gss
    wanted = await wire.read_gss(session.read, wire.GSS_LEVEL)
    if not settings.nec:
        try:
            wanted = raw.unwrap(context, wanted).message
        except raw.GSSError as exc:
            await _abort(session, "gss-level", f"protection level: {exc}")
            return None
    if len(wanted) != 1:
        raise wire.MalformedMessage(f"protection level: {len(wanted)} bytes")
    exchange.gss_level_wanted = wanted[0]
    level = settings.answer_to(wanted[0])
    answer = bytes([level])
    if not settings.nec:
        answer = raw.wrap(context, answer, False).message
    exchange.gss_level = level
    exchange.authenticated = True
    await session.send("gss-level", wire.encode_gss(wire.GSS_LEVEL, answer))
    return level


async def _abort(session: Session, stage: Any, text: str) -> None:
    session.blame(text)
    await session.send(stage, wire.GSS_ABORT_MESSAGE)
