"""MariaDB's server, with a user and a database."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .database import PASSWORD, USER, Database
from .packages import require
from .process import LOOPBACK, running, user_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "library"

# Run before it accepts connections.
ACCOUNTS = f"""\
CREATE DATABASE {NAME} CHARACTER SET utf8mb4;
CREATE USER {USER} IDENTIFIED BY '{PASSWORD}';
GRANT ALL ON {NAME}.* TO {USER};
"""

# What it would take for a machine of its own.
SMALL = ("--innodb-log-file-size=4M", "--innodb-buffer-pool-size=16M")


@contextmanager
def mariadb(folder: Path) -> Iterator[Database]:
    """Run mariadbd as the user that runs the tests, all its files in the folder."""
    binary, make = require("mariadbd"), require("mariadb-install-db")
    require("my_print_defaults")  # by mariadb-install-db
    data, accounts = folder / "data", folder / "accounts.sql"
    common = ["--no-defaults", f"--datadir={data}", f"--user={user_name()}", *SMALL]
    subprocess.run(
        [make, *common, "--skip-test-db", "--skip-name-resolve"],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=60,
    )
    accounts.write_text(ACCOUNTS)

    def prepare(port: int) -> list[str]:
        # Relative to the data, since the path of a unix socket cannot be long.
        place = [f"--bind-address={LOOPBACK}", f"--port={port}", "--socket=mariadb.sock"]
        return [binary, *common, *place, "--skip-name-resolve", f"--init-file={accounts}"]

    with running("mariadb", folder, prepare) as server:
        host, port = server.addresses[0]
        yield Database(host, port, NAME, servers=(server,))
