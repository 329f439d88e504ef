"""Where connections go, and which protocols may be spoken."""

from __future__ import annotations

import pytest

from socks5client.cli.exitcodes import TransferError
from socks5client.cli.handlers import REDIRECTS, allowed
from socks5client.cli.options import UsageError, parse
from socks5client.cli.targets import Targets
from socks5client.cli.tls import split_certificate
from socks5client.cli.urls import UnsupportedScheme


def _targets(*words: str) -> Targets:
    return Targets.of(parse(["-q", *words, "http://h/"])[0])


def test_elsewhere() -> None:
    targets = _targets(
        *("--connect-to", "A.test:80:b.test:81", "--connect-to", "[::1]:5:[::2]:6"),
        *(
            "--connect-to",
            ":90:c.test:",
            "--connect-to",
            "d.test:::7",
            "--connect-to",
            "e.test:::",
        ),
    )
    assert targets.place("a.TEST", 80) == ("b.test", 81)
    assert targets.place("a.test", 90) == ("c.test", 90)
    assert targets.place("a.test", 443) == ("a.test", 443)
    assert targets.place("::1", 5) == ("::2", 6)
    assert targets.place("d.test", 1) == ("d.test", 7)


@pytest.mark.parametrize("rule", ["a", "a:1", "a:1:b", "a:1:b:2:3", "a:0:b:1", "a:-1:b:2"])
def test_no_rules_for_elsewhere(rule: str) -> None:
    with pytest.raises(UsageError, match="--connect-to"):
        _targets("--connect-to", rule)


def test_addresses() -> None:
    targets = _targets(
        *("--resolve", "A.test:80:192.0.2.1,[2001:db8::1]", "--resolve", "*:81:192.0.2.2"),
        *("--resolve", "+b.test:81:2001:db8::3", "--resolve", "c.test:80:192.0.2.4"),
        *("--resolve", "-c.test:80"),
    )
    assert targets.known("a.test", 80) == ("192.0.2.1", "2001:db8::1")
    assert targets.known("any.test", 81) == ("192.0.2.2",)
    assert targets.known("b.test", 81) == ("2001:db8::3",)
    assert targets.known("c.test", 80) == ()
    assert targets.known("any.test", 80) == ()


@pytest.mark.parametrize("rule", ["a", "a:1", "a:1:", "a:x:192.0.2.1", ":1:192.0.2.1", "a:1:name"])
def test_no_addresses(rule: str) -> None:
    with pytest.raises(TransferError, match="--resolve") as caught:
        _targets("--resolve", rule)
    assert caught.value.code == 49


@pytest.mark.parametrize(
    ("rules", "http", "ftp"),
    [
        (None, True, True),
        ("", True, True),
        ("=http", True, False),
        ("-all,http", True, False),
        ("-http", False, True),
        ("=https", False, False),
        ("http", True, True),
        ("=HTTP, +ftp", True, True),
        ("=nosuch", False, False),
        ("=all,-ftp", True, False),
    ],
)
def test_protocols(rules: str | None, http: bool, ftp: bool) -> None:
    for scheme, may in (("http", http), ("ftp", ftp)):
        if may:
            allowed(scheme, rules)
        else:
            with pytest.raises(UnsupportedScheme, match="not allowed"):
                allowed(scheme, rules)


def test_where_redirects_may_lead() -> None:
    allowed("ftp", None, REDIRECTS)
    for rules in (None, "-ftp", "+http"):
        with pytest.raises(UnsupportedScheme):
            allowed("tftp", rules, REDIRECTS)
    allowed("tftp", "+tftp", REDIRECTS)


@pytest.mark.parametrize(
    ("text", "file", "phrase"),
    [
        ("file", "file", None),
        ("file:a:b", "file", "a:b"),
        ("file:", "file", ""),
        (r"C\:\\x:y", r"C:\x", "y"),
        (r"a\b", r"a\b", None),
    ],
)
def test_certificates(text: str, file: str, phrase: str | None) -> None:
    assert split_certificate(text) == (file, phrase)
