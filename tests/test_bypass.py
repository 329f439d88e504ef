from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socks5client import Bypass

RULES = [
    ("", "example.com", 80, False),
    ("*", "example.com", 80, True),
    (" * ", "::1", 80, True),
    ("example.com", "example.com", 80, True),
    ("example.com", "EXAMPLE.com.", 80, True),
    ("Example.Com.", "www.example.com", 80, True),
    (".example.com", "www.example.com", 80, True),
    (".example.com", "example.com", 80, True),
    ("example.com", "badexample.com", 80, False),
    ("example.com", "example.com.evil", 80, False),
    ("a.test,example.com", "example.com", 80, True),
    ("a.test example.com", "example.com", 80, True),
    (" a.test ,, example.com ", "example.com", 80, True),
    ("*,example.org", "example.com", 80, False),
    ("*.example.com", "www.example.com", 80, False),
    ("example.com:80", "example.com", 80, True),
    ("example.com:80", "example.com", 443, False),
    ("127.0.0.1", "127.0.0.1", 80, True),
    ("127.0.0.1", "127.0.0.2", 80, False),
    ("127.0.0.1:81", "127.0.0.1", 80, False),
    ("127.0.0.1:80", "127.0.0.1", 80, True),
    ("10.0.0.0/8", "10.255.0.1", 80, True),
    ("10.1.2.3/8", "10.255.0.1", 80, True),
    ("10.0.0.0/8", "11.0.0.1", 80, False),
    ("10.0.0.0/255.0.0.0", "10.0.0.1", 80, False),
    ("10.0.0.0/0.255.255.255", "10.0.0.1", 80, False),
    ("10.0.0.0/99", "10.0.0.1", 80, False),
    ("10.0.0.0/8", "name.10.test", 80, False),
    ("::1", "::1", 80, True),
    ("[::1]", "::1", 80, True),
    ("[::1]:80", "::1", 80, True),
    ("[::1]:80", "[::1]", 81, False),
    ("2001:db8::/32", "2001:db8::5", 80, True),
    ("2001:db8::/32", "192.0.2.1", 80, False),
    ("0:0:0:0:0:0:0:1", "::1", 80, True),
    ("0.0.1", "127.0.0.1", 80, False),
    (".", "example.com", 80, False),
    (",", "", 80, False),
]


@pytest.mark.parametrize(("text", "host", "port", "matches"), RULES)
def test_rule(text: str, host: str, port: int, matches: bool) -> None:
    assert Bypass(text).matches(host, port) is matches


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({}, ""),
        ({"NO_PROXY": "a"}, "a"),
        ({"no_proxy": "b"}, "b"),
        ({"NO_PROXY": "a", "no_proxy": "b"}, "b"),
        ({"NO_PROXY": "a", "no_proxy": ""}, "a"),
    ],
)
def test_environment(environ: dict[str, str], text: str) -> None:
    assert Bypass.from_env(environ) == Bypass(text)


def test_as_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "a.test")
    assert Bypass.from_env() == Bypass("a.test")
    assert hash(Bypass("a.test")) == hash(Bypass("a.test"))
    assert Bypass("a.test") != "a.test"
    assert repr(Bypass("a.test")) == "Bypass('a.test')"


@given(st.text(), st.text(), st.integers(0, 65535))
def test_any_text_is_a_rule_or_none(text: str, host: str, port: int) -> None:
    assert Bypass(text).matches(host, port) in (True, False)
