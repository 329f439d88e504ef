"""dovecot: a mailbox, by IMAP over TLS and by POP3."""

from __future__ import annotations

import pwd
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .certificates import issue
from .folders import folder_of
from .packages import require
from .process import LOOPBACK, Server, running, user_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER, PASSWORD = "tester", "s3cret"
NAME = "mail.test"
ACCOUNT = "mail"  # whose mail root's server keeps, since none may be root's

# `run` has unix sockets, whose paths cannot be long.
CONFIGURATION = """\
protocols = imap pop3
listen = {host}
base_dir = {home}/run
state_dir = {home}/run
log_path = /dev/stderr
default_internal_user = {user}
default_internal_group =
first_valid_uid = 1
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{certificate}
disable_plaintext_auth = no
mail_location = maildir:{home}/mail/%u
passdb {{
  driver = passwd-file
  args = {folder}/passwords
}}
userdb {{
  driver = static
  args = uid={account.pw_uid} gid={account.pw_gid} home={home}/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {imaps_port}
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3_port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
{unprivileged}
"""

# Who is not root can be nobody else, and cannot change root.
UNPRIVILEGED = """\
default_login_user = {user}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
}}
service pop3-login {{
  chroot =
}}
"""


@dataclass(frozen=True)
class MailServer:
    """A running mail server, with one user, whose mailbox is empty."""

    host: str
    port: int  # IMAP over TLS
    pop3_port: int  # in clear, or TLS by STLS
    ca_file: Path  # who signed the certificate
    name: str = NAME  # for which it is
    user: str = USER
    password: str = field(default=PASSWORD, repr=False)
    servers: tuple[Server, ...] = field(default=(), repr=False, compare=False)


@contextmanager
def dovecot(folder: Path) -> Iterator[MailServer]:
    """Run dovecot as the user that runs the tests; root's takes other accounts where it must."""
    binary = require("dovecot")
    ca_file, certificate = issue(folder, NAME)
    (folder / "passwords").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
    user = user_name()
    account = pwd.getpwnam(ACCOUNT if user == "root" else user)

    with folder_of(ACCOUNT) as home:

        def prepare(imaps_port: int, pop3_port: int) -> list[str]:
            text = CONFIGURATION.format(
                host=LOOPBACK,
                folder=folder,
                home=home,
                certificate=certificate,
                user=user,
                account=account,
                imaps_port=imaps_port,
                pop3_port=pop3_port,
                unprivileged="" if user == "root" else UNPRIVILEGED.format(user=user),
            )
            (folder / "dovecot.conf").write_text(text)
            return [binary, "-F", "-c", str(folder / "dovecot.conf")]

        with running("dovecot", folder, prepare, ports=2) as server:
            imaps_port, pop3_port = server.ports
            yield MailServer(LOOPBACK, imaps_port, pop3_port, ca_file, servers=(server,))
