"""Credentials from a .netrc file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from socks5client.cli.exitcodes import Exit, TransferError
from socks5client.cli.netrc import netrc_credentials
from socks5client.cli.options import Options

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
machine h login first password 1st
machine h
  login "sec ond"   # a comment
  password "a\\"b\\\\c\\nd"
macdef init
  machine h login macro password m

machine only.test password p#w
machine name.test login n
DEFAULT login any password thing
"""


@pytest.fixture
def options(tmp_path: Path) -> Options:
    file = tmp_path / "netrc"
    file.write_text(TEXT)
    return Options(netrc_file=str(file))


@pytest.mark.parametrize(
    ("host", "user", "found"),
    [
        ("h", None, ("first", "1st")),
        ("H", "first", ("first", "1st")),
        ("h", "sec ond", ("sec ond", 'a"b\\c\nd')),
        ("h", "macro", None),
        ("only.test", None, ("", "p#w")),
        ("only.test", "me", ("me", "p#w")),
        ("name.test", None, ("any", "thing")),
        ("elsewhere", None, ("any", "thing")),
        ("elsewhere", "any", ("any", "thing")),
        ("elsewhere", "me", None),
    ],
)
def test_who_is_found(
    options: Options, host: str, user: str | None, found: tuple[str, str] | None
) -> None:
    assert netrc_credentials(options, host, user) == found


def test_only_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine h login a password b")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert netrc_credentials(Options(), "h") is None
    assert netrc_credentials(Options(netrc="optional"), "h") == ("a", "b")
    assert netrc_credentials(Options(netrc_file=str(tmp_path / "none")), "h") is None


def test_a_login_without_a_password(tmp_path: Path) -> None:
    file = tmp_path / "netrc"
    file.write_text("machine h login a")
    assert netrc_credentials(Options(netrc_file=str(file)), "h") == ("a", "")
    assert netrc_credentials(Options(netrc_file=str(file)), "h", "a") is None


def test_an_open_quote(tmp_path: Path) -> None:
    file = tmp_path / "netrc"
    file.write_text('machine h login "secret')
    with pytest.raises(TransferError, match="open quote") as caught:
        netrc_credentials(Options(netrc_file=str(file)), "h")
    assert caught.value.code == Exit.READ_FAILED
    assert "secret" not in str(caught.value)
