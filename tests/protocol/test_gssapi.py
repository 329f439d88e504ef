"""GSSAPI up to the established context: the values, the names, the flags and the tokens."""

from __future__ import annotations

import ast
import inspect
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from socks5client import GSSAPI, AuthenticationError, NoAuth, RemoteProtocolError
from socks5client.protocol import Address, Command, Method, Request, gssapi
from tests.protocol import fake_gssapi
from tests.protocol.fake_gssapi import ABORT, CONTEXT, LEVEL, GSSError, message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.protocol.fake_gssapi import Library

REQUEST = Request(Command.CONNECT, Address("example.com", 80))
LEVELS = ["clear", "integrity", "selective", "confidentiality"]
KERBEROS = "1.2.840.113554.1.2.2"


def play(
    method: GSSAPI,
    answers: Sequence[bytes],
    request: Request = REQUEST,
    server: str = "proxy",
) -> tuple[list[bytes], object]:
    """The messages that `method` sends, each answered, and what comes of it."""
    steps = method.negotiate(request, server)
    sent, waiting, incoming = [], list(answers), b""
    data, needed = next(steps)
    while True:
        if data:
            assert not incoming, "it went on before the end of the answer"
            sent.append(data)
            incoming = waiting.pop(0)
        assert 0 < needed <= len(incoming), "it waits for more than the answer has"
        piece, incoming = incoming[:needed], incoming[needed:]
        try:
            data, needed = steps.send(piece)
        except StopIteration as end:
            assert not waiting
            assert not incoming
            return sent, end.value


def established(library: Library) -> list[bytes]:
    """The proxy's answers of a usual exchange."""
    return [message(CONTEXT, b"AP-REP"), library.level(b"\x02")]


# Values


@pytest.mark.usefixtures("library")
def test_defaults() -> None:
    method = GSSAPI()
    assert method.code == Method.GSSAPI == 1
    assert method.blocks is True
    assert not hasattr(method, "one_message")
    assert repr(method) == "GSSAPI('rcmd', protection='confidentiality')"
    assert method == GSSAPI("rcmd", None, None, "confidentiality", "confidentiality")
    assert method == GSSAPI(delegate=False, mechanism=None, nec=False)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("level", LEVELS)
def test_every_level_has_a_name(level: str) -> None:
    assert repr(GSSAPI(protection=level)) == f"GSSAPI('rcmd', protection={level!r})"
    assert GSSAPI(protection=level) == GSSAPI(protection=level, require=level)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("parameter", ["protection", "require"])
@pytest.mark.parametrize("value", ["", "none", "encryption", 2, b"clear"])
def test_unknown_level(parameter: str, value: object) -> None:
    with pytest.raises(ValueError) as caught:
        GSSAPI(**{parameter: value})  # type: ignore[arg-type]
    assert str(caught.value) == (
        f"{parameter}={value!r} is none of clear, integrity, confidentiality, selective"
    )
    assert caught.value.__suppress_context__


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("protection", LEVELS)
@pytest.mark.parametrize("require", LEVELS)
def test_what_is_required_is_at_most_what_is_asked_for(protection: str, require: str) -> None:
    if LEVELS.index(require) <= LEVELS.index(protection):
        GSSAPI(protection=protection, require=require)
        return
    with pytest.raises(ValueError) as caught:
        GSSAPI(protection=protection, require=require)
    assert str(caught.value) == f"require={require!r} is stronger than protection={protection!r}"


@pytest.mark.usefixtures("library")
def test_empty_service() -> None:
    with pytest.raises(ValueError, match=r"^the service of GSSAPI is empty$"):
        GSSAPI("")


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("mechanism", ["", "kerberos", "1.2.x"])
def test_bad_mechanism_is_a_mistake_of_the_configuration(mechanism: str) -> None:
    with pytest.raises(ValueError, match="mechanism"):
        GSSAPI(mechanism=mechanism)


def test_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gssapi", None)
    with pytest.raises(ImportError) as caught:
        GSSAPI()
    text = str(caught.value)
    assert text == (
        "GSSAPI needs the gssapi package: pip install 'socks5client[gssapi]'; it is built from"
        " source, with the Kerberos headers (Debian's libkrb5-dev)"
    )


@pytest.mark.usefixtures("library")
def test_as_values() -> None:
    assert GSSAPI() == GSSAPI()
    assert hash(GSSAPI(principal="bob")) == hash(GSSAPI(principal="bob"))
    assert hash(GSSAPI(principal="bob")) != hash(GSSAPI(principal="eve"))
    assert GSSAPI() != NoAuth()
    others = [
        GSSAPI(),
        GSSAPI("socks"),
        GSSAPI(hostname="other"),
        GSSAPI(principal="bob"),
        GSSAPI(protection="integrity"),
        GSSAPI(require="integrity"),
        GSSAPI(delegate=True),
        GSSAPI(mechanism=KERBEROS),
        GSSAPI(nec=True),
    ]
    assert len(set(others)) == len(others)
    for number, one in enumerate(others):
        assert [one == other for other in others].index(True) == number


@pytest.mark.usefixtures("library")
def test_repr_has_no_principal() -> None:
    assert "bob" not in repr(GSSAPI(principal="bob@EXAMPLE.COM", hostname="proxy"))


# What the context is made of


@pytest.mark.parametrize(
    ("parameters", "server", "name", "kind"),
    [
        ({}, "proxy.example", "rcmd@proxy.example", "hostbased_service"),
        ({}, "192.0.2.1", "rcmd@192.0.2.1", "hostbased_service"),
        ({}, "fe80::1%eth0", "rcmd@fe80::1", "hostbased_service"),
        ({"service": "socks"}, "proxy", "socks@proxy", "hostbased_service"),
        ({"hostname": "gw"}, "127.0.0.1", "rcmd@gw", "hostbased_service"),
        ({"service": "rcmd/gw@REALM"}, "proxy", "rcmd/gw@REALM", "kerberos_principal"),
        ({"service": "s/h", "hostname": "gw"}, "proxy", "s/h", "kerberos_principal"),
    ],
)
def test_name(
    library: Library, parameters: dict[str, str], server: str, name: str, kind: str
) -> None:
    play(GSSAPI(**parameters), established(library), server=server)  # type: ignore[arg-type]
    (context,) = library.contexts
    assert context.arguments[0] == (name, getattr(library.NameType, kind))
    assert context.arguments[1] is None
    assert context.arguments[3:] == (None, "initiate")


@pytest.mark.parametrize("delegate", [False, True])
@pytest.mark.parametrize("command", list(Command))
def test_flags(library: Library, command: Command, delegate: bool) -> None:
    request = Request(command, REQUEST.address)
    play(GSSAPI(delegate=delegate), established(library), request)
    flag = library.RequirementFlag
    expected = {flag.mutual_authentication, flag.replay_detection}
    expected |= {flag.integrity, flag.confidentiality}
    if command is not Command.UDP_ASSOCIATE:
        expected.add(flag.out_of_sequence_detection)
    if delegate:
        expected.add(flag.delegate_to_peer)
    assert {one for one in flag if library.contexts[0].arguments[2] & one} == expected


def test_principal(library: Library) -> None:
    play(GSSAPI(principal="bob"), established(library))
    assert library.contexts[0].arguments[1] == (("bob", library.NameType.user), "initiate")


def test_principal_without_credentials(library: Library) -> None:
    library.unknown_users["bob"] = GSSError(13, 7)
    with pytest.raises(AuthenticationError, match="No Kerberos credentials available"):
        play(GSSAPI(principal="bob"), [])


@pytest.mark.parametrize("principal", ["bob", "bob@EXAMPLE.COM"])
def test_a_principal_is_in_no_message(library: Library, principal: str) -> None:
    library.unknown_users[principal] = GSSError(13, 6)
    with pytest.raises(AuthenticationError, match=r"principal \*\*\*@EXAMPLE.COM in") as caught:
        play(GSSAPI(principal=principal), [])
    assert "bob" not in traceback.format_exception_only(caught.value)[-1]
    assert caught.value.__cause__ is None


def test_mechanism(library: Library) -> None:
    play(GSSAPI(mechanism=KERBEROS), established(library))
    assert library.contexts[0].arguments[3] == ((1, 2, 840, 113554, 1, 2, 2),)


# The tokens


@pytest.mark.parametrize(
    ("tokens", "answers"),
    [
        ([b"one"], [b""]),
        ([b"one", None], [b"first"]),
        ([b"one", b""], [b"first"]),
        ([b"one", b"two"], [b"first", b""]),
        ([b"one", b"two", None], [b"first", b"second"]),
        ([b"one", b"two", b"three"], [b"first", b"second", b""]),
        ([bytes(65535), None], [bytes(65535)]),
    ],
    ids=["1", "1, mutual", "1, empty", "2", "2, mutual", "3", "largest"],
)
def test_rounds(library: Library, tokens: list[bytes | None], answers: list[bytes]) -> None:
    library.tokens = list(tokens)
    level = library.level(b"\x02")
    sent, seal = play(GSSAPI(), [*(message(CONTEXT, answer) for answer in answers), level])
    assert sent[:-1] == [message(CONTEXT, token) for token in tokens if token]
    assert sent[-1][:2] == b"\x01\x02"
    assert library.contexts[0].received == [None, *filter(None, answers)]
    assert isinstance(seal, gssapi.GssEncapsulation)


@pytest.mark.parametrize(
    ("tokens", "answers", "match"),
    [
        ([b"one"], [b"more"], r"\] a GSSAPI token came when there was none to come$"),
        (
            [b"one", b"two"],
            [b"first", b"more"],
            r"\] a GSSAPI token came when there was none to come$",
        ),
        ([b"one", None], [b""], r"\] the proxy's GSSAPI token is empty$"),
        ([b"one", b"two", None], [b"first", b""], r"\] the proxy's GSSAPI token is empty$"),
    ],
)
def test_answer_that_does_not_fit(
    library: Library, tokens: list[bytes | None], answers: list[bytes], match: str
) -> None:
    library.tokens = list(tokens)
    with pytest.raises(RemoteProtocolError, match=match):
        play(GSSAPI(), [message(CONTEXT, answer) for answer in answers])


def test_no_token_and_not_complete(library: Library) -> None:
    library.completes = False
    with pytest.raises(
        RemoteProtocolError, match=r"\] the proxy's GSSAPI token leads to no other$"
    ):
        play(GSSAPI(), [message(CONTEXT, b"AP-REP")])


def test_token_that_no_message_takes(library: Library) -> None:
    library.tokens = [bytes(65536)]
    with pytest.raises(AuthenticationError, match="is 65536 bytes long, 65535 is the most"):
        play(GSSAPI(), [])


WRONG_HEADS = [
    (ABORT, AuthenticationError, r"\] the proxy aborted the GSSAPI exchange$"),
    (b"\x05\xff\x00\x00", RemoteProtocolError, r"\] what the proxy sent is no GSSAPI message$"),
    (b"\x00\x01\x00\x00", RemoteProtocolError, r"\] what the proxy sent is no GSSAPI message$"),
    (b"HTTP/1.1 400", RemoteProtocolError, r"\] what the proxy sent is no GSSAPI message$"),
    (b"\x01\x03\x00\x01x", RemoteProtocolError, "has the type 0x03, not 0x0"),
    (b"\x01\x00\x00\x01x", RemoteProtocolError, "has the type 0x00, not 0x0"),
]


@pytest.mark.parametrize(("answer", "error", "match"), WRONG_HEADS)
@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_wrong_message_at_each_step(
    library: Library, step: int, answer: bytes, error: type[OSError], match: str
) -> None:
    library.tokens = [b"one", b"two", b"three"]
    answers = [message(CONTEXT, token) for token in (b"first", b"second", b"")]
    with pytest.raises(error, match=match):
        play(GSSAPI(), [*answers[: step - 1], answer])
    assert len(library.contexts[0].received) == min(step, 3)


def test_level_instead_of_a_token_and_the_opposite(library: Library) -> None:
    with pytest.raises(RemoteProtocolError, match="type 0x02, not 0x01"):
        play(GSSAPI(), [message(LEVEL, b"AP-REP")])
    with pytest.raises(RemoteProtocolError, match="type 0x01, not 0x02"):
        play(GSSAPI(), [message(CONTEXT, b"AP-REP"), message(CONTEXT, b"more")])


# Errors of the library


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        (
            (13, 7),
            "GSSAPI: Unspecified GSS failure.  Minor code may provide more information:"
            " No Kerberos credentials available",
        ),
        ((1, 9), "GSSAPI: Token header is malformed or corrupt"),
        ((0, 7), "GSSAPI: No Kerberos credentials available"),
        ((0, 5), "GSSAPI: Cannot find a KDC for the realm XX"),
        ((1, 8), "GSSAPI: Token header is malformed or corrupt: One: Two"),
        (
            (13, 13),
            "GSSAPI: Unspecified GSS failure.  Minor code may provide more information",
        ),
    ],
)
@pytest.mark.parametrize("token", [None, b"", b"what the proxy is told"])
def test_error_of_the_first_step(
    library: Library, codes: tuple[int, int], text: str, token: bytes | None
) -> None:
    error = GSSError(*codes, token)
    library.tokens = [error]
    with pytest.raises(AuthenticationError) as caught:
        play(GSSAPI(), [message(CONTEXT, b"so it is")])
    assert caught.value.strerror == text
    assert caught.value.__cause__ is error


def test_error_of_a_later_step(library: Library) -> None:
    library.tokens = [b"one", GSSError(1, 7)]
    with pytest.raises(AuthenticationError, match="corrupt: No Kerberos credentials available"):
        play(GSSAPI(), [message(CONTEXT, b"tampered with")])


# The real library


def test_what_the_package_uses_is_in_the_real_library() -> None:
    real = pytest.importorskip("gssapi")
    owners = {
        "gssapi": real,
        "flag": real.RequirementFlag,
        "context": real.SecurityContext,
        "error": real.exceptions.GSSError(851968, 0),
    }
    used = set()
    for node in ast.walk(ast.parse(Path(gssapi.__file__).read_text())):
        text = ast.unparse(node).removeprefix("self._") if isinstance(node, ast.Attribute) else ""
        first, *names = text.split(".")
        if first in owners and "(" not in text:
            owner = owners[first]
            for name in names:
                assert hasattr(owner, name), text
                owner = getattr(owner, name)
            used.add(text)
    known = {"gssapi.SecurityContext", "gssapi.NameType.user", "flag.integrity"}
    known |= {"context.step", "context.wrap", "error.maj_code"}
    assert known <= used


def test_the_fake_has_the_real_librarys_shapes() -> None:
    real = pytest.importorskip("gssapi")
    tuples = pytest.importorskip("gssapi.raw.named_tuples")
    assert fake_gssapi.WrapResult._fields == tuples.WrapResult._fields
    assert fake_gssapi.UnwrapResult._fields == tuples.UnwrapResult._fields
    for flag in fake_gssapi.RequirementFlag:
        assert getattr(real.RequirementFlag, flag.name or "") == flag
    for name in ("step", "wrap", "unwrap", "get_wrap_size_limit"):
        ours, theirs = (
            inspect.signature(getattr(module.SecurityContext, name))
            for module in (fake_gssapi, real)
        )
        assert list(ours.parameters) == list(theirs.parameters)


@pytest.mark.parametrize("service", ["rcmd", "rcmd/proxy@EXAMPLE.COM"])
def test_the_real_library_takes_what_the_context_is_made_of(service: str) -> None:
    """Nothing is asked of Kerberos before the first step."""
    real = pytest.importorskip("gssapi")
    method = GSSAPI(service, mechanism=KERBEROS, delegate=True)
    context = method._context(real, REQUEST, "proxy.invalid")
    assert context.usage == "initiate"
    assert not context.complete
