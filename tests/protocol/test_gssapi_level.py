"""GSSAPI's protection level: what is offered, what may be answered."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from socks5client import GSSAPI, AuthenticationError, RemoteProtocolError
from socks5client.protocol.gssapi import GssEncapsulation
from tests.protocol.fake_gssapi import (
    CONTEXT,
    ENCRYPTED,
    LEVEL,
    SIGNED,
    GSSError,
    RequirementFlag,
    Seals,
    message,
)
from tests.protocol.test_gssapi import LEVELS, play

if TYPE_CHECKING:
    from tests.protocol.fake_gssapi import Library

# RFC 1961 section 4.3; the weakest first.
OCTETS = {"clear": b"\x00", "integrity": b"\x01", "selective": b"\x03", "confidentiality": b"\x02"}
TOKEN = message(CONTEXT, b"AP-REP")
NO_CONFIDENTIALITY = r"\] GSSAPI: the security context offers no confidentiality$"
NO_INTEGRITY = r"\] GSSAPI: the security context offers no integrity$"


def agree(library: Library, method: GSSAPI, answer: bytes) -> object:
    """What comes of an answer to the level that is asked for."""
    return play(method, [TOKEN, answer])[1]


@pytest.mark.parametrize("protection", LEVELS)
def test_the_level_is_offered_signed_and_not_encrypted(library: Library, protection: str) -> None:
    method = GSSAPI(protection=protection)
    sent, _ = play(method, [TOKEN, library.level(OCTETS[protection])])
    token = Seals(b">", b"<").wrap(OCTETS[protection], False).message
    assert sent == [message(CONTEXT, b"AP-REQ"), message(LEVEL, token)]


@pytest.mark.parametrize("nec", [False, True])
@pytest.mark.parametrize(
    ("asked", "required", "answered"),
    [
        (asked, required, answered)
        for asked, required, answered in itertools.product(LEVELS, [None, *LEVELS], LEVELS)
        if required is None or LEVELS.index(required) <= LEVELS.index(asked)
    ],
)
def test_every_answer(
    library: Library, asked: str, required: str | None, answered: str, nec: bool
) -> None:
    method = GSSAPI(protection=asked, require=required, nec=nec)
    octet = OCTETS[answered]
    answer = message(LEVEL, octet) if nec else library.level(octet)
    if LEVELS.index(answered) < LEVELS.index(required or asked):
        with pytest.raises(AuthenticationError) as caught:
            agree(library, method, answer)
        assert caught.value.strerror == (
            f"GSSAPI: the proxy wants the protection level {answered},"
            f" {required or asked} is required"
        )
        return
    seal = agree(library, method, answer)
    if answered == "clear":
        assert seal is None
        return
    assert isinstance(seal, GssEncapsulation)
    assert seal.chunk == 65535 - (SIGNED if answered == "integrity" else ENCRYPTED)
    assert seal.wrap(b"data")[4:5] == (b"S" if answered == "integrity" else b"E")


def test_answer_that_is_encrypted(library: Library) -> None:
    assert agree(library, GSSAPI(), library.level(b"\x02", encrypted=True)) is not None


@pytest.mark.parametrize("nec", [False, True])
@pytest.mark.parametrize("plain", [b"", b"\x04", b"\x09", b"\xff", b"\x02\x02", b"\x02\x00"])
def test_answer_that_is_no_level(library: Library, plain: bytes, nec: bool) -> None:
    method = GSSAPI(require="clear", nec=nec)
    answer = message(LEVEL, plain) if nec else library.level(plain)
    with pytest.raises(
        RemoteProtocolError, match=r"\] the proxy's protection level is none that RFC"
    ):
        agree(library, method, answer)


@pytest.mark.parametrize("token", [b"", b"\x02", b"nonsense of some length"])
def test_answer_that_is_not_wrapped(library: Library, token: bytes) -> None:
    with pytest.raises(AuthenticationError, match="Token header is malformed") as caught:
        agree(library, GSSAPI(), message(LEVEL, token))
    assert isinstance(caught.value.__cause__, GSSError)


def test_answer_that_was_tampered_with(library: Library) -> None:
    answer = bytearray(library.level(b"\x02"))
    answer[-1] = 0
    with pytest.raises(AuthenticationError, match="Token header is malformed"):
        agree(library, GSSAPI(require="clear"), bytes(answer))


def test_nec_sends_a_bare_octet(library: Library) -> None:
    sent, seal = play(GSSAPI(nec=True), [TOKEN, b"\x01\x02\x00\x01\x02"])
    assert sent == [message(CONTEXT, b"AP-REQ"), b"\x01\x02\x00\x01\x02"]
    assert isinstance(seal, GssEncapsulation)
    assert library.peer.unwrap(seal.wrap(b"data")[4:]).message == b"data"


def test_level_that_cannot_be_wrapped(library: Library) -> None:
    library.broken = GSSError(13, 7)
    with pytest.raises(AuthenticationError, match="No Kerberos credentials available"):
        play(GSSAPI(), [TOKEN])


@pytest.mark.parametrize("protection", ["confidentiality", "selective"])
def test_context_without_confidentiality(library: Library, protection: str) -> None:
    library.refused_flags = RequirementFlag.confidentiality
    with pytest.raises(AuthenticationError, match=NO_CONFIDENTIALITY):
        play(GSSAPI(protection=protection), [TOKEN])


def test_context_without_integrity(library: Library) -> None:
    library.refused_flags = RequirementFlag.integrity
    with pytest.raises(AuthenticationError, match=NO_INTEGRITY):
        play(GSSAPI(protection="integrity"), [TOKEN])


def test_answer_of_integrity_that_the_context_has_not(library: Library) -> None:
    library.refused_flags = RequirementFlag.integrity
    with pytest.raises(AuthenticationError, match=NO_INTEGRITY):
        agree(library, GSSAPI(protection="clear"), library.level(b"\x01"))


@pytest.mark.parametrize("protection", ["clear", "integrity"])
def test_context_without_what_is_not_asked_for(library: Library, protection: str) -> None:
    library.refused_flags = RequirementFlag.confidentiality
    agree(library, GSSAPI(protection=protection), library.level(OCTETS[protection]))


@pytest.mark.parametrize("asked", ["clear", "integrity"])
def test_answer_that_the_context_cannot_keep(library: Library, asked: str) -> None:
    """Stronger than what was asked for, and then nothing would be encrypted at all."""
    library.refused_flags = RequirementFlag.confidentiality
    with pytest.raises(AuthenticationError, match=NO_CONFIDENTIALITY):
        agree(library, GSSAPI(protection=asked), library.level(b"\x02"))
