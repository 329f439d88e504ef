"""-v tells the story of the negotiation, without secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from socks5client import Proxy
from socks5client.cli.verbose import Narrator
from socks5client.protocol import Address, Authenticated, MethodOffer, MethodSelection, Reply
from tests.server_fixture import Server

from .conftest import NAMES
from .origin import OK, Origin, redirect

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from tests.real_servers import Origin as WebServer

    from .conftest import Result


def test_the_whole_story(bare: Callable[..., Result]) -> None:
    users = {"alice": "s3cret"}
    with (
        Server(users=users, names=NAMES, bound=("127.0.0.1", 4321)) as server,
        Origin() as origin,
    ):
        where = f"{server.host}:{server.port}"
        proxy = f"socks5h://***@{where}"
        code, out, err = bare(
            "-v", "-x", f"socks5h://alice:s3cret@{where}", "-u", "bob:hunter2", origin.url
        )
        assert (code, out) == (0, b"hi")
        authorization, *rest = [line for line in err.splitlines() if "uthorization" in line]
        assert (authorization, rest) == ("> Authorization: ***", [])
        story = [line for line in err.splitlines() if "User-Agent" not in line]
        assert story == [
            f"* Connected to the proxy {proxy} ({where})",
            f"* {proxy}: SOCKS5 offers the methods: username/password (0x02), none (0x00)",
            f"* {proxy}: SOCKS5 the proxy chose: username/password (0x02)",
            f"* {proxy}: SOCKS5 authenticated by: username/password (0x02)",
            f"* {proxy}: SOCKS5 request: CONNECT origin.test:{origin.port}",
            f"* {proxy}: SOCKS5 reply: succeeded (0x00), bound to 127.0.0.1:4321",
            "> GET / HTTP/1.1",
            f"> Host: origin.test:{origin.port}",
            "> Authorization: ***",
            "> Accept: */*",
            "> ",
            "< HTTP/1.1 200 OK",
            "< Content-Type: text/plain",
            "< Content-Length: 2",
            "< ",
        ]
        for secret in ("alice", "s3cret", "bob", "hunter2"):
            assert secret not in err


def test_tls_and_http2(run: Callable[..., Result], origin: WebServer) -> None:
    _, _, err = run("-kv", f"https://origin.test:{origin.https_port}/")
    assert f"* TLS with origin.test:{origin.https_port}: TLSv1." in err
    assert "ALPN: h2\n" in err
    assert "> GET / HTTP/2\n" in err
    assert "< HTTP/2 200 \n" in err


def test_redirects_and_direct_connections(bare: Callable[..., Result]) -> None:
    location = redirect("http://us:p@secret@127.0.0.1:{}/b")
    answers = {b"/b": OK}

    def answer(request: bytes) -> bytes:
        return answers.get(request.split()[1]) or location.replace(b"{}", b"%d" % origin.port)

    with Origin(answer) as origin:
        _, _, err = bare("-vL", "--noproxy", "*", f"http://127.0.0.1:{origin.port}/")
        assert f"* Connected directly to 127.0.0.1:{origin.port}, past any proxy" in err
        assert f"* Redirected to http://127.0.0.1:{origin.port}/b" in err
        assert f"< Location: http://***@127.0.0.1:{origin.port}/b" in err
        assert "secret" not in err


def test_failures_and_strange_codes(capsys: pytest.CaptureFixture[str]) -> None:
    proxy = Proxy("h", 1)
    narrator = Narrator(True)
    narrator.handshake(proxy, MethodOffer((0, 1, 2, 3, 0x80)))
    narrator.handshake(proxy, MethodSelection(0xFF))
    narrator.handshake(proxy, Authenticated(0))
    narrator.handshake(proxy, Reply(5))
    narrator.handshake(proxy, Reply(0x77))
    narrator.handshake(proxy, Reply(0))
    narrator.handshake(proxy, Reply(0, Address("::1", 5).encode()))
    said = [line.partition("SOCKS5 ")[2] for line in capsys.readouterr().err.splitlines()]
    assert said == [
        "offers the methods: none (0x00), GSSAPI (0x01), username/password (0x02),"
        " assigned by IANA (0x03), private (0x80)",
        "the proxy chose: none of them is acceptable (0xff)",
        "no authentication is needed",
        "reply: connection refused by the target (0x05)",
        "reply: unknown code (0x77)",
        "reply: succeeded (0x00), bound to no usable address",
        "reply: succeeded (0x00), bound to [::1]:5",
    ]


def test_control_characters_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Narrator(True).response("HTTP/1.1 200 \x1b[31m", [(b"X", b"\x1b]0;title\x07")])
    assert "\x1b" not in capsys.readouterr().err
    Narrator(False).note("nothing")
    assert capsys.readouterr().err == ""
