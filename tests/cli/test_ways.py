"""Which proxy, with which credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from socks5client import NoAuth, Proxy, UsernamePassword
from socks5client.cli.options import UsageError, parse
from socks5client.cli.ways import find_bypass, find_proxy
from tests.server_fixture import Server

from .conftest import NAMES
from .origin import Origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Result


def _found(*argv: str) -> Proxy | None:
    return find_proxy(parse([*argv, "http://h/"])[0])


def test_options() -> None:
    assert _found("-x", "h:1") == Proxy("h", 1)
    assert _found("--socks5", "h") == Proxy("h", 1080, remote_dns=False)
    assert _found("--socks5-hostname", "[::1]:9") == Proxy("::1", 9)
    assert _found("-x", "socks5h+unix:///run/x") == Proxy("", unix_path="/run/x")
    assert _found("--socks5", "h:1", "-x", "i:2") == Proxy("i", 2)  # the last one counts
    user = (UsernamePassword("u", "p%"), NoAuth())
    assert _found("--socks5", "u:p%25@h") == Proxy("h", auth=user, remote_dns=False)
    assert _found("-x", "h", "-U", "u:p%25") == Proxy("h", auth=user)
    assert _found("-x", "a:b@h", "-U", "u:p%25") == Proxy.from_url("a:b@h")  # as in curl


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _found() is None
    monkeypatch.setenv("all_proxy", "socks5://low:1")
    assert _found() == Proxy("low", 1, remote_dns=False)
    monkeypatch.setenv("ALL_PROXY", "http://other:1")
    assert _found() == Proxy("low", 1, remote_dns=False)
    monkeypatch.setenv("SOCKS5CLIENT_PROXY", "own")
    assert _found() == Proxy("own")
    assert _found("-x", "h") == Proxy("h")
    assert _found("-x", "") is None
    assert _found("-U", "u:p") == Proxy("own", auth=(UsernamePassword("u", "p"), NoAuth()))
    monkeypatch.setenv("NO_PROXY", "a.test")
    assert find_bypass(parse(["h"])[0]).matches("a.test", 80)
    assert not find_bypass(parse(["--noproxy", "b.test", "h"])[0]).matches("a.test", 80)
    monkeypatch.setenv("SOCKS5CLIENT_PROXY", "http://u:secret@h")
    with pytest.raises(UsageError, match="SOCKS5CLIENT_PROXY") as caught:
        _found()
    assert "secret" not in str(caught.value)


def test_unusable_credentials() -> None:
    with pytest.raises(UsageError, match="proxy: "):
        _found("-x", "h", "-U", "u" * 256 + ":p")


def test_credentials_reach_the_proxy(
    bare: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    users = {"al:ice": "s%c"}
    with Server(users=users, names=NAMES) as server, Origin() as origin:
        where = f"{server.host}:{server.port}"
        assert bare("-x", where, "-U", "al%3aice:s%25c", origin.url).out == b"hi"
        assert bare("-x", f"socks5h://al%3aice:s%25c@{where}", origin.url).out == b"hi"
        monkeypatch.setattr("socks5client.cli.ways.getpass", lambda prompt: "s%25c")
        assert bare("-x", where, "-U", "al%3aice", origin.url).out == b"hi"


def test_no_terminal_to_ask_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("socks5client.cli.ways.getpass", ask)
    with pytest.raises(UsageError, match="no proxy password"):
        _found("-x", "h", "-U", "u")
