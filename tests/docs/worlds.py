"""Where the documentation's blocks run: proxies, what lies behind them, and how they are found.

A page says 127.0.0.1:1080 and the like; a world has free ports in their place, and all else of
a block stays as it stands.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socketserver
import ssl
import sys
import threading
import venv
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import dns.message
import dns.rrset
import pytest
import trustme

from tests import real_servers
from tests.docs import packages
from tests.origins import Page, UdpEcho, free_address, unused_address, web_server
from tests.real_servers.process import user_name
from tests.server_fixture import Server
from tests.server_fixture.__main__ import parse_fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.real_servers import Realm, Tor

Address = tuple[str, int]

HERE = ("127.0.0.1", 1080)
TOR = ("127.0.0.1", 9050)
ONION = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"
HOSTS = ("example.com", "one.example", "two.example", "check.torproject.org", "pypi.example")

# What the reference server is told, for each name of a world.
SERVERS: dict[str, dict[str, Any]] = {
    "proxy": {},
    "password": {"users": {"alice": "s3cret"}},
    "tor": {"tor": True, "methods": (2, 0)},
    "kerberos": {"methods": (1,)},
}


@dataclass
class World:
    """`places` and `words`: what a page says -> what it is here; `server` counts requests."""

    places: Mapping[Address, Address]
    environment: Mapping[str, str] = field(default_factory=dict)
    server: Server | None = None
    programs: Path | None = None  # a folder for PATH
    words: Mapping[str, str] = field(default_factory=dict)

    def here(self, text: str) -> str:
        """The text with the addresses of this world."""
        for (host, port), (real_host, real_port) in self.places.items():
            text = re.sub(
                rf'\b{re.escape(host)}(:|"?, | ){port}\b', rf"{real_host}\g<1>{real_port}", text
            )
        port = self.places[HERE][1]
        words = {"--port 1080": f"--port {port}", "htons(1080)": f"htons({port})", **self.words}
        for word, real in words.items():
            text = text.replace(word, real)
        return text


class Site(Page):
    """What the sites of the examples answer; among them an index of packages."""

    def do_GET(self) -> None:
        kind = "application/octet-stream"
        if self.path == "/api/ip":
            body = json.dumps({"IsTor": True, "IP": "192.0.2.1"}).encode()
        elif match := re.fullmatch(r"/simple/(\w+)/", self.path):
            kind = "text/html"
            name = match[1]
            page = f'<!doctype html><a href="/files/{packages.FILES[name]}">{name}</a>'
            body = page.encode()
        elif match := re.fullmatch(r"/files/(.*)", self.path):
            body = packages.content(match[1])
        else:
            body = self.body
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET


class Answer(socketserver.DatagramRequestHandler):
    """A name server's: every name has one address."""

    def handle(self) -> None:
        answer = dns.message.make_response(dns.message.from_wire(self.packet))
        name = answer.question[0].name
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.1"))
        self.wfile.write(answer.to_wire())


@contextmanager
def name_server() -> Iterator[Address]:
    with socketserver.UDPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield "127.0.0.1", server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True)
class Internet:
    """What a proxy reaches, and the environment that trusts it."""

    routes: Mapping[Address, Address]
    web: Address
    environment: Mapping[str, str]


@pytest.fixture(scope="session")
def internet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Internet]:
    """Web servers for HOSTS, an echo, a name server; example.com:1 refuses."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*HOSTS).configure_cert(context)
    trusted = tmp_path_factory.mktemp("internet") / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    with (
        web_server(Site) as plain,
        web_server(Site, tls=context) as tls,
        UdpEcho() as echo,
        name_server() as names,
    ):
        routes = {
            **{(host, port): to for host in HOSTS for port, to in ((80, plain), (443, tls))},
            ("example.com", 7): echo.address,
            ("192.0.2.1", 7): echo.address,
            ("example.com", 1): unused_address(),
            (ONION, 80): plain,
            ("192.0.2.53", 53): names,
        }
        trust = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
        yield Internet(routes, plain, dict.fromkeys(trust, str(trusted)))


@contextmanager
def reference(
    internet: Internet, name: str, check: Mapping[str, Any], **options: Any
) -> Iterator[World]:
    """The bundled server, as SERVERS has it for this name, with the faults that `check` names."""
    faults = [parse_fault(fault) for fault in check.get("faults", ())]
    options = {"names": {"example.com": "192.0.2.1"}, **SERVERS[name], **options}
    options |= check.get("server", {})
    with Server(routes=internet.routes, faults=faults, **options) as server:
        address = server.address
        places = {HERE: address, TOR: address, ("proxy.example", 1080): ("localhost", address[1])}
        yield World(places, internet.environment, server)


@contextmanager
def kerberos(internet: Internet, realm: Realm, check: Mapping[str, Any]) -> Iterator[World]:
    """The bundled server in a real realm, where alice has a ticket; `ticket` says which."""
    kinds = {"good": realm.kinit, "expired": realm.expired, "skewed": realm.skewed}
    with (
        TemporaryDirectory(dir=realm.folder) as folder,
        reference(internet, "kerberos", check, gss_keytab=realm.keytab) as world,
    ):
        ccache = Path(folder, "ccache")
        if (kind := check.get("ticket", "good")) != "none":
            kinds[kind](ccache)
        world.environment = {**world.environment, **realm.env, "KRB5CCNAME": str(ccache)}
        world.words = {
            "alice@EXAMPLE.COM": realm.user,
            "EXAMPLE.COM": realm.name,
            "her password": realm.password,
            "proxy.example": "localhost",
            "/tmp/krb5cc_1000": str(ccache),
        }
        yield world


@dataclass(frozen=True)
class Ssh:
    """A running `ssh -D`, a name that sshd alone knows, and `ssh` configured for the gateway."""

    proxy: Address
    programs: Path


NAME = "intranet.example"

# `ssh` as a user has it, whose configuration knows the gateway.
SSH = """\
#!/bin/sh
exec {ssh} -F {folder}/config "$@"
"""
SSH_CONFIG = """\
Host gateway.example
    HostName 127.0.0.1
    Port {port}
    IdentityFile {folder}/user_key
    IdentitiesOnly yes
    IdentityAgent none
    BatchMode yes
    UserKnownHostsFile {folder}/known_hosts
"""


@pytest.fixture(scope="session")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ssh]:
    """`ssh -D` to an sshd for which NAME is this machine."""
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "hosts").write_text(f"127.0.0.1 {NAME}\n")
    library = real_servers.require("libnss_wrapper.so")
    with pytest.MonkeyPatch.context() as patch:
        # sshd looks names up by the C library's ordinary means, and has no others.
        patch.setenv("LD_PRELOAD", library)
        patch.setenv("NSS_WRAPPER_HOSTS", str(folder / "hosts"))
        with real_servers.ssh_dynamic(folder) as proxy:
            patch.undo()
            programs = folder / "programs"
            programs.mkdir()
            (_, port) = proxy.servers[1].addresses[0]
            key = (folder / "host_key.pub").read_text()
            (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}")
            (folder / "config").write_text(SSH_CONFIG.format(port=port, folder=folder))
            program = programs / "ssh"
            program.write_text(SSH.format(ssh=real_servers.require("ssh"), folder=folder))
            program.chmod(0o755)
            yield Ssh(proxy.address, programs)


@pytest.fixture(scope="session")
def bare_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with nothing but pip."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=True)
    return folder


@pytest.fixture
def empty_python(bare_environment: Path, tmp_path: Path) -> Path:
    """The folder of a Python that has nothing but pip, and that anything may be installed into."""
    shutil.copytree(bare_environment, tmp_path / "empty", symlinks=True)
    return tmp_path / "empty" / "bin"


@pytest.fixture(scope="session")
def tor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tor]:
    """Tor itself, without its network."""
    with real_servers.tor(tmp_path_factory.mktemp("tor")) as running:
        yield running


@contextmanager
def world_of(request: pytest.FixtureRequest, check: Mapping[str, Any]) -> Iterator[World]:
    """The world that `check` names and changes; `own`: its block starts the proxy itself."""
    with _world_of(request, check.get("world", "proxy"), check) as world:
        if check.get("own"):
            world.places = {**world.places, HERE: free_address()}
        yield world


@contextmanager
def _world_of(
    request: pytest.FixtureRequest, name: str, check: Mapping[str, Any]
) -> Iterator[World]:
    internet: Internet = request.getfixturevalue("internet")
    if name == "kerberos":
        with kerberos(internet, request.getfixturevalue("kerberos"), check) as world:
            yield world
    elif name == "ssh":
        gateway: Ssh = request.getfixturevalue("ssh")
        port = internet.web[1]
        places = {
            HERE: gateway.proxy,
            (NAME, 8000): (NAME, port),
            (NAME, 1): (NAME, unused_address()[1]),
        }
        words = {"user@": f"{user_name()}@"}
        yield World(places, internet.environment, programs=gateway.programs, words=words)
    elif name == "real tor":
        tor: Tor = request.getfixturevalue("tor")
        yield World({HERE: (tor.host, tor.port), TOR: (tor.host, tor.port)})
    else:
        with reference(internet, name, check) as world:
            yield world


def environment(world: World, programs: Path) -> dict[str, str]:
    """That of a user whose commands are this interpreter's."""
    folders = [world.programs, programs, Path(sys.executable).parent]
    path = os.pathsep.join(str(folder) for folder in folders if folder)
    return {
        **os.environ,
        **world.environment,
        "PATH": os.pathsep.join((path, os.environ.get("PATH", os.defpath))),
        "NO_PROXY": "",
        "PYTHONWARNINGS": "error",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "LC_ALL": "C.UTF-8",
    }
