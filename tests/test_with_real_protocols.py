"""Real protocols over TCP through the drop-in objects, with no patching: active and passive FTP."""

from __future__ import annotations

import ftplib
import hashlib
import io
import re
import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from examples.ftp_active import ProxiedFTP
from tests import real_servers
from tests.server_fixture import Server
from tests.standalone import run_example

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.real_servers import FtpServer

CONNECT, BIND = 1, 2
CONTENT = hashlib.shake_256(b"a file").digest(300_007)


@contextmanager
def logged_in(proxy: str, server: FtpServer, *, passive: bool = False) -> Iterator[ProxiedFTP]:
    with ProxiedFTP(proxy, timeout=30) as client:
        client.connect(server.host, server.port)
        client.login(server.user)
        client.set_pasv(passive)
        yield client


class Dialogue:
    """What vsftpd has written down of the commands since this object was made."""

    def __init__(self, server: FtpServer) -> None:
        self._log = server.protocol_log
        self._start = self._log.stat().st_size if self._log.exists() else 0

    def commands(self) -> list[str]:
        new = self._log.read_bytes()[self._start :].decode()
        return re.findall(r'FTP command: Client "[^"]*", "([^"]*)"', new)

    def verbs(self) -> list[str]:
        return [command.partition(" ")[0] for command in self.commands()]


def digest(client: ftplib.FTP, name: str, rest: int | None = None) -> str:
    """The hash of what RETR brings; never all of it in one piece."""
    received = hashlib.sha256()
    client.retrbinary(f"RETR {name}", received.update, rest=rest)
    return received.hexdigest()


@pytest.mark.parametrize("passive", [False, True], ids=["active", "passive"])
def test_ftp_session(full_proxy: str, ftp_server: FtpServer, tmp_path: Path, passive: bool) -> None:
    """A listing, a download, an upload, and both resumed: one data connection each."""
    real_servers.publish(ftp_server.root / "large", CONTENT)
    uploaded = ftp_server.uploads / tmp_path.name
    name = f"upload/{uploaded.name}"
    dialogue = Dialogue(ftp_server)
    with logged_in(full_proxy, ftp_server, passive=passive) as client:
        assert {"large", "upload"} <= set(client.nlst())
        lines: list[str] = []
        client.dir("large", lines.append)
        assert [line.split()[4] for line in lines] == [str(len(CONTENT))]
        assert digest(client, "large") == hashlib.sha256(CONTENT).hexdigest()
        assert digest(client, "large", 200_000) == hashlib.sha256(CONTENT[200_000:]).hexdigest()
        client.storbinary(f"STOR {name}", io.BytesIO(CONTENT[:150_000]))
        assert uploaded.read_bytes() == CONTENT[:150_000]
        client.storbinary(f"STOR {name}", io.BytesIO(CONTENT[150_000:]), rest=150_000)
        assert uploaded.read_bytes() == CONTENT
    verbs = dialogue.verbs()
    assert verbs.count("REST") == 2
    assert verbs.count("PASV" if passive else "PORT") == 6
    assert not {"PORT", "EPRT", "PASV", "EPSV"} & set(verbs) - {"PASV" if passive else "PORT"}


def test_server_is_told_the_rendezvous(reference: Server, ftp_server: FtpServer) -> None:
    """PORT names BND.ADDR and BND.PORT; BIND names the server that the commands go to."""
    real_servers.publish(ftp_server.root / "large", CONTENT)
    dialogue = Dialogue(ftp_server)
    with logged_in(reference.url, ftp_server) as client:
        client.nlst()
        digest(client, "large")
    control, *data = reference.requests
    assert [exchange.command for exchange in (control, *data)] == [CONNECT, BIND, BIND]
    places = []
    for exchange in data:
        assert (exchange.host, exchange.port) == (ftp_server.host, ftp_server.port)
        assert exchange.bound_peer is not None
        assert exchange.bound_peer[0] == ftp_server.host
        assert exchange.rendezvous is not None
        host, port = exchange.rendezvous
        places.append(f"PORT {host.replace('.', ',')},{port >> 8},{port & 0xFF}")
    assert [told for told in dialogue.commands() if told.startswith("PORT")] == places
    assert data[0].rendezvous != data[1].rendezvous
    assert data[1].bytes_down == len(CONTENT)


@pytest.mark.parametrize("passive", [False, True], ids=["active", "passive"])
def test_server_by_name(ftp_server: FtpServer, passive: bool) -> None:
    """What CONNECT was given is what BIND says, to a proxy that checks it, and where data is at."""
    real_servers.publish(ftp_server.root / "large", CONTENT)
    names = {"ftp.test": ftp_server.host}
    with Server(check_peer=True, names=names) as server:
        with ProxiedFTP(server.url, timeout=30) as client:
            client.connect("ftp.test", ftp_server.port)
            client.login()
            client.set_pasv(passive)
            assert digest(client, "large") == hashlib.sha256(CONTENT).hexdigest()
        assert [(request.command, request.host) for request in server.requests] == [
            (CONNECT, "ftp.test"),
            (CONNECT if passive else BIND, "ftp.test"),
        ]


def test_active_and_passive_in_one_session(full_proxy: str, ftp_server: FtpServer) -> None:
    real_servers.publish(ftp_server.root / "large", CONTENT)
    dialogue = Dialogue(ftp_server)
    with logged_in(full_proxy, ftp_server) as client:
        for passive in (False, True, False):
            client.set_pasv(passive)
            assert digest(client, "large") == hashlib.sha256(CONTENT).hexdigest()
    wanted = ["PORT", "RETR", "PASV", "RETR", "PORT", "RETR"]
    assert [verb for verb in dialogue.verbs() if verb in wanted] == wanted


def test_session_goes_on_after_a_missing_file(full_proxy: str, ftp_server: FtpServer) -> None:
    """Nobody comes to that rendezvous: it is given up, and the next one is another."""
    real_servers.publish(ftp_server.root / "large", CONTENT)
    with logged_in(full_proxy, ftp_server) as client:
        with pytest.raises(ftplib.error_perm, match="550"):
            digest(client, "no such file")
        assert digest(client, "large") == hashlib.sha256(CONTENT).hexdigest()


def test_data_connections_of_many_transfers(full_proxy: str, ftp_server: FtpServer) -> None:
    """Small files, whose data and end may be there before `accept` is called."""
    for number in range(20):
        real_servers.publish(ftp_server.root / f"small{number}", b"%d" % number)
    with logged_in(full_proxy, ftp_server) as client:
        for number in range(20):
            received: list[bytes] = []
            client.retrbinary(f"RETR small{number}", received.append)
            assert b"".join(received) == b"%d" % number


@pytest.fixture
def ftp_server_ipv6(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FtpServer]:
    if not real_servers.has_ipv6_loopback():
        pytest.skip("this machine has no IPv6")
    module = sys.modules["tests.real_servers.vsftpd"]
    assert module.CONFIGURATION.count("listen=YES\nlisten_address=") == 1
    changed = module.CONFIGURATION.replace(
        "listen=YES\nlisten_address=", "listen_ipv6=YES\nlisten_address6="
    )
    monkeypatch.setattr(module, "CONFIGURATION", changed)
    monkeypatch.setattr(module, "LOOPBACK", "::1")
    monkeypatch.setattr(module, "running", partial(real_servers.running, hosts=("::1",)))
    tmp_path.chmod(0o755)
    with real_servers.vsftpd(tmp_path) as server:
        yield server


@pytest.mark.parametrize("passive", [False, True], ids=["active", "passive"])
def test_ftp_over_ipv6(ftp_server_ipv6: FtpServer, passive: bool) -> None:
    """With the family of the connection ftplib chooses EPRT and EPSV."""
    real_servers.publish(ftp_server_ipv6.root / "large", CONTENT)
    dialogue = Dialogue(ftp_server_ipv6)
    with Server("::1") as server:
        with logged_in(server.url, ftp_server_ipv6, passive=passive) as client:
            assert digest(client, "large") == hashlib.sha256(CONTENT).hexdigest()
        told = [command for command in dialogue.commands() if command[0] == "E"]
        rendezvous = server.requests[1].rendezvous
    if passive:
        assert told == ["EPSV"]
    else:
        assert rendezvous is not None
        assert told == [f"EPRT |2|::1|{rendezvous[1]}|"]


# The example as a command.


run = partial(run_example, "ftp_active")


def test_command_fetches(full_proxy: str, ftp_server: FtpServer) -> None:
    real_servers.publish(ftp_server.root / "large", CONTENT)
    dialogue = Dialogue(ftp_server)
    done = run(full_proxy, f"{ftp_server.host}:{ftp_server.port}", "large")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == CONTENT
    assert "PORT" in dialogue.verbs()


@pytest.mark.parametrize("path", [[], ["/"]], ids=["no path", "slash"])
def test_command_lists(reference: Server, ftp_server: FtpServer, path: list[str]) -> None:
    real_servers.publish(ftp_server.root / "listed", b"123")
    done = run(reference.url, f"{ftp_server.host}:{ftp_server.port}", *path)
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert re.search(r"^-rw-r--r--.* 3 .* listed$", done.stdout.decode(), re.MULTILINE)
    assert len(lines) == len(list(ftp_server.root.iterdir()))
    assert [request.command for request in reference.requests] == [CONNECT, BIND]


def test_command_finds_the_usual_port_by_name(ftp_server: FtpServer) -> None:
    real_servers.publish(ftp_server.root / "listed", b"123")
    routes = {("ftp.test", 21): (ftp_server.host, ftp_server.port)}
    with Server(routes=routes) as server:
        done = run(server.url, "ftp.test", "listed")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"123", b"")


def test_command_says_what_is_wrong(reference: Server, ftp_server: FtpServer) -> None:
    done = run(reference.url, f"{ftp_server.host}:{ftp_server.port}", "missing")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().strip() == "ftp_active: 550 Failed to open file."
    done = run(reference.url, "unknown.test", "missing")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"ftp_active: [Errno 113] host unreachable")
    assert done.stderr.count(b"\n") == 1
