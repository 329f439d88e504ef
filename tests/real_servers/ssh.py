"""ssh -D: OpenSSH's client as a proxy, through an sshd of our own."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .packages import require
from .process import LOOPBACK, StartError, running, user_name
from .proxy import RealProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

# No "failures": where sshd cannot connect, ssh hangs up instead of replying.
FEATURES = frozenset({"connect", "names", "ipv6"})

# StrictModes and UsePAM off: a temporary folder and an ordinary user are enough.
SSHD_CONFIGURATION = """\
ListenAddress {host}:{port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowTcpForwarding local
"""

SSH_OPTIONS = (
    "BatchMode=yes",
    "ExitOnForwardFailure=yes",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
)

# sshd run by root insists on this folder, which only its system service makes.
PRIVILEGE_SEPARATION = Path("/run/sshd")


@contextmanager
def ssh_dynamic(folder: Path) -> Iterator[RealProxy]:
    """Run sshd, log in to it, and yield the SOCKS5 side of `ssh -N -D`.

    An ordinary user will do, but no locked one (a shadow password that starts with "!",
    as systemd says of nobody): sshd lets no key in there.
    """
    sshd, ssh, keygen = require("sshd"), require("ssh"), require("ssh-keygen")
    for key in ("host_key", "user_key"):
        command = [keygen, "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / key)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=30)
    if os.getuid() == 0:
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)

    def prepare_sshd(port: int) -> list[str]:
        text = SSHD_CONFIGURATION.format(host=LOOPBACK, port=port, folder=folder)
        (folder / "sshd.conf").write_text(text)
        return [sshd, "-D", "-e", "-f", str(folder / "sshd.conf")]

    with running("sshd", folder, prepare_sshd) as server:
        sshd_port = server.addresses[0][1]

        def prepare_ssh(port: int) -> list[str]:
            options = [word for option in SSH_OPTIONS for word in ("-o", option)]
            here = f"{user_name()}@{LOOPBACK}"
            login = ["-i", str(folder / "user_key"), "-p", str(sshd_port), here]
            return [ssh, "-F", "none", "-N", "-D", f"{LOOPBACK}:{port}", *options, *login]

        try:
            with running("ssh", folder, prepare_ssh) as client:
                host, port = client.addresses[0]
                yield RealProxy("ssh-D", host, port, FEATURES, servers=(client, server))
        except StartError as error:  # why a login is refused only sshd knows
            error.add_note(f"sshd's log ends:\n{server.log_tail()}")
            raise
