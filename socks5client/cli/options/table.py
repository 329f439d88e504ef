"""THE table of options, by curl's groups: parsing, help, completions and manual are made of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from . import command, connection, ftp, http, output, proxy, tls

if TYPE_CHECKING:
    from .model import Option

GROUPS: dict[str, tuple[str, tuple[Option, ...]]] = {
    "curl": ("The command itself", command.ROWS),
    "proxy": ("The proxy", proxy.ROWS),
    "connection": ("Connections, limits and retries", connection.ROWS),
    "http": ("HTTP", http.HTTP),
    "post": ("What is sent", http.POST),
    "auth": ("Authentication with the server", http.AUTH),
    "output": ("Where the answer goes", output.OUTPUT),
    "verbose": ("Messages and progress", output.VERBOSE),
    "tls": ("TLS", tls.ROWS),
    "ftp": ("FTP", ftp.FTP),
    "tftp": ("TFTP", ftp.TFTP),
}

TABLE: tuple[Option, ...] = tuple(
    replace(option, group=group) for group, (_, rows) in GROUPS.items() for option in rows
)
