"""The real servers start, do what the other tests rely on, and leave nothing behind."""

from __future__ import annotations

import contextlib
import ftplib
import io
import os
import socket
import struct
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import real_servers
from tests.real_servers import (
    Database,
    DocumentStore,
    FtpServer,
    MailServer,
    MailTransport,
    NameServer,
    Origin,
    Realm,
    RealProxy,
    StunServer,
    TftpServer,
    TimeServer,
    Tor,
    family,
    packages,
    process,
)
from tests.real_servers.moto import MotoServer, moto_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AnyServer = (
    RealProxy
    | Origin
    | FtpServer
    | TftpServer
    | NameServer
    | StunServer
    | Realm
    | Tor
    | Database
    | DocumentStore
    | MailServer
    | MailTransport
    | TimeServer
    | MotoServer
)

INDEX = b"<p>origin</p>\n"
WAYS: dict[str, Callable[[Path], AbstractContextManager[Any]]] = {
    "microsocks": real_servers.microsocks,
    "microsocks-password": lambda folder: real_servers.microsocks(folder, "tester", "s3cret"),
    "danted": real_servers.danted,
    "ssh-D": real_servers.ssh_dynamic,
    "nginx": real_servers.nginx,
    "vsftpd": real_servers.vsftpd,
    "tftpd": real_servers.tftpd,
    "dnsmasq": real_servers.dnsmasq,
    "stund": real_servers.stunserver,
    "kerberos": real_servers.realm,
    "tor": real_servers.tor,
    "postgresql": real_servers.postgresql,
    "mariadb": real_servers.mariadb,
    "secantus": real_servers.secantus,
    "dovecot": real_servers.dovecot,
    "aiosmtpd": real_servers.aiosmtpd,
    "chrony": real_servers.chrony,
    "moto": moto_server,
}


def curl(origin: Origin, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    """Debian's curl, which nothing but its arguments can influence."""
    command = [real_servers.require("curl"), "-q", "--silent", "--show-error", "--fail"]
    return subprocess.run(
        [*command, "--max-time", "30", "--cacert", str(origin.ca_file), *arguments],
        capture_output=True,
        check=check,
        timeout=60,
        env={name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
    )


def through(proxy: RealProxy, origin: Origin, url: str) -> bytes:
    return curl(origin, "--proxy", proxy.url, url).stdout


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_curl_through_each_proxy(real_proxy: RealProxy, origin: Origin, scheme: str) -> None:
    url = getattr(origin, f"{scheme}_url")
    assert through(real_proxy, origin, url) == INDEX
    if "names" in real_proxy.features:
        assert through(real_proxy, origin, url.replace(origin.host, "localhost")) == INDEX
    if "ipv6" in real_proxy.features and origin.ipv6:
        assert through(real_proxy, origin, url.replace(origin.host, "[::1]")) == INDEX


@pytest.mark.parametrize("credentials", ["tester:wrong@", ""], ids=["wrong", "none"])
def test_wrong_password_is_refused(
    microsocks_auth: RealProxy, origin: Origin, credentials: str
) -> None:
    url = f"socks5h://{credentials}{microsocks_auth.host}:{microsocks_auth.port}"
    assert curl(origin, "--proxy", url, origin.http_url, check=False).returncode != 0


@pytest.mark.parametrize("fixture", ["microsocks", "danted", "ssh_dynamic"])
def test_refused_port(fixture: str, request: pytest.FixtureRequest) -> None:
    """What `failures` among the features means."""
    proxy: RealProxy = request.getfixturevalue(fixture)
    with socket.socket() as closed, socket.create_connection(proxy.address, 30) as client:
        closed.bind(("127.0.0.1", 0))  # never listens
        port = closed.getsockname()[1]
        client.sendall(b"\x05\x01\x00")
        assert client.recv(2, socket.MSG_WAITALL) == b"\x05\x00"
        client.sendall(b"\x05\x01\x00\x01\x7f\x00\x00\x01" + port.to_bytes(2, "big"))
        assert client.recv(2) == (b"\x05\x05" if "failures" in proxy.features else b"")


def test_origin_speaks_http2_for_each_of_its_names(origin: Origin) -> None:
    here = ("--connect-to", f"::{origin.host}:{origin.https_port}")
    for name in ("localhost", "origin.test", "127.0.0.1", "[::1]"):
        done = curl(origin, *here, "-w", "%{http_version}", f"https://{name}/")
        assert done.stdout == INDEX + b"2"


def test_origin_serves_ranges_and_logs(origin: Origin) -> None:
    (origin.root / "digits").write_bytes(b"0123456789")
    assert curl(origin, "--range", "2-5", f"{origin.http_url}/digits").stdout == b"2345"
    assert "/digits" in origin.access_log.read_text()


def test_origin_takes_uploads(origin: Origin, tmp_path: Path) -> None:
    if origin.uploads is None:
        pytest.skip("this nginx has no dav module")
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)
    path = f"{origin.uploads}folder/file"
    curl(origin, "--upload-file", str(tmp_path / "file"), origin.https_url + path)
    assert (origin.root / path.lstrip("/")).read_bytes() == b"x" * 3_000_000


@pytest.mark.parametrize("passive", [False, True], ids=["active", "passive"])
def test_ftp(ftp_server: FtpServer, passive: bool) -> None:
    real_servers.publish(ftp_server.root / "digits", b"0123456789")
    upload = ftp_server.uploads / f"passive-{passive}"
    path = upload.relative_to(ftp_server.root).as_posix()
    got: list[bytes] = []
    with ftp(ftp_server) as client:
        client.set_pasv(passive)
        assert {"digits", "upload"} <= set(client.nlst())
        client.retrbinary("RETR digits", got.append, rest=6)
        client.storbinary(f"STOR {path}", io.BytesIO(b"abc" * 100_000))
        client.storbinary(f"STOR {path}", io.BytesIO(b"def"), rest=300_000)
        client.retrbinary(f"RETR {path}", got.append, rest=299_999)
        if os.getuid() == 0:
            with pytest.raises(ftplib.error_perm, match="553"):
                client.storbinary("STOR elsewhere", io.BytesIO())
    assert b"".join(got) == b"6789cdef"
    assert upload.read_bytes() == b"abc" * 100_000 + b"def"
    assert ("PASV" if passive else '"PORT 127,0,0,1,') in ftp_server.protocol_log.read_text()


def ftp(server: FtpServer) -> ftplib.FTP:
    """A client that has logged in."""
    client = ftplib.FTP(timeout=30)
    client.connect(server.host, server.port)
    client.login(server.user)
    return client


@contextlib.contextmanager
def datagrams() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(30)
        yield client


def test_tftp(tftp_server: TftpServer) -> None:
    real_servers.publish(tftp_server.root / "file", b"x" * 700)
    address = (tftp_server.host, tftp_server.port)
    with datagrams() as client:
        client.sendto(b"\x00\x01file\x00octet\x00", address)
        for block, size in ((1, 512), (2, 188)):
            data, other = client.recvfrom(2048)
            assert data == struct.pack("!HH", 3, block) + b"x" * size
            assert other[1] != tftp_server.port
            client.sendto(struct.pack("!HH", 4, block), other)
    with datagrams() as client:
        client.sendto(b"\x00\x02upload/new\x00octet\x00", address)
        data, other = client.recvfrom(2048)
        assert data == struct.pack("!HH", 4, 0)
        client.sendto(struct.pack("!HH", 3, 1) + b"hello", other)
        assert client.recv(2048) == struct.pack("!HH", 4, 1)
    assert (tftp_server.uploads / "new").read_bytes() == b"hello"


A, PTR, TXT, AAAA = 1, 12, 16, 28
NO_ERROR, NO_SUCH_NAME, TRUNCATED = 0, 3, 0x0200


def dns_name(name: str) -> bytes:
    return b"".join(bytes((len(part),)) + part.encode() for part in name.split(".")) + b"\x00"


def question(name: str, kind: int) -> bytes:
    return struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + dns_name(name) + struct.pack("!2H", kind, 1)


def ask(server: NameServer, name: str, kind: int) -> bytes:
    """What it replies over UDP."""
    with datagrams() as client:
        client.sendto(question(name, kind), (server.host, server.port))
        return client.recv(2048)


def ask_by_tcp(server: NameServer, name: str, kind: int) -> bytes:
    query = question(name, kind)
    with socket.create_connection((server.host, server.port), 30) as client:
        client.sendall(len(query).to_bytes(2, "big") + query)
        with client.makefile("rb") as stream:
            return stream.read(int.from_bytes(stream.read(2), "big"))


def flags(reply: bytes) -> int:
    return int.from_bytes(reply[2:4], "big")


@pytest.mark.parametrize("by", [ask, ask_by_tcp], ids=["udp", "tcp"])
def test_names(name_server: NameServer, by: Callable[[NameServer, str, int], bytes]) -> None:
    answers = [
        *((name, A, socket.inet_aton(text)) for name, text in name_server.names.items()),
        *(
            (name, AAAA, socket.inet_pton(socket.AF_INET6, text))
            for name, text in name_server.names6.items()
        ),
        *((name, PTR, dns_name(text)) for name, text in name_server.pointers.items()),
        ("small.test", TXT, b"\x05hello"),
    ]
    for name, kind, data in answers:
        reply = by(name_server, name, kind)
        assert reply[:2] == question(name, kind)[:2]
        assert flags(reply) & (TRUNCATED | 15) == NO_ERROR
        assert reply.endswith(len(data).to_bytes(2, "big") + data)
    assert flags(by(name_server, "missing.test", A)) & 15 == NO_SUCH_NAME


def test_name_too_big_for_udp(name_server: NameServer) -> None:
    short, full = (by(name_server, "big.test", TXT) for by in (ask, ask_by_tcp))
    assert flags(short) & TRUNCATED
    assert len(short) <= 512
    assert not flags(full) & TRUNCATED
    strings = [bytes((len(text),)) + text.encode() for text in name_server.texts["big.test"]]
    assert full.endswith(b"".join(strings))
    assert len(full) > 2000


MAGIC_COOKIE = 0x2112A442
XOR_MAPPED_ADDRESS = 0x0020
IPV4 = 1


def test_stun(stun_server: StunServer) -> None:
    request = struct.pack("!HHI", 1, 0, MAGIC_COOKIE) + b"transaction!"
    with datagrams() as client:
        client.bind(("127.0.0.1", 0))
        client.sendto(request, (stun_server.host, stun_server.port))
        reply, sender = client.recvfrom(2048)
        own = client.getsockname()
    assert sender == (stun_server.host, stun_server.port)
    assert reply[:2] == b"\x01\x01"  # success
    assert reply[4:20] == request[4:20]
    kind, port, address = struct.unpack("!HHI", stun_attributes(reply)[XOR_MAPPED_ADDRESS])
    assert kind == IPV4
    host = socket.inet_ntoa((address ^ MAGIC_COOKIE).to_bytes(4, "big"))
    assert (host, port ^ (MAGIC_COOKIE >> 16)) == own


def stun_attributes(message: bytes) -> dict[int, bytes]:
    """The attributes by their types."""
    assert len(message) == 20 + int.from_bytes(message[2:4], "big")
    found: dict[int, bytes] = {}
    at = 20
    while at < len(message):
        kind, size = struct.unpack_from("!HH", message, at)
        found[kind] = message[at + 4 : at + 4 + size]
        at += 4 + (size + 3) // 4 * 4  # padded to four bytes
    return found


def klist(realm: Realm, *arguments: str) -> str:
    command = [real_servers.require("klist"), *arguments]
    env = {**os.environ, **realm.env, "LC_ALL": "C"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout


def test_realm_is_this_process_s(kerberos: Realm) -> None:
    assert kerberos.env.items() <= os.environ.items()
    tickets = klist(kerberos)
    assert kerberos.user in tickets
    assert f"krbtgt/{kerberos.name}@{kerberos.name}" in tickets
    keys = klist(kerberos, "-k", str(kerberos.keytab))
    own = f"{kerberos.service}/{kerberos.hostname}@{kerberos.name}"
    assert keys.count("@") == keys.count(own) > 0
    assert kerberos.password not in repr(kerberos)


def sign_in(realm: Realm, service: str, ccache: Path) -> None:
    """A first token for the service, by the tickets in the cache."""
    import gssapi

    name = gssapi.Name(f"{service}@{realm.hostname}", gssapi.NameType.hostbased_service)
    credentials = gssapi.Credentials(usage="initiate", store={"ccache": f"FILE:{ccache}"})
    assert gssapi.SecurityContext(name=name, creds=credentials, usage="initiate").step()


def test_tickets(kerberos: Realm, tmp_path: Path) -> None:
    import gssapi

    sign_in(kerberos, "rcmd", kerberos.ccache)
    sign_in(kerberos, "rcmd", kerberos.kinit(tmp_path / "short", lifetime="10m"))
    with pytest.raises(gssapi.exceptions.GSSError, match=r"[Ee]xpired"):
        sign_in(kerberos, "rcmd", kerberos.expired(tmp_path / "expired"))
    with pytest.raises(gssapi.exceptions.GSSError, match="not found in Kerberos database"):
        sign_in(kerberos, "stranger", kerberos.ccache)
    keytab = kerberos.add_service("added")
    assert f"added/localhost@{kerberos.name}" in klist(kerberos, "-k", str(keytab))
    sign_in(kerberos, "added", kerberos.ccache)


@contextlib.contextmanager
def used(server: AnyServer) -> Iterator[None]:
    """A client in the midst of something, so that stopping has something to cut."""
    with contextlib.ExitStack() as stack:
        match server:
            case FtpServer():
                stack.enter_context(ftp(server)).voidcmd("NOOP")
            case TftpServer():
                real_servers.publish(server.root / "unfinished", b"x" * 512)
                client = stack.enter_context(datagrams())
                client.sendto(b"\x00\x01unfinished\x00octet\x00", (server.host, server.port))
                client.recv(2048)  # which is never acknowledged
            case StunServer() | TimeServer():
                pass  # they have no sessions
            case _:
                port = server.http_port if isinstance(server, Origin) else server.port
                client = stack.enter_context(socket.create_connection((server.host, port), 30))
                client.sendall(b"\x05\x01\x00" if isinstance(server, RealProxy) else b"GET /")
        yield


@pytest.mark.parametrize("way", list(WAYS.values()), ids=list(WAYS))
def test_nothing_is_left(
    way: Callable[[Path], AbstractContextManager[AnyServer]], tmp_path: Path
) -> None:
    with way(tmp_path) as server, used(server):
        families = [family.members(part.process.pid) for part in server.servers]
        assert all(families)
        assert all(part.answers(*address) for part in server.servers for address in part.addresses)
    for part in server.servers:
        assert part.process.wait(timeout=0) is not None
        assert not any(part.answers(*address) for address in part.addresses)
    assert not [pid for pids in families for pid in pids if is_alive(pid)]


def is_alive(pid: int) -> bool:
    """Whether a process of that number runs; who has ended but is not reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def test_child_that_ignores_sigterm_in_its_own_session_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "STOP_SECONDS", 1.0)
    child = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(1, flush=True); time.sleep(99)"
    )
    leader = (
        "import socket, subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}],"
        " start_new_session=True, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "server = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        "child.wait()\n"
    )
    command = [sys.executable, "-c", leader]
    with real_servers.running("leader", tmp_path, lambda port: [*command, str(port)]) as server:
        pids = family.members(server.process.pid)
        assert len(pids) == 2
    assert not any(map(is_alive, pids))


@pytest.mark.parametrize("name", ["microsocks", "vsftpd", "tftpd", "dnsmasq", "stund", "kerberos"])
def test_lost_race_for_a_port_is_retried(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken, datagrams() as taken_too:
        taken.bind(("127.0.0.1", 0))  # without SO_REUSEADDR: in nobody else's reach
        taken_too.bind(taken.getsockname())
        port = taken.getsockname()[1]
        real, calls = process.reserved_ports, []

        @contextlib.contextmanager
        def lost_at_first(count: int, *others: Any) -> Iterator[list[int]]:
            calls.append(count)
            with real(count, *others) as ports:
                yield [port] * count if len(calls) == 1 else ports

        monkeypatch.setattr(process, "reserved_ports", lost_at_first)
        with WAYS[name](tmp_path) as server:
            assert server.port != port
        assert len(calls) == 2


def test_udp_port_is_held_for_the_server() -> None:
    kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM)
    with process.reserved_ports(1, ["127.0.0.1"], kinds) as [port], datagrams() as client:
        with datagrams() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind(("127.0.0.1", port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind(("127.0.0.1", port))
        with datagrams() as sender:
            sender.sendto(b"hello", ("127.0.0.1", port))
        assert client.recv(2048) == b"hello"


def test_failed_start_shows_the_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('wrong configuration')"]
    failure = pytest.raises(
        real_servers.StartError, match=r"ended with status 1; .*\nwrong configuration"
    )
    with failure, real_servers.running("broken", tmp_path, lambda port: command):
        pytest.fail("it did not start")


def test_missing_program_skips_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(packages, "ADMIN_FOLDERS", ())
    sentence = "danted is not installed: install the Debian package dante-server"
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=sentence):
        real_servers.require("danted")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=sentence):
        real_servers.require("danted")


def test_credentials_are_not_in_the_repr(microsocks_auth: RealProxy) -> None:
    for secret in (microsocks_auth.user, microsocks_auth.password):
        assert secret
        assert secret not in repr(microsocks_auth)
