"""The examples that the recipes speak of, each as a whole program."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from tests.origins import Page, unused_address, web_server
from tests.server_fixture import CATALOGUE, Server
from tests.standalone import run_example

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
HOSTS = ("one.test", "two.test")


class Busy(Page):
    """Answers 503 to the first two requests for /busy, and always to /down."""

    seen: ClassVar[list[str]]
    lock = threading.Lock()

    def do_GET(self) -> None:
        with self.lock:
            self.seen.append(self.path)
            times = self.seen.count(self.path)
        if self.path == "/down" or (self.path == "/busy" and times <= 2):
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.answer(self.body)


@pytest.fixture
def site() -> Iterator[tuple[tuple[str, int], list[str]]]:
    class Fresh(Busy):
        seen: ClassVar[list[str]] = []

    with web_server(Fresh) as address:
        yield address, Fresh.seen


def routes(web: tuple[str, int]) -> dict[tuple[str, int], tuple[str, int]]:
    return {(host, 80): web for host in HOSTS}


def crawl(server: Server, *arguments: str) -> tuple[int, list[str], str]:
    done = run_example("crawl", server.url, "--pause", "0.01", *arguments)
    return done.returncode, done.stdout.decode().splitlines(), done.stderr.decode()


def test_crawl_many(site: tuple[tuple[str, int], list[str]]) -> None:
    web, seen = site
    urls = [f"http://{host}/{number}" for host in HOSTS for number in range(50)]
    with Server(routes=routes(web)) as server:
        status, lines, errors = crawl(server, *urls)
        assert len(server.requests) < 50  # connections are kept
    assert (status, errors) == (0, "")
    assert sorted(lines) == sorted(f"200 6 {url}" for url in urls)
    assert len(seen) == 100


def test_crawl_again(site: tuple[tuple[str, int], list[str]]) -> None:
    web, seen = site
    with Server(routes=routes(web)) as server:
        status, lines, _ = crawl(server, "http://one.test/busy", "http://one.test/down")
    assert status == 0
    assert sorted(lines) == ["200 6 http://one.test/busy", "503 0 http://one.test/down"]
    assert (seen.count("/busy"), seen.count("/down")) == (3, 4)


def test_crawl_again_where_the_proxy_failed(site: tuple[tuple[str, int], list[str]]) -> None:
    web, _ = site
    with Server(routes=routes(web), faults=[CATALOGUE["reply-code-1"]]) as server:
        status, lines, errors = crawl(server, "http://one.test/")
        assert len(server.requests) == 4
    assert (status, lines) == (1, [])
    assert re.fullmatch(r"crawl: http://one.test/: .*general SOCKS server failure.*\n", errors)


def test_crawl_not_again_where_it_is_of_no_use(site: tuple[tuple[str, int], list[str]]) -> None:
    web, _ = site
    with Server(routes=routes(web), faults=[CATALOGUE["reply-code-2"]]) as server:
        status, lines, errors = crawl(server, "http://one.test/")
        assert len(server.requests) == 1
    assert (status, lines) == (1, [])
    assert "not allowed" in errors


def test_crawl_ends_where_the_password_is_wrong() -> None:
    with Server(users={"alice": "s3cret"}) as server:
        url = server.url_as(user_info="alice:wrong@")
        done = run_example("crawl", url, "http://one.test/", "http://two.test/")
    assert done.returncode == 1
    assert re.fullmatch(rb"crawl: .*refused the user name or password.*\n", done.stderr)
    assert b"wrong" not in done.stderr


def test_crawl_isolated(site: tuple[tuple[str, int], list[str]]) -> None:
    web, _ = site
    urls = [f"http://{host}/{number}" for host in HOSTS for number in range(3)]
    with Server(routes=routes(web), methods=(2,)) as server:
        status, _, errors = crawl(server, "--isolate", *urls)
        labels = {(request.host, request.username) for request in server.requests}
        passwords = {request.password for request in server.requests}
    assert (status, errors) == (0, "")
    assert labels == {(host, host.encode()) for host in HOSTS}
    assert len(passwords) == 1


def suite(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        [*command, "-c", os.devnull, "--rootdir", str(ROOT), "examples/pytest_patch"],
        cwd=ROOT,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_suite_through_the_proxy() -> None:
    with web_server() as web, Server(routes={("example.com", 80): web}) as server:
        done = suite("--socks-proxy", server.url)
        asked = [(request.host, request.port) for request in server.requests]
    assert "3 passed" in done.stdout, done.stdout
    assert asked == [("example.com", 80)] * 2  # the test's own, its child's


def test_suite_without_a_proxy() -> None:
    done = suite()
    assert "1 passed, 2 skipped" in done.stdout, done.stdout


def test_suite_through_no_proxy() -> None:
    done = suite("--socks-proxy", "socks5h://{}:{}".format(*unused_address()))
    assert "2 failed, 1 passed" in done.stdout, done.stdout
    assert "cannot connect to the proxy" in done.stdout
