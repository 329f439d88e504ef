"""A trial: a library under patch(), what became of it, and the table `pytest --libraries` shows.

The option is there where the tests of this folder are asked for: `pytest --libraries tests/patch`.
"""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from tests.patch.verdict import asked, relays, run_patched
from tests.server_fixture import Server

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.real_servers import RealProxy

HEADINGS = ("library", "version", "server", "through", "verdict")


class Trial:
    """Runs a library's program through a proxy, and fails unless it spoke to the proxy alone."""

    def __init__(self, test: pytest.Item, folder: Path) -> None:
        self._test = test
        self._folder = folder

    def __call__(
        self,
        program: str,
        host: str,
        port: int,
        *args: object,
        library: str,
        server: str,
        proxy: Server | RealProxy,
        options: Sequence[str] = (),
        under: Sequence[str] = (),
    ) -> str:
        """What the program printed; it said nothing else, and the proxy was asked for the host.

        Args:
            program: one of `programs/`, which takes host, port and args.
            library: its distribution, or its module in the standard library; more may follow a
                space, "httpx async".
            server: what serves it, for the table.
            options, under: as for `run_patched`.
        """
        reference = isinstance(proxy, Server)
        through = "reference" if reference else proxy.name
        row = [library, version_of(library), server, through, ""]
        self._test.user_properties.append(("library", row))
        verdict = run_patched(
            program,
            host,
            port,
            *args,
            proxy=proxy.url,
            options=options,
            under=under,
            folder=self._folder,
        )
        verdict.check(proxy.address, relays(proxy) if reference else ())
        row[-1] = "only the proxy"
        assert verdict.errors == ""
        if reference:
            assert (host, port) in asked(proxy)
        return verdict.output


@pytest.fixture
def trial(request: pytest.FixtureRequest, tmp_path: Path) -> Trial:
    return Trial(request.node, tmp_path)


@pytest.fixture(params=[(), ("--strict",)], ids=["usual", "strict"])
def options(request: pytest.FixtureRequest) -> Sequence[str]:
    """Those of `python -m socks5client`: with "strict" nothing that is in order may be an error."""
    chosen: Sequence[str] = request.param
    return chosen


def version_of(library: str) -> str:
    name = library.partition(" ")[0]
    if name.partition(".")[0] in sys.stdlib_module_names:
        return f"Python {platform.python_version()}"
    return metadata.version(name)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--libraries", action="store_true", help="show the libraries under patch()")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if not config.getoption("--libraries", default=False):
        return
    rows = {
        (*row[:-1], f"{report.outcome}: {row[-1] or 'did not come to one'}")
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        for key, row in report.user_properties
        if key == "library" and report.when == "call"
    }
    if rows:
        terminalreporter.section("libraries under patch()")
        for line in table([HEADINGS, *sorted(rows, key=lambda row: [*map(str.lower, row)])]):
            terminalreporter.write_line(line)


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [" | ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
