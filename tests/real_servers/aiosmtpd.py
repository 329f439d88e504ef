"""aiosmtpd: takes mail for anybody, in clear or after STARTTLS, and keeps it in files."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .certificates import issue
from .process import LOOPBACK, Server, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "mail.test"


@dataclass(frozen=True)
class MailTransport:
    """A running SMTP server; each mail is a file of its own, in a maildir."""

    host: str
    port: int
    ca_file: Path  # who signed the certificate
    maildir: Path
    name: str = NAME  # for which the certificate is
    servers: tuple[Server, ...] = field(default=(), repr=False, compare=False)


@contextmanager
def aiosmtpd(folder: Path) -> Iterator[MailTransport]:
    """Run aiosmtpd as the user that runs the tests, all its files in the folder."""
    ca_file, certificate = issue(folder, NAME)
    maildir = folder / "mail"

    def prepare(port: int) -> list[str]:
        tls = ["--tlscert", str(certificate), "--tlskey", str(certificate), "--no-requiretls"]
        place = ["-n", "-l", f"{LOOPBACK}:{port}"]  # -n: as who it is
        keep = ["-c", "aiosmtpd.handlers.Mailbox", str(maildir)]
        return [sys.executable, "-m", "aiosmtpd", *place, *tls, *keep]

    with running("aiosmtpd", folder, prepare) as server:
        host, port = server.addresses[0]
        yield MailTransport(host, port, ca_file, maildir, servers=(server,))
