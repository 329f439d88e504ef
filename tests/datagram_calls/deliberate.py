"""Where the drop-in is another one on purpose: what is expected of it instead, and why."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from socks5client import ProxyConnectionError

from .scene import CASES, Failed, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = ("sendto", "sendto again", "sendto, flags", "sendmsg", "connect_ex", "connect")
UNCONNECTED = Failed(OSError, errno.ENOTCONN), Failed(OSError, errno.EDESTADDRREQ)


def refused(scene: Scene) -> tuple[Any, ...]:
    """An address that cannot be is a ValueError before any I/O, as for TCP."""
    error = Failed(ValueError)
    return (([(call, error) for call in CALLS], UNCONNECTED, error, []),)


def four_items(scene: Scene) -> tuple[Any, ...]:
    results = [*((call, 1) for call in CALLS[:4]), ("connect_ex", 0), ("connect", None)]
    echoed = [(b"%d" % number, scene.peer) for number in range(1, 7)]
    return ((results, (scene.peer, 1), 1, echoed),)


# The outcomes of which one must be.
DELIBERATE: dict[str, Callable[[Scene], tuple[Any, ...]]] = {
    "address: an empty host": refused,  # here it is "any", which to a proxy is no destination
    "address: a host with NUL": refused,
    "address: a name of 300 bytes": refused,
    "address: a label of 300 bytes": refused,
    "address: a name outside ASCII, too long": refused,
    "address: port -1": refused,
    "address: port 65536": refused,
    "address: port 2**70": refused,
    # The family is no limit: how the destination is reached is the proxy's affair.
    "address: 4 items": four_items,
    "address: of the other family": lambda scene: ((1, (b"x", (*scene.foreign, 0, 0))),),
    "an IPv6 socket for IPv6 alone": lambda scene: ((1, (b"x", scene.foreign)),),
    # The name is the proxy's to resolve, so there is no address to tell.
    "getpeername of a name": lambda scene: ((("localhost", scene.peer[1]), 1, (b"x", scene.peer)),),
    # One header stands before one datagram, so the kernel may not join or split them.
    "connected: send, MSG_MORE": lambda scene: ((Failed(OSError, errno.EOPNOTSUPP), []),),
    "connected: sendmsg, UDP_SEGMENT": lambda scene: ((Failed(OSError, errno.EINVAL), []),),
    "option: UDP_CORK": lambda scene: (Failed(OSError, errno.ENOPROTOOPT),),
    # Connected means from the peer alone, also of what came before: it is told by the header.
    "connect with another's datagram in the queue": lambda scene: ([],),
    # SOCKS5 has no word for an ICMP error. danted passes on that of a first datagram, as its own.
    "connected where nobody listens": lambda scene: (
        (1, Failed(TimeoutError)),
        (1, Failed(ProxyConnectionError, errno.ECONNREFUSED)),
    ),
}
assert DELIBERATE.keys() <= CASES.keys()
