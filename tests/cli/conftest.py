"""Fixtures of the command's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from socks5client.cli import main
from tests.server_fixture import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAMES = {"origin.test": "127.0.0.1", "other.test": "127.0.0.1"}
VARIABLES = ("SOCKS5CLIENT_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


class Result(NamedTuple):
    code: int
    out: bytes
    err: str


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)


@pytest.fixture(scope="session")
def proxy() -> Iterator[Server]:
    """The reference server without authentication; it knows NAMES."""
    with Server(names=NAMES) as server:
        yield server


@pytest.fixture
def bare(capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Result]:
    """The command in this process, with just these arguments."""

    def run(*args: str) -> Result:
        capfdbinary.readouterr()
        code = main(args)
        out, err = capfdbinary.readouterr()
        return Result(code, out, err.decode())

    return run


@pytest.fixture
def run(bare: Callable[..., Result], proxy: Server) -> Callable[..., Result]:
    """The command in this process, through `proxy`."""

    def run_through(*args: str) -> Result:
        return bare("--socks5-hostname", f"{proxy.host}:{proxy.port}", *args)

    return run_through
