"""The reference SOCKS5 server of the tests: RFC 1928 (all three commands, with UDP fragments) and
RFC 1929, a log, and faults by plan.

Imports nothing from socks5client, and nothing outside the standard library.
"""

from .catalogue import CATALOGUE, reply_code, short_failure
from .faults import (
    STAGES,
    Action,
    Fault,
    append,
    close,
    coalesce,
    delay,
    drip,
    replace,
    reset,
    split,
    stall,
    truncate,
)
from .log import Exchange, Relayed
from .relay_faults import (
    MALFORMED_HEADERS,
    RelayFault,
    duplicate,
    lose,
    malformed,
    reorder,
    spoof,
    truncate_packet,
)
from .server import Server

__all__ = [
    "CATALOGUE",
    "MALFORMED_HEADERS",
    "STAGES",
    "Action",
    "Exchange",
    "Fault",
    "RelayFault",
    "Relayed",
    "Server",
    "append",
    "close",
    "coalesce",
    "delay",
    "drip",
    "duplicate",
    "lose",
    "malformed",
    "reorder",
    "replace",
    "reply_code",
    "reset",
    "short_failure",
    "split",
    "spoof",
    "stall",
    "truncate",
    "truncate_packet",
]
