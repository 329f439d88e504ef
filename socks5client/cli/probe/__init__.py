"""--probe: what a proxy can do, found out by asking it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..exitcodes import Stage
from ..explain import explain
from ..options import UsageError
from ..progress import Display
from ..session import Session
from ..urls import MalformedUrl, UnsupportedScheme
from ..verbose import Narrator
from ..ways import NO_PROXY_CONFIGURED, Way
from .prober import Prober
from .table import show
from .targets import Targets

if TYPE_CHECKING:
    from ..options import Options

__all__ = ["probe"]


def probe(command: Options) -> int:
    """Asks the proxy of `command` and shows what it can do, on stdout.

    Returns the exit code: 0 where it is reachable and takes the credentials. Raises
    TransferError where there is no proxy, or the URL is no destination.
    """
    try:
        chain = Way.of(command).chain
        if chain is None:
            raise UsageError(NO_PROXY_CONFIGURED)
        targets = Targets.of(command, chain[-1])
    except (UsageError, MalformedUrl, UnsupportedScheme) as error:
        raise explain(error, Stage.CONNECT, proxied=True, send_failed=False) from None
    with Session(Display(enabled=False)) as session:
        trace = Narrator.of(command, session).handshake
        prober = Prober(chain, targets, command, trace)
        show(prober.findings(), prober.report, as_json=command.probe_json)
    return prober.report.code
