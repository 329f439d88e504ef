"""Who asks: Basic, Digest, a bearer token."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from socks5client.cli.http.authentication import Digest, Login
from socks5client.cli.options import Options

from .origin import OK, Origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Result

# RFC 7616 section 3.9.1
CHALLENGE = (
    'realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
PROOFS = {
    "MD5": "8ca523f5e9506fed4657c9700eebdbec",
    "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
}


def _refusal(*challenges: str) -> list[tuple[bytes, bytes]]:
    return [(b"WWW-Authenticate", text.encode()) for text in challenges]


@pytest.mark.parametrize("algorithm", PROOFS)
def test_digest_as_in_the_rfc(monkeypatch: pytest.MonkeyPatch, algorithm: str) -> None:
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    monkeypatch.setattr(
        "socks5client.cli.http.authentication.secrets.token_urlsafe", lambda size: cnonce
    )
    digest = Digest.parse(CHALLENGE.format(algorithm))
    assert digest is not None
    value = digest.header("Mufasa", "Circle of Life", "GET", "/dir/index.html")
    assert f'response="{PROOFS[algorithm]}"' in value
    assert f'cnonce="{cnonce}", nc=00000001, qop=auth' in value
    assert f"algorithm={algorithm}" in value
    assert "nc=00000002" in digest.header("Mufasa", "x", "GET", "/")


def test_digest_of_a_hashed_user() -> None:
    def h(text: str) -> str:
        return hashlib.new("sha512_256", text.encode()).hexdigest()

    digest = Digest.parse('realm="r", nonce="n", algorithm=SHA-512-256, userhash=true')
    assert digest is not None
    hashed, secret = h("J\u00e4s\u00f8n:r"), h("J\u00e4s\u00f8n:r:p")
    value = digest.header("J\u00e4s\u00f8n", "p", "GET", "/")
    assert f'username="{hashed}"' in value
    proof = h(f"{secret}:n:{h('GET:/')}")
    assert f'response="{proof}"' in value
    assert value.endswith("algorithm=SHA-512-256, userhash=true")


def test_digest_without_qop_and_of_a_session() -> None:
    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    old = Digest.parse(' realm=r , nonce="n"')
    assert old is not None
    proof = md5(f"{md5('u:r:p')}:n:{md5('GET:/')}")
    expected = f'Digest username="u", realm="r", nonce="n", uri="/", response="{proof}"'
    assert old.header("u", "p", "GET", "/") == expected

    session = Digest.parse('realm="r", nonce="n", qop="auth-int", algorithm=md5-SESS')
    assert session is not None
    value = session.header("u", "p", "GET", "/")
    fields = dict(field.split("=", 1) for field in value.removeprefix("Digest ").split(", "))
    cnonce = fields["cnonce"].strip('"')
    secret = md5(f"{md5('u:r:p')}:n:{cnonce}")
    asked = md5(f"GET:/:{md5('')}")
    assert fields["response"].strip('"') == md5(f"{secret}:n:00000001:{cnonce}:auth-int:{asked}")


@pytest.mark.parametrize(
    "challenge",
    ['realm="r"', 'nonce="n", algorithm=MD4', 'nonce="n", algorithm=MD5-sess', ""],
)
def test_digest_that_cannot_be(challenge: str) -> None:
    assert Digest.parse(challenge) is None


def test_what_is_quoted() -> None:
    digest = Digest.parse(r'realm="a \"b\" \\", nonce="n,=", opaque="")')
    assert digest is not None
    value = digest.header('u"\\', "p", "GET", '/"')
    assert value.startswith(r'Digest username="u\"\\", realm="a \"b\" \\", nonce="n,=", uri="/"",')
    assert value.endswith('opaque=""')


def test_what_the_server_prefers() -> None:
    login = Login(Options(auth="any"))
    assert login.header("u", "p", "GET", "/") is None
    assert not login.probing
    assert login.refused(_refusal("Negotiate", 'Basic realm="Digest x", Digest realm=r, nonce=n'))
    assert str(login.header("u", "p", "GET", "/")).startswith("Digest ")
    assert not login.refused(_refusal("Digest realm=r, nonce=m"))


def test_digest_probes_and_is_patient_with_stale_nonces() -> None:
    login = Login(Options(auth="digest"))
    assert login.probing
    assert login.refused(_refusal("Digest realm=r, nonce=n"))
    assert not login.probing
    assert login.refused(_refusal("Digest realm=r, nonce=m, stale=TRUE"))
    assert 'nonce="m"' in str(login.header("u", "p", "GET", "/"))
    assert not login.refused(_refusal("Digest realm=r, nonce=o"))
    assert not login.refused(_refusal("Digest realm=r, nonce=o, stale=true"))


def test_nothing_more_than_basic_is_tried() -> None:
    login = Login(Options())
    assert login.header("\u00e9", ":", "GET", "/") == "Basic w6k6Og=="
    assert not login.refused(_refusal("Basic realm=x", "Digest realm=r, nonce=n"))


def test_digest_counts_across_redirects(run: Callable[..., Result]) -> None:
    """On one connection, where curl counts as we do."""
    challenge = (
        b"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=r, nonce=n, qop=auth\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    moved = b"HTTP/1.1 302 Moved\r\nLocation: /n\r\nContent-Length: 0\r\n\r\n"
    answers = iter([challenge, moved, OK])
    with Origin(lambda request: next(answers)) as origin:
        assert run("-L", "--digest", "-u", "u:p", origin.url).out == b"hi"
    assert b"Authorization" not in origin.requests[0]
    assert b'uri="/", cnonce=' in origin.requests[1]
    assert b"nc=00000001" in origin.requests[1]
    assert b'uri="/n", cnonce=' in origin.requests[2]
    assert b"nc=00000002" in origin.requests[2]


def test_a_target_is_signed_as_it_is_sent(run: Callable[..., Result]) -> None:
    answers = iter([b"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest nonce=n\r\n\r\n", OK])
    with Origin(lambda request: next(answers)) as origin:
        run("--digest", "-u", "u:p", origin.url + 'a|b"c?d^e')
    assert origin.lines[0] == 'GET /a|b"c?d^e HTTP/1.1'
    assert 'uri="/a|b"c?d^e"' in origin.lines[2]


def test_a_bearer_is_not_shown(run: Callable[..., Result]) -> None:
    with Origin() as origin:
        result = run("-v", "--oauth2-bearer", "s3cret", origin.url)
        assert "Authorization: Bearer s3cret" in origin.lines
    assert "s3cret" not in result.err
