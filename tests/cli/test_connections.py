"""What curl cannot do on its way to the origin: chains, look-ups through the proxy, TLS to it."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.server_fixture import Server

from .conftest import NAMES
from .origin import OK, Origin
from .web import Web

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.real_servers import NameServer

    from .conftest import Result


LEVELS = ("confidentiality", "integrity", "selective", "clear")


def test_a_chain(bare: Callable[..., Result], proxy: Server) -> None:
    with Server(names=NAMES) as second, Origin() as origin:
        before = len(proxy.requests), len(second.requests)
        first = f"socks5h://{proxy.host}:{proxy.port}"
        where = f"{second.host}:{second.port}"
        assert bare("--preproxy", first, "--socks5-hostname", where, origin.url).out == b"hi"
        assert [each.port for each in proxy.requests[before[0] :]] == [second.port]
        assert [each.port for each in second.requests[before[1] :]] == [origin.port]
        result = bare("--preproxy", "http://h", "-x", where, origin.url)
        assert result.code == 2
        unix = bare("--preproxy", first, "-x", "socks5h+unix:///run/x", origin.url)
        assert unix.code == 2


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_names_by_the_tunnel(
    bare: Callable[..., Result], proxy: Server, name_server: NameServer, scheme: str
) -> None:
    """The proxy is asked for the name server, and then for an address, never for the name."""
    with Origin() as origin:
        before = len(proxy.requests)
        words = ["-x", f"{scheme}://{proxy.host}:{proxy.port}", "--dns", "tunnel"]
        words += ["--nameserver", f"{name_server.host}:{name_server.port}"]
        name = next(name for name, ip in name_server.names.items() if ip == "127.0.0.1")
        url = f"http://{name}:{origin.port}/"
        assert bare(*words, url)[:2] == (0, b"hi")
        hosts = [each.host for each in proxy.requests[before:]]
        assert name not in hosts
        assert hosts[-1] == "127.0.0.1"


def test_a_name_that_is_not_found_or_known(
    bare: Callable[..., Result], proxy: Server, name_server: NameServer
) -> None:
    words = ["-x", proxy.url, "--dns", "tunnel"]
    words += ["--nameserver", f"{name_server.host}:{name_server.port}"]
    result = bare(*words, "http://nope.test/")
    assert result.code == 97
    assert "could not resolve" in result.err
    with Origin() as origin:
        known = ["--resolve", f"nope.test:{origin.port}:127.0.0.1"]
        before = len(proxy.requests)
        assert bare(*words, *known, f"http://nope.test:{origin.port}/").out == b"hi"
        assert [each.host for each in proxy.requests[before:]] == ["127.0.0.1"]
        start = time.monotonic()
        stalled = [*words[:-1], "192.0.2.1", "-m", "0.6"]
        assert bare(*stalled, "http://nope.test/").code in (28, 97)
        assert time.monotonic() - start < 5


def test_bad_name_servers(bare: Callable[..., Result], proxy: Server) -> None:
    words = ["-x", proxy.url, "--dns", "tunnel", "--nameserver"]
    assert bare(*words, "some.name", "http://h.test/").code == 2
    before = len(proxy.requests)
    assert bare(*words, "127.0.0.1", "--resolve", "x:1:127.0.0.1", "http://127.0.0.1:1/").code == 97
    assert [each.host for each in proxy.requests[before:]] == ["127.0.0.1"]


def test_who_looks_names_up(bare: Callable[..., Result], proxy: Server) -> None:
    with Origin() as origin:
        for url, mode, host in (
            ("socks5", "remote", "localhost"),
            ("socks5h", "local", "127.0.0.1"),
            ("socks5h", "remote", "localhost"),
        ):
            before = len(proxy.requests)
            where = f"{url}://{proxy.host}:{proxy.port}"
            bare("-4", "-x", where, "--dns", mode, f"http://localhost:{origin.port}/")
            assert [each.host for each in proxy.requests[before:]] == [host]


class Secured:
    """A proxy that wants TLS and a certificate of its client."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca = str(folder / "ca")
        authority.cert_pem.write_to_path(self.ca)
        (folder / "dir").mkdir()
        own = authority.issue_cert("me@test")
        self.both, self.key, self.cert = (str(folder / name) for name in ("both", "key", "cert"))
        own.private_key_and_cert_chain_pem.write_to_path(self.both)
        own.private_key_pem.write_to_path(self.key)
        own.cert_chain_pems[0].write_to_path(self.cert)
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(self.context)
        self.context.load_verify_locations(self.ca)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.maximum_version = ssl.TLSVersion.TLSv1_2  # it refuses in the handshake


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[tuple[Server, Secured]]:
    secured = Secured(tmp_path)
    with Server(names=NAMES, ssl_context=secured.context) as server:
        yield server, secured


def test_tls_to_the_proxy(
    bare: Callable[..., Result], secured: tuple[Server, Secured], tmp_path: Path
) -> None:
    server, files = secured
    words = ["-x", f"socks5h+tls://{server.host}:{server.port}"]
    trusting = [*words, "--proxy-cacert", files.ca]
    with Origin() as origin:
        assert bare(*trusting, "--proxy-cert", files.both, origin.url).out == b"hi"
        pair = ["--proxy-cert", files.cert, "--proxy-key", files.key]
        assert bare(*trusting, *pair, origin.url).out == b"hi"
        assert bare(*words, "--proxy-insecure", *pair, origin.url).out == b"hi"
        count = len(origin.requests)
        assert bare(*words, *pair, origin.url).code == 60
        assert bare(*trusting, origin.url).code in (35, 97)
        assert bare(*trusting, "--proxy-cert", str(tmp_path / "no"), origin.url).code == 58
        assert bare(*trusting, "--proxy-ciphers", "NOSUCH", origin.url).code == 59
        assert bare(*words, "--proxy-capath", str(tmp_path / "no"), origin.url).code == 77
        assert bare(*words, "--proxy-capath", str(tmp_path / "dir"), origin.url).code == 60
        assert len(origin.requests) == count


def test_a_proxy_on_a_unix_socket_has_no_local_end(bare: Callable[..., Result]) -> None:
    code, _, err = bare("-x", "socks5h+unix:///nonexistent/socket", "http://origin.test/")
    assert code == 7
    assert "cannot connect to the proxy" in err


def test_rules_that_are_none(bare: Callable[..., Result], proxy: Server) -> None:
    words = ["-x", proxy.url, "http://origin.test:1/"]
    for rule in ("garbage", "a:x:b:1", "a:1:b:99999"):
        result = bare("--connect-to", rule, *words)
        assert result.code == 2
        assert "--connect-to" in result.err
    for ports in ("0", "70000", "9-8", "1-", "x"):
        assert bare("--local-port", ports, *words).code == 2


@pytest.mark.usefixtures("kerberos")
def test_gssapi(bare: Callable[..., Result]) -> None:
    with Server(methods=(1,), names=NAMES) as server, Web(lambda request: OK) as origin:
        where = ["--socks5-hostname", f"localhost:{server.port}"]
        for words in (
            ["--socks5-gssapi"],
            ["--socks5-gssapi-service", "rcmd"],
            ["--proxy-service-name", "rcmd"],
            *(["--socks5-gssapi-protection", level] for level in LEVELS),
        ):
            result = bare(*words, *where, "-w", "|%{remote_ip}:%{remote_port}", origin.url)
            assert result == (0, f"hi|127.0.0.1:{server.port}".encode(), "")
        result = bare("--socks5-gssapi-service", "nosuch", *where, origin.url)
        assert result.code == 97
        assert bare("--socks5-basic", "-U", "u:p", *where, origin.url).code == 97
