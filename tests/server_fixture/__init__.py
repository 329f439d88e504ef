"""The reference SOCKS5 server of the tests: RFC 1928 (all three commands, with UDP fragments),
RFC 1929 and RFC 1961 (GSSAPI), Tor's RESOLVE and RESOLVE_PTR, a log, and faults by plan.

Imports nothing from socks5client, and nothing outside the standard library but the package
gssapi, that when a client uses the method.
"""

from . import gss_faults
from .catalogue import CATALOGUE, GSS_CATALOGUE, reply_code, short_failure
from .faults import (
    GSS_STAGES,
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
from .gss_faults import GssFault
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
    "GSS_CATALOGUE",
    "GSS_STAGES",
    "MALFORMED_HEADERS",
    "STAGES",
    "Action",
    "Exchange",
    "Fault",
    "GssFault",
    "RelayFault",
    "Relayed",
    "Server",
    "append",
    "close",
    "coalesce",
    "delay",
    "drip",
    "duplicate",
    "gss_faults",
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
