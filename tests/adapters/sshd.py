"""sshd as the machine at the far end, for the clients that take a socket."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.real_servers import require, running
from tests.real_servers.process import LOOPBACK, user_name
from tests.real_servers.ssh import PRIVILEGE_SEPARATION, SSHD_CONFIGURATION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class SshServer:
    """A running sshd: who may log in, by which key, and where it is known by which names."""

    host: str
    port: int
    user: str
    key: Path
    known_hosts: Path


@contextmanager
def sshd(folder: Path, *names: str) -> Iterator[SshServer]:
    """Run sshd as the user that runs the tests, whom it lets in; it is known by `names`."""
    binary, keygen = require("sshd"), require("ssh-keygen")
    for key in ("host_key", "user_key"):
        command = [keygen, "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / key)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=30)
    if os.getuid() == 0:
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)

    def prepare(port: int) -> list[str]:
        text = SSHD_CONFIGURATION.format(host=LOOPBACK, port=port, folder=folder)
        (folder / "sshd.conf").write_text(text)
        return [binary, "-D", "-e", "-f", str(folder / "sshd.conf")]

    with running("sshd", folder, prepare) as server:
        host, port = server.addresses[0]
        host_key = (folder / "host_key.pub").read_text()
        places = ",".join(f"[{name}]:{port}" for name in (host, *names))
        (folder / "known_hosts").write_text(f"{places} {host_key}")
        yield SshServer(host, port, user_name(), folder / "user_key", folder / "known_hosts")
