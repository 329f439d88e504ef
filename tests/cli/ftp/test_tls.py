"""ftps://, --ssl and its relatives: TLS on both connections, and no way around it."""

from __future__ import annotations

import ssl
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests import real_servers
from tests.cli.comparison import run_curl
from tests.real_servers.certificates import issue

from .server import FtpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Result
    from tests.server_fixture import Server

FILES = {"/home/f": b"0123456789", "/home/large": bytes(range(256)) * 4000}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The authority's, and the server's with its key."""
    return issue(tmp_path_factory.mktemp("certificates"), "origin.test")


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def context(request: pytest.FixtureRequest, certificates: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates[1])
    context.maximum_version = request.param
    return context


@pytest.fixture
def trusting(run: Callable[..., Result], certificates: tuple[Path, Path]) -> Callable[..., Result]:
    """The command, which trusts the authority."""

    def run_trusting(*args: str) -> Result:
        return run("-sS", "--cacert", str(certificates[0]), *args)

    return run_trusting


def _url(server: FtpServer, path: str = "f", scheme: str = "ftp") -> str:
    return f"{scheme}://origin.test:{server.port}/{path}"


@pytest.mark.parametrize("active", [[], ["-P-"]], ids=["passive", "active"])
def test_asked_for(
    trusting: Callable[..., Result], context: ssl.SSLContext, tmp_path: Path, active: list[str]
) -> None:
    (tmp_path / "up").write_bytes(FILES["/home/large"])
    with FtpServer(FILES, ssl_context=context) as server:
        words = [*active, "--ssl-reqd"]
        assert trusting(*words, _url(server, "large"))[:2] == (0, FILES["/home/large"])
        assert server.commands[:6] == [
            "AUTH TLS",
            "USER anonymous",
            "PASS ftp@example.com",
            "PBSZ 0",
            "PROT P",
            "PWD",
        ]
        assert trusting(*words, "-T", str(tmp_path / "up"), _url(server, "new")).code == 0
        assert server.files["/home/new"] == FILES["/home/large"]
        assert trusting(*words, "-r", "2-4", _url(server))[:2] == (0, b"234")
        assert trusting(*words, "-l", _url(server, ""))[:2] == (0, b"f\nlarge\nnew\n")
        assert server.data_tls == [(True, True)] * 4  # protected, in the session of the login


def test_implicit(trusting: Callable[..., Result], context: ssl.SSLContext) -> None:
    with FtpServer(FILES, ssl_context=context, implicit=True) as server:
        url = _url(server, scheme="ftps")
        assert trusting("-w", "|%{scheme}", url)[:2] == (0, b"0123456789|FTPS")
        assert "AUTH" not in server.words
        assert server.data_tls == [(True, True)]


def test_implicit_without_protection(
    trusting: Callable[..., Result], context: ssl.SSLContext
) -> None:
    """curl fetches in the clear what an https-like URL has promised to protect."""
    answers = {"PROT": b"502 no\r\n"}
    with FtpServer(FILES, answers, ssl_context=context, implicit=True) as server:
        assert trusting(_url(server, scheme="ftps"))[:2] == (64, b"")
        assert server.data_tls == []


def test_for_the_login_only(trusting: Callable[..., Result], context: ssl.SSLContext) -> None:
    with FtpServer(FILES, ssl_context=context) as server:
        assert trusting("--ftp-ssl-control", _url(server))[:2] == (0, b"0123456789")
        assert "PROT C" in server.commands
        assert server.data_tls == [(False, False)]


@pytest.mark.parametrize(
    ("option", "code"), [("--ssl", 0), ("--ssl-reqd", 64), ("--ftp-ssl-control", 64)]
)
def test_without_tls_at_the_server(trusting: Callable[..., Result], option: str, code: int) -> None:
    with FtpServer(FILES) as server:
        assert trusting(option, _url(server))[:2] == (code, b"" if code else b"0123456789")
        assert server.commands[:2] == ["AUTH TLS", "AUTH SSL"]
        assert ("PASS ftp@example.com" in server.commands) == (code == 0)


def test_data_without_tls(trusting: Callable[..., Result], context: ssl.SSLContext) -> None:
    with FtpServer(FILES, {"PROT": b"502 no\r\n"}, ssl_context=context) as server:
        assert trusting("--ssl-reqd", _url(server)).code == 64
        assert trusting("--ssl", _url(server))[:2] == (0, b"0123456789")


@pytest.mark.parametrize("scheme", ["ftp", "ftps"])
def test_a_certificate_that_is_not_trusted(
    run: Callable[..., Result], context: ssl.SSLContext, scheme: str
) -> None:
    with FtpServer(FILES, ssl_context=context, implicit=scheme == "ftps") as server:
        url = _url(server, scheme=scheme)
        result = run("-sS", "--ssl-reqd", url)
        assert (result.code, result.out) == (60, b"")
        assert "USER" not in server.words
        assert run("-sS", "--ssl-reqd", "-k", url)[:2] == (0, b"0123456789")
        elsewhere = url.replace("origin.test", "other.test")
        assert run("-sS", "--ssl-reqd", elsewhere).code == 60


def test_nothing_said_before_tls_counts(
    trusting: Callable[..., Result], context: ssl.SSLContext
) -> None:
    """Replies that somebody slips in behind 234, in the clear, to be taken for protected ones."""
    injected = b"234 go on\r\n331 password\r\n230 in\r\n"
    with FtpServer(FILES, {"AUTH": injected}, ssl_context=context) as server:
        result = trusting("--ssl-reqd", _url(server))
        assert (result.code, result.out) == (8, b"")
        assert "PASS ftp@example.com" not in server.commands


def test_a_server_that_does_not_speak_tls(trusting: Callable[..., Result]) -> None:
    with FtpServer(FILES) as server:
        assert trusting(_url(server, scheme="ftps")).code == 35


CONFIGURATION = """
ssl_enable=YES
allow_anon_ssl=YES
force_anon_logins_ssl=YES
force_anon_data_ssl=YES
require_ssl_reuse=YES
strict_ssl_read_eof=YES
ssl_ciphers=HIGH
rsa_cert_file={certificate}
"""


@pytest.fixture(scope="module")
def vsftpd_with_tls(
    tmp_path_factory: pytest.TempPathFactory, certificates: tuple[Path, Path]
) -> Iterator[real_servers.FtpServer]:
    """It insists on TLS for all, and on the session of the login for the data."""
    module = sys.modules["tests.real_servers.vsftpd"]
    more = CONFIGURATION.format(certificate=certificates[1])
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "CONFIGURATION", module.CONFIGURATION + more)
            folder = tmp_path_factory.mktemp("vsftpd-tls")
            server = stack.enter_context(real_servers.vsftpd(folder))
        yield server


@pytest.mark.parametrize("active", [[], ["-P-"]], ids=["passive", "active"])
def test_vsftpd(
    trusting: Callable[..., Result],
    vsftpd_with_tls: real_servers.FtpServer,
    tmp_path: Path,
    active: list[str],
) -> None:
    server, content = vsftpd_with_tls, FILES["/home/large"]
    real_servers.publish(server.root / "large", content)
    (tmp_path / "up").write_bytes(content)
    url = f"ftp://origin.test:{server.port}"
    words = ["--ssl-reqd", *active]
    assert trusting(*words, f"{url}/large")[:2] == (0, content)
    assert trusting(*words, "-C", "1000000", f"{url}/large")[:2] == (0, content[1_000_000:])
    assert trusting(*words, "-T", str(tmp_path / "up"), f"{url}/upload/sent").code == 0
    assert (server.uploads / "sent").read_bytes() == content
    (server.uploads / "sent").unlink()
    assert b"large" in trusting(*words, f"{url}/").out
    assert trusting(f"{url}/large").code == 67


def test_vsftpd_as_curl(
    trusting: Callable[..., Result],
    proxy: Server,
    certificates: tuple[Path, Path],
    vsftpd_with_tls: real_servers.FtpServer,
) -> None:
    real_servers.require("curl")
    real_servers.publish(vsftpd_with_tls.root / "digits", b"0123456789")
    url = f"ftp://origin.test:{vsftpd_with_tls.port}/digits"
    more = ["-sS", "--socks5-hostname", f"{proxy.host}:{proxy.port}"]
    more += ["--cacert", str(certificates[0])]
    w = ["-w", "|%{response_code} %{size_download} %{exitcode} %{ssl_verify_result} %{num_certs}"]
    for words in (["--ssl-reqd"], ["--ssl"], [], ["--ssl-reqd", "-I"], ["--ftp-ssl-control"]):
        words = [*words, *w, url]
        assert trusting(*words)[:2] == run_curl(*more, *words)
