"""--listen: a rendezvous at the proxy (BIND), then a pipe with the one peer that comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...protocol import Address, Command
from ...sync import Rendezvous, open_tunnel
from ...tunnel import Deadline
from ..associating import trace_of
from ..options import UsageError
from ..sockets import maker
from ..verbose import to_stderr
from .ends import Input
from .streams import carry

if TYPE_CHECKING:
    from ..transfer import Transfer


def listen(transfer: Transfer) -> None:
    """The handler of --listen; the URL says who is expected, zeros: anybody.

    Raises TransferError, UsageError, or what the proxy's refusal is.
    """
    url = transfer.url
    if url.scheme != "tcp":
        raise UsageError("--listen expects tcp://PEER:PORT, or no URL")
    source = Input(transfer)
    try:
        with _rendezvous(transfer, Address(url.connect_host, url.port or 0)) as rendezvous:
            # Even with -s: without it nobody can come. stdout is the pipe.
            to_stderr(f"listening at {Address(*rendezvous.address[:2])}")
            try:
                sock, peer = rendezvous.accept(transfer.deadline.left())
            except TimeoutError as error:
                if error.errno is not None:
                    raise
                raise transfer.deadline.too_late() from None
        transfer.mark("tunnel")
        transfer.narrator.note(f"{Address(*peer[:2])} has come")
        carry(transfer, sock, source)
    finally:
        source.close()


def _rendezvous(transfer: Transfer, expected: Address) -> Rendezvous:
    chain = transfer.way(expected.host, expected.port)
    if chain is None:
        raise UsageError("--listen waits at a proxy, which --noproxy or NO_PROXY exclude here")
    deadline = Deadline(transfer.deadline.connecting())
    tunnel = open_tunnel(
        chain,
        expected,
        deadline,
        command=Command.BIND,
        make=maker(transfer.options, lambda sock: None),
        trace=trace_of(transfer),
    )
    transfer.outcome.connections += 1
    return Rendezvous(chain, tunnel)
