"""vsftpd: an FTP server for anonymous users, in active mode as well as passive."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .folders import open_folders
from .packages import require
from .process import LOOPBACK, Server, running, user_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER = "anonymous"

# Promiscuous: through a proxy the data does not come from where the commands come from.
# other_write: resuming an upload is one. Not world_readable_only: what its user may read.
CONFIGURATION = """\
background=NO
listen=YES
listen_address={host}
listen_port={port}
port_enable=YES
port_promiscuous=YES
connect_from_port_20=NO
pasv_enable=YES
pasv_promiscuous=YES
anonymous_enable=YES
local_enable=NO
no_anon_password=YES
anon_root={root}
write_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
anon_world_readable_only=NO
anon_umask=022
xferlog_enable=YES
xferlog_std_format=NO
log_ftp_protocol=YES
vsftpd_log_file={log}
secure_chroot_dir={empty}
seccomp_sandbox=NO
{user}
"""

# Each session of root's changes root and user. Others can do neither: no chroot for them.
AS_ROOT = "ftp_username=ftp"
AS_USER = "run_as_launching_user=YES\nftp_username={user}"


@dataclass(frozen=True)
class FtpServer:
    """A running FTP server; it serves what is published in `root`."""

    host: str
    port: int
    root: Path
    uploads: Path  # below `root`: the one folder that takes uploads (when root runs it)
    protocol_log: Path  # every command and reply
    user: str = USER  # any password will do
    servers: tuple[Server, ...] = field(default=(), repr=False, compare=False)


@contextmanager
def vsftpd(folder: Path) -> Iterator[FtpServer]:
    """Run vsftpd; root's serves as the user ftp, an ordinary user's without changing root."""
    binary = require("vsftpd")
    root, uploads, empty = folder / "ftp", folder / "ftp" / "upload", folder / "empty"
    open_folders(root, uploads)
    empty.mkdir()

    def prepare(port: int) -> list[str]:
        text = CONFIGURATION.format(
            host=LOOPBACK,
            port=port,
            root=root,
            empty=empty,
            log=folder / "protocol.log",
            user=AS_ROOT if os.getuid() == 0 else AS_USER.format(user=user_name()),
        )
        (folder / "vsftpd.conf").write_text(text)
        # What is wrong it says to its standard input, where inetd has the client.
        return ["sh", "-c", 'exec "$@" <&1', "sh", binary, str(folder / "vsftpd.conf")]

    with running("vsftpd", folder, prepare) as server:
        host, port = server.addresses[0]
        yield FtpServer(host, port, root, uploads, folder / "protocol.log", servers=(server,))
