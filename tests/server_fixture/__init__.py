"""The reference SOCKS5 server of the tests: RFC 1928 and 1929, a log, and faults by plan.

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
from .log import Exchange
from .server import Server

__all__ = [
    "CATALOGUE",
    "STAGES",
    "Action",
    "Exchange",
    "Fault",
    "Server",
    "append",
    "close",
    "coalesce",
    "delay",
    "drip",
    "replace",
    "reply_code",
    "reset",
    "short_failure",
    "split",
    "stall",
    "truncate",
]
