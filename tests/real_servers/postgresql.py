"""PostgreSQL, which asks for a password by SCRAM-SHA-256."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .database import PASSWORD, USER, Database
from .folders import folder_of
from .packages import require
from .process import LOOPBACK, running

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "postgres"  # the database that each new server has
ACCOUNT = "postgres"  # root's server, since none may be root
AS_ACCOUNT = ("setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--init-groups")


@contextmanager
def postgresql(folder: Path) -> Iterator[Database]:
    """Run PostgreSQL as the user that runs the tests, or root's as the user postgres.

    The log is in the folder; the data is elsewhere, where that user can go.
    """
    programs = _programs()
    with folder_of(ACCOUNT) as home:
        data, password = home / "data", home / "password"
        password.write_text(PASSWORD)
        account = ["env", f"--chdir={home}", *(AS_ACCOUNT if os.getuid() == 0 else ())]
        users = ["-U", USER, "-A", "scram-sha-256", "--pwfile", str(password)]
        make = [str(programs / "initdb"), "-D", str(data), "-N", "-E", "UTF8", "--locale=C", *users]
        subprocess.run([*account, *make], check=True, stdout=subprocess.DEVNULL, timeout=60)

        def prepare(port: int) -> list[str]:
            place = ["-D", str(data), "-h", LOOPBACK, "-p", str(port), "-k", ""]  # no unix socket
            return [*account, str(programs / "postgres"), "-F", *place]

        def answers(host: str, port: int) -> bool:
            """It accepts connections before it is ready, to say so."""
            probe = [str(programs / "pg_isready"), "-q", "-h", host, "-p", str(port)]
            return subprocess.run(probe, check=False, timeout=30).returncode == 0

        with running("postgresql", folder, prepare, answers=answers) as server:
            host, port = server.addresses[0]
            yield Database(host, port, NAME, servers=(server,))


def _programs() -> Path:
    """The folder of the newest version's programs, which Debian has on no PATH."""
    require("pg_ctlcluster")
    found = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(found, key=lambda path: float(path.parts[-3]), default=None)
    if newest is None:
        pytest.fail("there is pg_ctlcluster, but no PostgreSQL that it could run", pytrace=False)
    return newest.parent
