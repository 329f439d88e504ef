"""CONNECT on plain blocking sockets."""

from __future__ import annotations

from .. import tunnel
from .._plain import Plain, handed_out
from ..protocol import Address, Command
from ..recent import note_destination
from ..route import DIRECT, find_route
from ..tunnel.deadline import Deadline
from ..tunnel.dial import reach
from ..tunnel.opening import usual_way
from .running import run
from .usual import connect_as_usual

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any

    from ..route import Chain, ProxyLike
    from ..tunnel import Tunnel


def connect(
    address: tuple[str | bytes, int] | tuple[str, int, int, int],
    *,
    proxy: ProxyLike = None,
    timeout: float | None = None,
    early_data: bytes = b"",
) -> socket.socket:
    """A plain `socket.socket`, connected to `address` through `proxy`, in blocking mode.

    Parameters: `address`, ("host", port), or the four of IPv6; `proxy`, as everywhere (see
    `socks5client.connect`); `timeout`, in seconds, for all of it, None for no limit. Looking
    up a name with the system's resolver cannot be interrupted and is not bounded; `early_data`,
    as for `socks5client.connect`.

    Raises a SocksError, or the system's `gaierror` where a name is looked up here; ValueError
    for what cannot be, before any I/O. Source: RFC 1928 section 4, CONNECT.
    """
    target = Address.from_tuple(address)
    route = find_route(proxy)
    deadline = Deadline.after(timeout)
    if route is DIRECT:
        steps = reach(target, Plain, deadline=deadline, early_data=early_data)
        sock = handed_out(run(steps, deadline))
    else:
        opened = connect_tunnel(route, target, deadline, Plain, early_data=early_data)
        sock = opened.plain()
    sock.settimeout(None)
    return sock


def open_tunnel(
    chain: Chain,
    target: Address,
    deadline: Deadline | None,
    *,
    command: Command = Command.CONNECT,
    make: Callable[[int], socket.socket] = Plain,
    **options: Any,
) -> Tunnel:
    """As `socks5client.tunnel.open_tunnel`, whose other parameters are `options`; waits for it."""
    steps = tunnel.open_tunnel(chain, target, deadline, command=command, make=make, **options)
    opened = run(steps, deadline)
    if command is Command.CONNECT:
        note_destination(chain, opened.address)
    return opened


def connect_tunnel(
    chain: Chain,
    target: Address,
    deadline: Deadline | None,
    make: Callable[[int], socket.socket],
    family: int = 0,
    source_address: Any = None,
    socket_options: tuple[tuple[Any, ...], ...] = (),
    all_errors: bool = False,
    early_data: bytes = b"",
) -> Tunnel:
    """As `open_tunnel` with CONNECT, for what programs call most.

    `chain`, `target`, `deadline`, `make`, `family`, `source_address`, `socket_options`,
    `all_errors` and `early_data` are as there. Returns the `Tunnel`; raises what that raises.
    """
    way = None
    if not (source_address or socket_options or all_errors or early_data):
        way = usual_way(chain)
    if way is not None:
        opened = connect_as_usual(chain, target, way, deadline, make)
        note_destination(chain, target)
        return opened
    return open_tunnel(
        chain,
        target,
        deadline,
        make=make,
        family=family,
        source_address=source_address,
        socket_options=socket_options,
        all_errors=all_errors,
        early_data=early_data,
    )
