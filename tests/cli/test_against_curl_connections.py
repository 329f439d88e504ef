"""The same command line for curl and for socks5-curl: how they come to the origin, and when not.

Compared: exit code, stdout, what the proxy was asked for, what the origin was sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.real_servers import require
from tests.server_fixture import Server

from .comparison import run_curl, sent
from .conftest import NAMES
from .http2 import FaultyHttp2
from .origin import HOLD, OK
from .web import Web

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.real_servers import Origin as WebServer

    from .conftest import Result


@pytest.fixture(autouse=True)
def curl() -> str:
    return require("curl")


REMOTE = ["--socks5-hostname", "HERE"]
LOCAL = ["--socks5", "HERE"]
NOPE = "http://nope.test:PORT/"
FOUND = ["--resolve", "nope.test:PORT:127.0.0.1"]
URL = "http://origin.test:PORT/"

ROWS: list[list[str]] = [
    [*LOCAL, "--resolve", "nope.test:PORT:127.0.0.1", NOPE],
    [*LOCAL, "--resolve", "NOPE.test:PORT:127.0.0.1", NOPE],
    [*LOCAL, "--resolve", "+nope.test:PORT:127.0.0.1", NOPE],
    [*LOCAL, "--resolve", "nope.test:PORT:[::1]", NOPE],
    [*LOCAL, "--resolve", "*:PORT:127.0.0.1", NOPE],
    [*LOCAL, *FOUND, "--resolve", "*:PORT:127.0.0.9", NOPE],
    [*LOCAL, "--resolve", "nope.test:PORT:127.0.0.9", *FOUND, NOPE],
    [*LOCAL, "--resolve", "nope.test:PORT:", NOPE],
    [*LOCAL, "--resolve", "nope.test:x:127.0.0.1", NOPE],
    [*REMOTE, "--resolve", "nope.test:PORT:127.0.0.1", NOPE],
    [*REMOTE, "--resolve", "origin.test:PORT:127.0.0.9", URL],
    ["-x", "socks5h://p.test:PROXYPORT", "--resolve", "p.test:PROXYPORT:127.0.0.1", URL],
    [*LOCAL, "--connect-to", "b.test:PORT:nope.test:PORT", *FOUND, "http://b.test:PORT/"],
    [*REMOTE, "--connect-to", "nope.test:PORT:[127.0.0.1]:PORT", NOPE],
    [*REMOTE, "--connect-to", "a.test:1:b.test:2", "--connect-to", "nope.test::origin.test:", NOPE],
    [*REMOTE, "--connect-to", "nope.test:1:origin.test:", NOPE],
    [*REMOTE, "--connect-to", "::127.0.0.1:", "-H", "Host: x", NOPE],
    ["--noproxy", "*", "--resolve", "nope.test:PORT:127.0.0.1", NOPE],
    ["--noproxy", "*", "--connect-to", "nope.test::127.0.0.1:", NOPE],
    ["--noproxy", "127.0.0.1", *REMOTE, "--connect-to", "origin.test::127.0.0.1:", URL],
    ["--noproxy", "nope.test", *REMOTE, "--connect-to", "nope.test::127.0.0.1:", NOPE],
    ["-4", "--socks5-hostname", "localhost:PROXYPORT", URL],
    ["-6", "--socks5-hostname", "localhost:PROXYPORT", URL],
    ["-6", "--noproxy", "*", "http://127.0.0.1:PORT/"],
    ["-4", "--noproxy", "*", "http://127.0.0.1:PORT/"],
    ["-4", *LOCAL, "http://localhost:PORT/"],
    [*REMOTE, "-x", "", "--noproxy", "*", "http://127.0.0.1:PORT/"],
    ["-x", "socks5h://127.0.0.1:1", URL],
    [*REMOTE, "--connect-timeout", "5", "-m", "5", URL],
    [*REMOTE, "-m", "0.5", URL + "hold"],
    [*REMOTE, "-Y", "1000", "-y", "1", URL + "hold"],
    [*REMOTE, "-y", "1", URL + "hold"],
    [*REMOTE, "--local-port", "45000-45999", URL],
    [*REMOTE, "--socks5-basic", "-U", "a:b", URL],
    ["--proto-default", "http", *REMOTE, "origin.test:PORT"],
    ["--proto-default", "https", *REMOTE, "-m", "3", "--proto", "=http", "origin.test:PORT"],
]  # fmt: skip


def _answer(request: bytes) -> bytes:
    return HOLD if b"/hold" in request else OK


@pytest.mark.parametrize("arguments", ROWS, ids=" ".join)
def test_same(bare: Callable[..., Result], proxy: Server, arguments: list[str]) -> None:
    results = []
    with Web(_answer) as web:
        here = f"{proxy.host}:{proxy.port}"
        words = [word.replace("HERE", here) for word in ["-q", "-sS", *arguments]]
        words = [word.replace("PROXYPORT", str(proxy.port)) for word in words]
        words = [word.replace("PORT", str(web.port)) for word in words]
        for command in (run_curl, bare):
            web.clear()
            before = len(proxy.requests)
            code, out = command(*words)[:2]
            asked = [(each.host, each.port) for each in proxy.requests[before:]]
            results.append((code, out, asked, list(map(sent, web.requests))))
    assert results[1] == results[0]


HTTP2 = ["%{http_code} %{http_version} %{num_connects} %{num_headers} %{size_download}\n"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["URL"],
        ["--http2", "URL", "URL"],
        ["--http1.1", "URL"],
        ["--http2-prior-knowledge", "URL"],
        ["--no-alpn", "URL"],
        ["-I", "URL"],
        ["-f", "URLnope"],
    ],
    ids=" ".join,
)
def test_same_with_a_real_server(
    bare: Callable[..., Result], proxy: Server, origin: WebServer, arguments: list[str]
) -> None:
    url = f"https://origin.test:{origin.https_port}/"
    words = ["-q", "-sS", "--cacert", str(origin.ca_file), "-w", *HTTP2]
    words += ["--socks5-hostname", f"{proxy.host}:{proxy.port}"]
    words += [word.replace("URL", url) for word in arguments]
    theirs, ours = run_curl(*words), bare(*words)[:2]
    dates = [b"date:", b"Date:"]
    assert ours[0] == theirs[0]
    assert [line for line in ours[1].splitlines() if line[:5] not in dates] == [
        line for line in theirs[1].splitlines() if line[:5] not in dates
    ]


def test_same_behind_a_proxy_that_stalls(bare: Callable[..., Result]) -> None:
    from tests.server_fixture import Fault, stall

    with Server(names=NAMES, faults=[Fault("reply", stall())]) as server:
        for limit in (["-m", "0.5"], ["--connect-timeout", "0.5"]):
            words = ["-sS", *limit, "-x", server.url, "http://origin.test:1/"]
            assert bare(*words)[:2] == run_curl(*words) == (28, b"")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("none", 0),
        ("reset", 92),
        ("reset later", 92),
        ("goaway", 18),
        ("goaway later", 18),
        ("close", 18),
        ("close later", 18),
        ("short", 92),
    ],
)
def test_same_exit_code_for_http2(
    bare: Callable[..., Result], proxy: Server, fault: str, code: int
) -> None:
    with FaultyHttp2(fault) as server:
        words = ["-q", "-sS", "--http2-prior-knowledge", "-m", "5", "-x", proxy.url, server.url]
        assert bare(*words).code == run_curl(*words)[0] == code
