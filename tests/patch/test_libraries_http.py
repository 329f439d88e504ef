"""Libraries that fetch a page over TLS from nginx, unmodified, under patch()."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server_fixture import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.patch.conftest import Trial
    from tests.real_servers import Origin, RealProxy

NAME = "origin.test"  # as in nginx's certificate; there is no such name but at the proxy
PAGE = "200 <p>origin</p>\n"

# What the table says: the program, and its further arguments.
LIBRARIES = {
    "requests": ("requests_page",),
    "urllib3": ("urllib3_page",),
    "httpx": ("httpx_page",),
    "httpx async, asyncio": ("httpx_async_page", "asyncio"),
    "httpx async, trio": ("httpx_async_page", "trio"),
    "aiohttp": ("aiohttp_page", "asyncio"),
    "aiohttp on uvloop": ("aiohttp_page", "uvloop"),
    "http.client": ("http_client_page",),
    "urllib.request": ("urllib_page",),
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_page_by_name(library: str, trial: Trial, origin: Origin, options: Sequence[str]) -> None:
    program, *more = LIBRARIES[library]
    with Server(names={NAME: origin.host}) as proxy:
        page = trial(
            program,
            NAME,
            origin.https_port,
            origin.ca_file,
            *more,
            library=library,
            server="nginx",
            proxy=proxy,
            options=options,
        )
        proxy.wait_idle()
    assert page == PAGE


@pytest.mark.parametrize("library", ["requests", "aiohttp"])
def test_a_page_through_a_real_proxy(
    library: str, trial: Trial, origin: Origin, danted: RealProxy
) -> None:
    """Which reaches loopback alone, so that is not to be bypassed."""
    program, *more = LIBRARIES[library]
    page = trial(
        program,
        origin.host,
        origin.https_port,
        origin.ca_file,
        *more,
        library=library,
        server="nginx",
        proxy=danted,
        options=["--bypass", "none"],
    )
    assert page == PAGE
