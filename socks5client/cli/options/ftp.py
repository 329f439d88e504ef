"""FTP and TFTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kinds import append, choice, constant, number, off, switch, text
from .model import Option, UsageError

if TYPE_CHECKING:
    from .model import Values


def _passive(values: Values, text: str) -> None:
    if not text:
        raise UsageError("is unknown in this form")
    values["ftp_port"] = None


FTP = (
    Option("ftp-pasv", "", "", "Passive mode (the default)", _passive),
    Option(
        "ftp-port",
        "P",
        "ADDRESS",
        "Active mode, by BIND at the proxy; -: its address",
        text("ftp_port"),
        note="The server is told the address that the proxy listens on: what curl cannot do.",
    ),
    Option("disable-epsv", "", "", "PASV only, no EPSV", off("ftp_epsv")),
    Option("disable-eprt", "", "", "PORT only, no EPRT", off("ftp_eprt")),
    Option(
        "ftp-skip-pasv-ip",
        "",
        "",
        "Ignore the address of PASV (the default)",
        switch("ftp_skip_pasv_ip"),
    ),
    Option(
        "ftp-create-dirs", "", "", "Make remote folders that are missing", switch("ftp_create_dirs")
    ),
    Option(
        "ftp-method",
        "",
        "METHOD",
        "multicwd, nocwd, singlecwd",
        choice("ftp_method", "multicwd", "nocwd", "singlecwd"),
    ),
    Option("ftp-account", "", "DATA", "For ACCT", text("ftp_account")),
    Option(
        "ftp-alternative-to-user",
        "",
        "COMMAND",
        "When USER and PASS fail",
        text("ftp_alternative_to_user"),
    ),
    Option("ssl", "", "", "TLS if the server has it", constant("ssl", "try")),
    Option("ssl-reqd", "", "", "TLS, or an error", constant("ssl", "require")),
    Option("ftp-ssl-control", "", "", "TLS for the login only", constant("ssl", "control")),
    Option("append", "a", "", "Append to the remote file", switch("append")),
    Option("list-only", "l", "", "Names only", switch("list_only")),
    Option("quote", "Q", "COMMAND", "Commands before (with - in front: after)", append("quotes")),
    Option("use-ascii", "B", "", "Transfer text", switch("ascii")),
    Option("crlf", "", "", "Upload line ends as CR LF", switch("crlf")),
)

TFTP = (
    Option("tftp-blksize", "", "BYTES", "Size of blocks (512)", number("tftp_blksize", 8)),
    Option("tftp-no-options", "", "", "Offer no options", off("tftp_options")),
)
