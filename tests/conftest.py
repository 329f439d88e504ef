"""Fixtures of the whole test suite; each starts its server only when a test uses it."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from tests import real_servers
from tests.drivers import BIND_DRIVERS, DRIVERS, UDP_DRIVERS
from tests.origins import Echo, UdpEcho
from tests.server_fixture import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.drivers import BindDriver, Driver, UdpDriver
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
    )

pytest_plugins = ["tests.matrix"]

# A password that shows who forgets to quote or to decode the URL.
USER, PASSWORD = "tester", "pa:ss@w/rd%20"

REAL_PROXIES = {
    "microsocks": "microsocks",
    "microsocks-password": "microsocks_auth",
    "danted": "danted",
    "ssh-D": "ssh_dynamic",
}


@pytest.fixture(scope="session", autouse=True)
def no_proxy_of_the_user() -> Iterator[None]:
    """The tests start from an environment that names no proxy and no exceptions."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.upper().endswith("_PROXY"):
                patch.delenv(name)
        yield


@pytest.fixture(params=list(DRIVERS.values()), ids=list(DRIVERS))
def connect(request: pytest.FixtureRequest) -> Driver:
    """Each way to connect, in turn."""
    driver: Driver = request.param
    return driver


@pytest.fixture(params=list(BIND_DRIVERS.values()), ids=list(BIND_DRIVERS))
def bind(request: pytest.FixtureRequest) -> BindDriver:
    """Each way to a rendezvous, in turn."""
    driver: BindDriver = request.param
    return driver


@pytest.fixture(params=list(UDP_DRIVERS.values()), ids=list(UDP_DRIVERS))
def open_udp(request: pytest.FixtureRequest) -> UdpDriver:
    """Each way to an association, in turn."""
    driver: UdpDriver = request.param
    return driver


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    with Echo() as origin:
        yield origin


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Signs the certificates of a module's servers; `trusted` trusts it."""
    return trustme.CA()


@pytest.fixture(scope="module")
def trusted(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture(scope="module")
def udp_echo() -> Iterator[UdpEcho]:
    with UdpEcho() as origin:
        yield origin


@pytest.fixture
def reference() -> Iterator[Server]:
    """The bundled server, without credentials; nothing is left open at it in the end."""
    with Server() as server:
        yield server
        server.wait_idle()


@pytest.fixture(params=["danted", "reference"])
def full_proxy(request: pytest.FixtureRequest) -> str:
    """The URL of a proxy that does all three commands, a real one and ours in turn."""
    server: RealProxy | Server = request.getfixturevalue(request.param)
    return server.url


@pytest.fixture(scope="session")
def microsocks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProxy]:
    with real_servers.microsocks(tmp_path_factory.mktemp("microsocks")) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def microsocks_auth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProxy]:
    folder = tmp_path_factory.mktemp("microsocks-password")
    with real_servers.microsocks(folder, USER, PASSWORD) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def danted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProxy]:
    with real_servers.danted(tmp_path_factory.mktemp("danted")) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def ssh_dynamic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProxy]:
    with real_servers.ssh_dynamic(tmp_path_factory.mktemp("ssh")) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    with real_servers.nginx(tmp_path_factory.mktemp("nginx")) as server:
        yield server


@pytest.fixture(scope="session")
def ftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FtpServer]:
    with real_servers.vsftpd(tmp_path_factory.mktemp("vsftpd")) as server:
        yield server


@pytest.fixture(scope="session")
def tftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TftpServer]:
    with real_servers.tftpd(tmp_path_factory.mktemp("tftpd")) as server:
        yield server


@pytest.fixture(scope="session")
def name_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameServer]:
    with real_servers.dnsmasq(tmp_path_factory.mktemp("dnsmasq")) as server:
        yield server


@pytest.fixture(scope="session")
def stun_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StunServer]:
    with real_servers.stunserver(tmp_path_factory.mktemp("stund")) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with real_servers.postgresql(tmp_path_factory.mktemp("postgresql")) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with real_servers.mariadb(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture(scope="session")
def secantus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentStore]:
    with real_servers.secantus(tmp_path_factory.mktemp("secantus")) as server:
        yield server


@pytest.fixture(scope="session")
def dovecot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    with real_servers.dovecot(tmp_path_factory.mktemp("dovecot")) as server:
        yield server


@pytest.fixture(scope="session")
def aiosmtpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailTransport]:
    with real_servers.aiosmtpd(tmp_path_factory.mktemp("aiosmtpd")) as server:
        yield server


@pytest.fixture(scope="session")
def chrony(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimeServer]:
    with real_servers.chrony(tmp_path_factory.mktemp("chrony")) as server:
        yield server


@pytest.fixture(scope="session")
def kerberos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    """A realm that this process belongs to, its user signed in, until the session ends."""
    with (
        real_servers.realm(tmp_path_factory.mktemp("kerberos")) as realm,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in realm.env.items():
            patch.setenv(name, value)
        yield realm


@pytest.fixture(scope="session", params=list(REAL_PROXIES.values()), ids=list(REAL_PROXIES))
def real_proxy(request: pytest.FixtureRequest) -> RealProxy:
    """Each real proxy in turn."""
    proxy: RealProxy = request.getfixturevalue(request.param)
    return proxy
