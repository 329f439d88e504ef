"""A test suite that reaches the network through a SOCKS5 proxy only, or not at all.

    pytest examples/pytest_patch --socks-proxy socks5h://127.0.0.1:1080

Without the option there is no proxy, and a test that goes beyond this machine fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import socks5client

if TYPE_CHECKING:
    from collections.abc import Iterator

# Nobody listens at port 9 (discard); what is to be reached beyond this machine is an error.
NOWHERE = "socks5h://127.0.0.1:9"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--socks-proxy", metavar="URL", help="for tests marked with `network`")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "network: needs the network, and so --socks-proxy")


@pytest.fixture(scope="session", autouse=True)
def no_way_past_the_proxy(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever the tests do, their libraries and child processes among it."""
    proxy = request.config.getoption("--socks-proxy") or NOWHERE
    with socks5client.patch(proxy, strict=True):
        yield


@pytest.fixture(autouse=True)
def network(request: pytest.FixtureRequest) -> None:
    """Tests marked with `network` are skipped where there is no proxy."""
    if request.node.get_closest_marker("network") and not request.config.getoption("--socks-proxy"):
        pytest.skip("needs --socks-proxy")
