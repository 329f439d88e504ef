"""A Kerberos realm of its own (MIT's KDC, on loopback) with one user and one service."""

from __future__ import annotations

import importlib
import os
import socket
import struct
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from .packages import require
from .process import LOOPBACK, Server, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVICE, HOSTNAME = "rcmd", "localhost"
PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit", "klist", "krb5-config")
MODULES = ("gssapi", "k5test.realm")

# Nothing is looked up by DNS, and the host of a service is the name as given.
KRB5_CONF = {
    "libdefaults": {
        "dns_canonicalize_hostname": "false",
        "dns_lookup_realm": "false",
        "rdns": "false",
        "forwardable": "true",
    },
    "realms": {"$realm": {"kdc": f"{LOOPBACK}:$port0"}},
}
KDC_CONF = {
    "realms": {
        "$realm": {"kdc_listen": f"{LOOPBACK}:$port0", "kdc_tcp_listen": f"{LOOPBACK}:$port0"}
    },
    "logging": {"kdc": "STDERR"},
}


@dataclass(frozen=True)
class Realm:
    """A running realm. Its user has a ticket; `env` makes it this process's realm."""

    name: str
    host: str
    port: int
    folder: Path
    env: dict[str, str]  # KRB5_CONFIG, KRB5CCNAME, KRB5_KTNAME and the like
    keytab: Path  # of `service` alone
    ccache: Path
    user: str
    password: str = field(repr=False)
    service: str = SERVICE
    hostname: str = HOSTNAME
    servers: tuple[Server, ...] = field(default=(), repr=False, compare=False)
    _k5realm: Any = field(default=None, repr=False, compare=False)

    @property
    def target(self) -> str:
        """The service as GSSAPI's hostbased_service has it."""
        return f"{self.service}@{self.hostname}"

    def kinit(self, ccache: Path | None = None, lifetime: str | None = None) -> Path:
        """Get the user a ticket, into its own cache or another one.

        Args:
            lifetime: as `kinit -l` takes it, "10m" say.
        """
        ccache = ccache or self.ccache
        flags = ["-c", str(ccache), *(() if lifetime is None else ("-l", lifetime))]
        self._k5realm.kinit(self.user, self.password, flags)
        return ccache

    def add_service(
        self, service: str, hostname: str = HOSTNAME, keytab: Path | None = None
    ) -> Path:
        """Make another service known to the KDC; returns the keytab with its key.

        Args:
            keytab: `self.keytab` to have the same server accept both. Default: one of its own.
        """
        keytab = keytab or self.folder / f"{service}-{hostname}.keytab"
        self._k5realm.addprinc(f"{service}/{hostname}")
        self._k5realm.extract_keytab(f"{service}/{hostname}", str(keytab))
        return keytab

    def expired(self, ccache: Path) -> Path:
        """A cache whose tickets ran out long ago, without having waited for it."""
        self.kinit(ccache)
        ccache.write_bytes(_ended(ccache.read_bytes()))
        return ccache

    def skewed(self, ccache: Path) -> Path:
        """A cache of a client whose clock is an hour off, as far as the KDC can tell."""
        self.kinit(ccache)
        ccache.write_bytes(_skewed(ccache.read_bytes(), 3600))
        return ccache


@contextmanager
def realm(folder: Path) -> Iterator[Realm]:
    """Run a KDC for a new realm, with everything in the folder; takes a few seconds."""
    binaries = {name: require(name) for name in PROGRAMS}
    _, k5realm_module = [_import(name) for name in MODULES]

    class LoopbackRealm(k5realm_module.MITRealm):  # type: ignore[misc, name-defined]
        hostname = HOSTNAME  # not the machine's, which takes DNS to find

    made: list[Any] = []
    kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM)

    def prepare(port: int) -> list[str]:
        # It makes a folder of its own, wherever temporary files go.
        with mock.patch.object(tempfile, "tempdir", str(folder)):
            k5realm = LoopbackRealm(
                portbase=port,
                krb5_conf=KRB5_CONF,
                kdc_conf=KDC_CONF,
                create_host=False,
                get_creds=False,
                start_kdc=False,
                krb5kdc=binaries["krb5kdc"],
                kdb5_util=binaries["kdb5_util"],
                kadmin_local=binaries["kadmin.local"],
            )
        made.append(k5realm)
        settings = [f"{name}={value}" for name, value in k5realm.env.items()]
        return ["env", *settings, binaries["krb5kdc"], "-n"]

    with running("krb5kdc", folder, prepare, kinds=kinds) as server:
        host, port = server.addresses[0]
        k5realm = made[-1]
        own = folder / os.path.basename(k5realm.tmpdir)
        started = Realm(
            name=k5realm.realm,
            host=host,
            port=port,
            folder=own,
            env=dict(k5realm.env),
            keytab=own / "keytab",
            ccache=own / "ccache",
            user=k5realm.user_princ,
            password=k5realm.password("user"),
            servers=(server,),
            _k5realm=k5realm,
        )
        started.add_service(SERVICE, keytab=started.keytab)
        started.kinit()
        yield started


def _import(name: str) -> Any:
    """A Python package that only these tests need; missing, it is as a missing program."""
    try:
        return importlib.import_module(name)
    except ImportError as exc:
        message = f"{name} cannot be imported ({exc}): install it from PyPI"
        if os.environ.get("CI"):
            pytest.fail(message, pytrace=False)
        pytest.skip(message)


def _skewed(ccache: bytes, seconds: int) -> bytes:
    """The cache with another offset between the KDC's clock and this one in its header."""
    length = int.from_bytes(ccache[2:4])
    offset = struct.pack("!HHiI", 1, 8, seconds, 0)
    return ccache[:2] + struct.pack("!H", len(offset)) + offset + ccache[4 + length :]


def _ended(ccache: bytes) -> bytes:
    """The cache with every ticket valid for the first hour of 1970 only.

    The format is MIT's version 4: a header, the default principal, then credentials.
    """
    data, at = bytearray(ccache), 4 + int.from_bytes(ccache[2:4])
    if data[:2] != b"\x05\x04":
        raise ValueError(f"a credentials cache of another version: {data[:2].hex()}")

    def skip_string(at: int) -> int:
        return at + 4 + int.from_bytes(data[at : at + 4])

    def skip_principal(at: int) -> int:
        count = int.from_bytes(data[at + 4 : at + 8])
        at += 8
        for _ in range(count + 1):  # the realm is not counted
            at = skip_string(at)
        return at

    def skip_list(at: int) -> int:
        count = int.from_bytes(data[at : at + 4])
        at += 4
        for _ in range(count):
            at = skip_string(at + 2)
        return at

    at = skip_principal(at)
    while at < len(data):
        at = skip_string(skip_principal(skip_principal(at)) + 2)  # client, server, key
        struct.pack_into("!4I", data, at, 1, 1, 3600, 0)  # of auth, start, end, renewal
        at = skip_list(skip_list(at + 16 + 1 + 4))  # is_skey, flags; addresses, authdata
        at = skip_string(skip_string(at))  # ticket, second ticket
    return bytes(data)
