"""How connections are made, what bounds them, and what is done when they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kinds import append, constant, number, off, seconds, size, switch, text
from .model import Option, UsageError

if TYPE_CHECKING:
    from .model import Values


def _ports(values: Values, text: str) -> None:
    """A port, or a range of them."""
    first, dash, last = text.partition("-")
    ends = (first, last) if dash else (first, first)
    if not all(end.isascii() and end.isdigit() and 0 < int(end[:6]) <= 0xFFFF for end in ends):
        raise UsageError("expected a port or a range of them")
    if int(ends[0]) > int(ends[1]):
        raise UsageError("expected a range from the lower port to the higher")
    values["local_port"] = text


ROWS = (
    Option("max-time", "m", "SECONDS", "For the whole transfer", seconds("max_time"), usual=True),
    Option("connect-timeout", "", "SECONDS", "For TCP, SOCKS and TLS", seconds("connect_timeout")),
    Option("ipv4", "4", "", "Names that are looked up here: IPv4 only", constant("ip_version", 4)),
    Option("ipv6", "6", "", "Names that are looked up here: IPv6 only", constant("ip_version", 6)),
    Option(
        "resolve",
        "",
        "HOST:PORT:ADDRESS",
        "The address of a name that is looked up here",
        append("resolve"),
    ),
    Option(
        "connect-to",
        "",
        "HOST1:PORT1:HOST2:PORT2",
        "Connect elsewhere than the URL says",
        append("connect_to"),
    ),
    Option(
        "interface", "", "NAME", "Interface or address to reach the proxy from", text("interface")
    ),
    Option("local-port", "", "PORT[-PORT]", "Local port to reach the proxy from", _ports),
    Option("no-keepalive", "", "", "No TCP keepalive", off("keepalive")),
    Option(
        "keepalive-time",
        "",
        "SECONDS",
        "Pause between keepalive probes",
        number("keepalive_time", 1),
    ),
    Option("tcp-nodelay", "", "", "Send without delay (the default)", switch("tcp_nodelay")),
    Option("limit-rate", "", "SPEED", "At most so many bytes a second", size("limit_rate")),
    Option("speed-limit", "Y", "SPEED", "Give up when slower than this", size("speed_limit")),
    Option("speed-time", "y", "SECONDS", "For so long (30)", seconds("speed_time")),
    Option("proto", "", "PROTOCOLS", "Protocols that are allowed", text("proto")),
    Option("proto-default", "", "PROTOCOL", "For URLs without a scheme", text("proto_default")),
    Option(
        "proto-redir", "", "PROTOCOLS", "Protocols that redirects may lead to", text("proto_redir")
    ),
    Option("retry", "", "N", "Try again after passing failures", number("retry")),
    Option(
        "retry-delay", "", "SECONDS", "Pause before that; else 1, 2, 4, ...", seconds("retry_delay")
    ),
    Option("retry-max-time", "", "SECONDS", "No more tries after that", seconds("retry_max_time")),
    Option("retry-all-errors", "", "", "After any failure", switch("retry_all_errors")),
    Option(
        "retry-connrefused", "", "", "After a refused connection, too", switch("retry_connrefused")
    ),
)
