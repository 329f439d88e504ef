"""unbound: a name server of two zones, by UDP, TCP, TLS and HTTPS."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .packages import require
from .process import LOOPBACK, Server, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

# Whom its certificate is for.
HOST_NAME = "dns.test"

ZONE = """\
$TTL 300
@ IN SOA ns.test. root.test. 1 300 300 300 60
@ IN NS ns.test.
"""
NAMES = """\
name.test. IN A 192.0.2.7
name.test. IN AAAA 2001:db8::7
alias.test. IN CNAME name.test.
four.test. IN A 192.0.2.4
six.test. IN AAAA 2001:db8::6
text.test. IN TXT "hello"
xn--bcher-kva.test. IN A 192.0.2.8
"""
POINTERS = "7.2.0.192.in-addr.arpa. IN PTR name.test.\n"

CONFIGURATION = """\
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  interface: {host}@{port}
  interface: {host}@{tls}
  interface: {host}@{https}
  tls-port: {tls}
  https-port: {https}
  tls-service-key: "key.pem"
  tls-service-pem: "cert.pem"
  module-config: "iterator"
  local-zone: "test." nodefault
  local-zone: "2.0.192.in-addr.arpa." nodefault
  log-queries: yes
remote-control:
  control-enable: no
auth-zone:
  name: "test."
  zonefile: "test.zone"
auth-zone:
  name: "2.0.192.in-addr.arpa."
  zonefile: "pointers.zone"
"""


@dataclass(frozen=True)
class Unbound:
    """A running unbound: UDP and TCP at `port`, TLS at `tls`, HTTPS (HTTP/2 only) at `https`.

    What it was asked is in the log of its process.
    """

    host: str
    port: int
    tls: int
    https: int
    servers: tuple[Server, ...] = field(default=(), repr=False, compare=False)


@contextmanager
def unbound(folder: Path, authority: trustme.CA) -> Iterator[Unbound]:
    """Run unbound as the user that runs the tests, with a certificate that `authority` signs."""
    binary = require("unbound")
    certificate = authority.issue_cert(HOST_NAME, LOOPBACK)
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(str(folder / "cert.pem"), append=True)
    (folder / "test.zone").write_text("$ORIGIN test.\n" + ZONE + NAMES)
    (folder / "pointers.zone").write_text("$ORIGIN 2.0.192.in-addr.arpa.\n" + ZONE + POINTERS)
    configuration = folder / "unbound.conf"

    def prepare(*ports: int) -> list[str]:
        port, tls, https = ports
        configuration.write_text(
            CONFIGURATION.format(folder=folder, host=LOOPBACK, port=port, tls=tls, https=https)
        )
        return [binary, "-d", "-c", str(configuration)]

    with running("unbound", folder, prepare, ports=3) as server:
        yield Unbound(LOOPBACK, *server.ports, servers=(server,))
