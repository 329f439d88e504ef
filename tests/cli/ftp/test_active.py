"""-P: the server connects to the proxy (BIND), which curl cannot do."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests import real_servers
from tests.cli.conftest import NAMES
from tests.server_fixture import Server
from tests.server_fixture.wire import BIND, CONNECT

from .server import HANG, FtpServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Result

FILES = {"/home/f": b"0123456789", "/home/large": bytes(range(256)) * 4000}


@pytest.fixture
def checking() -> Any:
    """A proxy that lets nobody come but whom BIND named."""
    with Server(names=NAMES, check_peer=True) as server:
        yield server
        server.wait_idle()


def _url(server: FtpServer, path: str = "f") -> str:
    return f"ftp://origin.test:{server.port}/{path}"


def test_fetch_list_and_upload(
    bare: Callable[..., Result], checking: Server, tmp_path: Path
) -> None:
    (tmp_path / "up").write_bytes(FILES["/home/large"])
    with FtpServer(FILES) as server:
        proxy = ["-x", checking.url, "-sS", "-P", "-"]
        assert bare(*proxy, _url(server))[:2] == (0, b"0123456789")
        assert bare(*proxy, _url(server, "large"))[:2] == (0, FILES["/home/large"])
        assert bare(*proxy, "-l", _url(server, ""))[:2] == (0, b"f\nlarge\n")
        assert bare(*proxy, "-T", str(tmp_path / "up"), _url(server, "new"))[:2] == (0, b"")
        assert server.files["/home/new"] == FILES["/home/large"]
        assert bare(*proxy, "-C", "4", _url(server))[:2] == (0, b"456789")
        assert not {"EPSV", "PASV"} & set(server.words)
    commands = [exchange.command for exchange in checking.requests]
    assert commands == [CONNECT, BIND] * 5
    binds = [exchange for exchange in checking.requests if exchange.command == BIND]
    assert {(exchange.host, exchange.port) for exchange in binds} == {("origin.test", 0)}


def test_the_server_is_told_where_the_proxy_listens(
    bare: Callable[..., Result], proxy: Server
) -> None:
    with FtpServer(FILES, {"EPRT": b"500 no\r\n"}) as server:
        where = ["-x", proxy.url, "-sS"]
        assert bare(*where, "-P", "-", _url(server), _url(server))[:2] == (0, b"0123456789" * 2)
        told = [command for command in server.commands if command.startswith(("EPRT", "PORT"))]
        assert [command.partition(" ")[0] for command in told] == ["EPRT", "PORT", "PORT"]
        assert re.fullmatch(r"EPRT \|1\|127\.0\.0\.1\|\d+\|", told[0])
        assert re.fullmatch(r"PORT 127,0,0,1,\d+,\d+", told[1])
        server.commands.clear()
        assert bare(*where, "-P-", "--disable-eprt", _url(server))[:2] == (0, b"0123456789")
        assert {"EPRT", "PORT"} & set(server.words) == {"PORT"}


def test_another_address_of_the_proxy(bare: Callable[..., Result], proxy: Server) -> None:
    """What the proxy says of itself may be of use in its own network only."""
    with FtpServer(FILES) as server:
        result = bare("-x", proxy.url, "-sS", "-P", "127.0.0.1", _url(server))
        assert result[:2] == (0, b"0123456789")
    with FtpServer(FILES, {"EPRT": b"500 \r\n", "PORT": b"500 no\r\n"}) as server:
        result = bare("-x", proxy.url, "-sS", "-P", "192.0.2.7", _url(server))
        assert (result.code, result.out) == (30, b"")
        server.wait_until_idle()
        *_, eprt, port, _ = server.commands
        assert eprt.startswith("EPRT |1|192.0.2.7|")
        assert port.startswith("PORT 192,0,2,7,")


@pytest.mark.parametrize("argument", ["eth0", "localhost", "10.0.0.1:1000-2000", ""])
def test_an_address_that_is_none(bare: Callable[..., Result], argument: str) -> None:
    result = bare("-P", argument, "ftp://origin.test/")
    assert result.code == 2
    assert "option -P: " in result.err


def test_back_to_passive(bare: Callable[..., Result], proxy: Server) -> None:
    with FtpServer(FILES) as server:
        result = bare("-x", proxy.url, "-sS", "-P-", "--ftp-pasv", _url(server))
        assert result[:2] == (0, b"0123456789")
        assert "EPSV" in server.words


def test_refused_on_the_control_connection(bare: Callable[..., Result], proxy: Server) -> None:
    """The server says that it cannot connect while the proxy still waits for it."""
    with FtpServer(FILES, {"data": b"425 cannot connect\r\n"}) as server:
        begun = time.monotonic()
        result = bare("-x", proxy.url, "-sS", "-P-", "-w", "%{response_code}", _url(server))
        assert time.monotonic() - begun < 10
        assert (result.code, result.out) == (10, b"425")


def test_nobody_comes(bare: Callable[..., Result], proxy: Server) -> None:
    with FtpServer(FILES, {"data": HANG}) as server:
        begun = time.monotonic()
        result = bare("-x", proxy.url, "-sS", "-P-", "-m", "1", _url(server))
        assert time.monotonic() - begun < 10
        assert result.code == 28


def test_a_proxy_without_bind(bare: Callable[..., Result]) -> None:
    with Server(names=NAMES, commands=(CONNECT,)) as proxy, FtpServer(FILES) as server:
        result = bare("-x", proxy.url, "-sS", "-P-", _url(server))
        assert result.code == 97
        assert "command not supported" in result.err
        assert "EPRT" not in server.words


def test_directly(bare: Callable[..., Result]) -> None:
    """--noproxy is said: then the listening socket is ours."""
    with FtpServer(FILES) as server:
        url = f"ftp://127.0.0.1:{server.port}/f"
        assert bare("-sS", "--noproxy", "*", "-P-", url)[:2] == (0, b"0123456789")
        assert bare("-sS", "--noproxy", "*", url)[:2] == (0, b"0123456789")
        assert bare("-sS", "-P-", url).code == 2


def test_vsftpd_through_danted(
    bare: Callable[..., Result],
    danted: real_servers.RealProxy,
    ftp_server: real_servers.FtpServer,
    tmp_path: Path,
) -> None:
    content = FILES["/home/large"]
    real_servers.publish(ftp_server.root / "large", content)
    (tmp_path / "up").write_bytes(content)
    for active in (["-P-"], ["-P-", "--disable-eprt"], []):
        words = ["-sS", "-x", danted.url, *active]
        url = f"ftp://{ftp_server.host}:{ftp_server.port}"
        assert bare(*words, f"{url}/large")[:2] == (0, content)
        (tmp_path / "part").write_bytes(content[:1000])
        assert bare(*words, "-C-", "-o", str(tmp_path / "part"), f"{url}/large").code == 0
        assert (tmp_path / "part").read_bytes() == content
        upload = ftp_server.uploads / "sent"
        assert bare(*words, "-T", str(tmp_path / "up"), f"{url}/upload/sent").code == 0
        assert upload.read_bytes() == content
        upload.unlink()
        assert b"large" in bare(*words, f"{url}/").out


def test_through_a_kerberos_proxy(
    bare: Callable[..., Result], kerberos: real_servers.Realm, tmp_path: Path
) -> None:
    (tmp_path / "up").write_bytes(FILES["/home/large"])
    with Server(names=NAMES, methods=(1,)) as proxy, FtpServer(FILES) as server:
        words = ["-sS", "--socks5-gssapi", "-x", f"socks5h://localhost:{proxy.port}"]
        for active in ([], ["-P-"]):
            assert bare(*words, *active, _url(server, "large"))[:2] == (0, FILES["/home/large"])
            upload = ["-T", str(tmp_path / "up"), _url(server, "new")]
            assert bare(*words, *active, *upload)[:2] == (0, b"")
            assert server.files.pop("/home/new") == FILES["/home/large"]
        assert {exchange.gss_principal for exchange in proxy.requests} == {kerberos.user}
        assert [exchange.command for exchange in proxy.requests].count(BIND) == 2
