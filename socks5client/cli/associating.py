"""UDP sockets through the proxy, as the options want them."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from .._plain import Plain, family_of
from .._socket.functions import unassociated
from ..errors import SocksError
from ..handshake import Connected
from ..protocol import Address
from ..sync import run
from ..tunnel import Deadline
from ..tunnel.dial import look_up
from ..tunnel.relay import open_relay
from ..tunnel.rendezvous import ANYBODY
from .exitcodes import Exit, TransferError
from .lookups import look_up as look_up_through
from .sockets import maker
from .targets import Targets

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..handshake import Trace
    from ..proxy import Proxy
    from ..route import Chain
    from .transfer import Transfer

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


def associate(transfer: Transfer, host: str, port: int) -> tuple[socket.socket, tuple[str, int]]:
    """A UDP socket, through the proxy where it is to be, and whom to send to.

    Raises SocksError, OSError, UsageError or TransferError.
    """
    transfer.outcome.connections += 1
    options = transfer.options
    timeout = transfer.deadline.connecting()
    chain = transfer.way(host, port)
    targets = transfer.session.shared(("targets", options), lambda: Targets.of(options))
    host, port = targets.place(host, port)
    family = _FAMILIES.get(options.ip_version or 0, 0)
    if chain is not None and options.dns == "tunnel":
        host = look_up_through(transfer.session, options, chain, host, family, timeout)[0]
    elif chain is None or not chain[-1].remote_dns:
        known = targets.known(host, port)
        found = look_up(Address(known[0] if known else host, port), family, socket.SOCK_DGRAM)
        host = run(found)[0].host
    if chain is None:
        transfer.narrator.note(f"Sends directly to {Address(host, port)}, past any proxy")
        return Plain(family_of(host), socket.SOCK_DGRAM), (host, port)
    sock = associated(
        chain,
        transfer.deadline.connect_left(),
        maker(options, lambda sock: None),
        family=family_of(host),
        trace=trace_of(transfer),
    )
    return sock, (host, port)


def trace_of(transfer: Transfer) -> Trace:
    """The library's `trace` for connections that `connecting` does not make."""

    def trace(proxy: Proxy, event: object) -> None:
        if isinstance(event, Connected):
            transfer.mark("connect")
        transfer.handshake(proxy, event)

    return trace


def associated(
    chain: Chain,
    timeout: float,
    make: Callable[[int], socket.socket],
    *,
    family: int = socket.AF_INET,
    fragment_size: int | None = None,
    trace: Trace | None = None,
) -> socket.socket:
    """A UDP socket whose association stands; its control connections are made of `make`'s.

    Raises a SocksError.
    """
    sock = unassociated(chain, family, ANYBODY, fragment_size)
    try:
        deadline = Deadline(timeout)
        sock.stand(run(open_relay(chain, ANYBODY, deadline, make=make, trace=trace), deadline))
    except BaseException:
        sock.close()
        raise
    return sock


def broken(error: OSError, code: Exit) -> TransferError:
    """`error` of a socket that stood: the end of its association is no failure to connect."""
    proxy = f"; proxy {error.proxy}" if isinstance(error, SocksError) and error.proxy else ""
    return TransferError(code, f"{error.strerror or error}{proxy}")
