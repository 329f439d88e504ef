"""The real servers start, do what the other tests rely on, and leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import real_servers
from tests.real_servers import Origin, RealProxy, family, packages, process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

INDEX = b"<p>origin</p>\n"
WAYS = {
    "microsocks": real_servers.microsocks,
    "microsocks-password": lambda folder: real_servers.microsocks(folder, "tester", "s3cret"),
    "danted": real_servers.danted,
    "ssh-D": real_servers.ssh_dynamic,
    "nginx": real_servers.nginx,
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


@contextlib.contextmanager
def used(server: RealProxy | Origin) -> Iterator[None]:
    """A client connected all the while, so that stopping has something to cut."""
    address = server.address if isinstance(server, RealProxy) else (server.host, server.http_port)
    with socket.create_connection(address, 30) as client:
        client.sendall(b"\x05\x01\x00" if isinstance(server, RealProxy) else b"GET /")
        yield


@pytest.mark.parametrize("way", list(WAYS.values()), ids=list(WAYS))
def test_nothing_is_left(
    way: Callable[[Path], AbstractContextManager[RealProxy | Origin]], tmp_path: Path
) -> None:
    with way(tmp_path) as server, used(server):
        families = [family.members(part.process.pid) for part in server.servers]
        assert all(families)
        addresses = [address for part in server.servers for address in part.addresses]
        assert all(process.accepts(*address) for address in addresses)
    for part in server.servers:
        assert part.process.wait(timeout=0) is not None
    assert not [pid for pids in families for pid in pids if is_alive(pid)]
    assert not any(process.accepts(*address) for address in addresses)


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


def test_lost_race_for_a_port_is_retried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # without SO_REUSEADDR: in nobody else's reach
        port = taken.getsockname()[1]
        real, calls = process.reserved_ports, []

        @contextlib.contextmanager
        def lost_at_first(count: int, hosts: Sequence[str]) -> Iterator[list[int]]:
            calls.append(count)
            with real(count, hosts) as ports:
                yield [port] * count if len(calls) == 1 else ports

        monkeypatch.setattr(process, "reserved_ports", lost_at_first)
        with real_servers.microsocks(tmp_path) as proxy:
            assert proxy.port != port
        assert len(calls) == 2


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
