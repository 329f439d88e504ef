"""anyio's users are served, on both of its backends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.origins import Page, web_server
from tests.server_fixture import Server
from tests.standalone import run_example

if TYPE_CHECKING:
    from tests.real_servers import RealProxy


class LongPage(Page):
    body = b"a long page " * 50_000


@pytest.mark.parametrize("backend", [[], ["--trio"]], ids=["asyncio", "trio"])
def test_a_page(backend: list[str]) -> None:
    with web_server(LongPage) as origin, Server(names={"page.test": origin}) as server:
        url = f"http://page.test:{origin[1]}/"
        ended = run_example("anyio_page", server.url, *backend, url)
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert ended.stdout == LongPage.body
        assert [request.host for request in server.requests] == ["page.test"]


@pytest.mark.parametrize("backend", [[], ["--trio"]], ids=["asyncio", "trio"])
def test_by_a_real_proxy(danted: RealProxy, backend: list[str]) -> None:
    with web_server() as origin:
        ended = run_example("anyio_page", danted.url, *backend, "http://{}:{}/".format(*origin))
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, Page.body, b"")


@pytest.mark.parametrize("backend", [[], ["--trio"]], ids=["asyncio", "trio"])
def test_the_proxys_error(backend: list[str]) -> None:
    with Server(names={}) as server:
        ended = run_example("anyio_page", server.url, *backend, "http://page.test/")
        assert ended.returncode == 1
        assert b"HostUnreachable" in ended.stderr
