"""danted (Dante): the proxy that does all three commands, without authentication."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from .packages import require
from .process import LOOPBACK, running, user_name
from .proxy import RealProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FEATURES = frozenset({"connect", "bind", "udp", "names", "ipv6", "failures"})

# `external: lo` lets it reach loopback, and nothing else.
CONFIGURATION = """\
logoutput: stderr
internal: {host} port = {port}
external: lo
socksmethod: none
clientmethod: none
user.privileged: {user}
user.unprivileged: {user}
client pass {{ from: 0/0 to: 0/0 }}
socks pass {{ from: 0/0 to: 0/0 command: bind connect udpassociate }}
socks pass {{ from: 0/0 to: 0/0 command: bindreply udpreply }}
"""


@contextmanager
def danted(folder: Path) -> Iterator[RealProxy]:
    """Run danted as the user that runs the tests, so that it need not be root."""
    binary = require("danted")
    configuration = folder / "danted.conf"

    def prepare(port: int) -> list[str]:
        configuration.write_text(CONFIGURATION.format(host=LOOPBACK, port=port, user=user_name()))
        # Without -p the pid goes to /var/run. -N 1: one process that accepts.
        return [binary, "-f", str(configuration), "-N", "1", "-p", str(folder / "danted.pid")]

    with running("danted", folder, prepare) as server:
        host, port = server.addresses[0]
        yield RealProxy("danted", host, port, FEATURES, servers=(server,))
