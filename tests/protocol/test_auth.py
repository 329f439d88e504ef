from __future__ import annotations

import pytest

from socks5client import AuthenticationError, NoAuth, RemoteProtocolError, UsernamePassword
from socks5client.protocol import Address, Command, Request

REQUEST = Request(Command.CONNECT, Address("example.com", 80))


@pytest.mark.parametrize(
    ("username", "password", "message"),
    [
        ("u", "p", b"\x01\x01u\x01p"),
        ("user", "", b"\x01\x04user\x00"),
        ("ü", "pässwörd", b"\x01\x02\xc3\xbc\x0ap\xc3\xa4ssw\xc3\xb6rd"),
        ("u" * 255, "p" * 255, b"\x01\xff" + b"u" * 255 + b"\xff" + b"p" * 255),
        ("é" * 127, "x", b"\x01\xfe" + "é".encode() * 127 + b"\x01x"),
        ("with space", ":@/", b"\x01\x0awith space\x03:@/"),
    ],
)
def test_username_password_on_the_wire(username: str, password: str, message: bytes) -> None:
    steps = UsernamePassword(username, password).negotiate(REQUEST, "proxy")
    assert next(steps) == (message, 2)


@pytest.mark.parametrize("version", [1, 5])
def test_accepted(version: int) -> None:
    steps = UsernamePassword("u", "p").negotiate(REQUEST, "proxy")
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.send(bytes((version, 0)))
    assert end.value.value is None


@pytest.mark.parametrize("status", [1, 2, 255])
def test_refused(status: int) -> None:
    steps = UsernamePassword("u", "p").negotiate(REQUEST, "proxy")
    next(steps)
    with pytest.raises(
        AuthenticationError, match=r"\] the proxy refused the user name or password$"
    ):
        steps.send(bytes((1, status)))


@pytest.mark.parametrize("version", [0, 2, 4, 72])
def test_answer_of_another_version(version: int) -> None:
    steps = UsernamePassword("u", "p").negotiate(REQUEST, "proxy")
    next(steps)
    with pytest.raises(RemoteProtocolError, match=f"has the version {version:#04x}"):
        steps.send(bytes((version, 0)))


@pytest.mark.parametrize(
    ("username", "password", "error", "match"),
    [
        ("", "secret", ValueError, r"^the user name is empty; it takes 1 to 255 bytes$"),
        ("u" * 256, "secret", ValueError, "the user name is 256 bytes long in UTF-8, 255"),
        ("é" * 128, "secret", ValueError, "the user name is 256 bytes long in UTF-8, 255"),
        ("u", "s" * 256, ValueError, "the password is 256 bytes long in UTF-8, 255"),
        ("u\0", "secret", ValueError, "user name has a control character at position 1"),
        ("u", "secret\n", ValueError, "password has a control character at position 6"),
        ("u", "sec\x7fret", ValueError, "password has a control character at position 3"),
        ("u", "secret\udc80", ValueError, "password is not valid text: it has a lone surrogate"),
        (b"u", "secret", TypeError, "user name must be a str, not bytes"),
        ("u", None, TypeError, "password must be a str, not NoneType"),
    ],
)
def test_bad_credentials(username: str, password: str, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match) as caught:
        UsernamePassword(username, password)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_as_values() -> None:
    assert NoAuth() == NoAuth()
    assert type("Derived", (NoAuth,), {})() != NoAuth()  # it may negotiate
    assert hash(NoAuth()) == hash(NoAuth())
    assert UsernamePassword("a", "bc") == UsernamePassword("a", "bc")
    assert UsernamePassword("a", "bc") != UsernamePassword("ab", "c")
    assert len({UsernamePassword("a", "b"), UsernamePassword("a", "b"), NoAuth()}) == 2
    assert hash(UsernamePassword("a", "b")) != hash(UsernamePassword("a", "c"))
    assert NoAuth() != UsernamePassword("a", "b")
    assert UsernamePassword("a", "b") != NoAuth()
    assert repr(NoAuth()) == "NoAuth()"
    assert repr(UsernamePassword("alice", "secret")) == "UsernamePassword(***)"


def test_what_a_driver_asks_of_a_method() -> None:
    assert (NoAuth.code, UsernamePassword.code) == (0, 2)
    assert NoAuth.one_message is UsernamePassword.one_message is True


def test_no_auth_says_nothing() -> None:
    assert list(NoAuth().negotiate(REQUEST, "proxy")) == []
