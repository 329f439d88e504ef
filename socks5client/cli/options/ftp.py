"""FTP and TFTP."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from .kinds import append, choice, constant, number, off, switch, text
from .model import Option, UsageError

if TYPE_CHECKING:
    from .model import Values


_MOST_BYTES = 65464  # of TFTP's blocks, RFC 2348


def _passive(values: Values, text: str) -> None:
    values["ftp_port"] = None


def _active(values: Values, text: str) -> None:
    try:
        values["ftp_port"] = text if text == "-" else str(ip_address(text))
    except ValueError:
        raise UsageError("expected - or an IP address") from None


def _block_size(values: Values, text: str) -> None:
    number("tftp_blksize", 8)(values, text)
    if values["tftp_blksize"] > _MOST_BYTES:
        raise UsageError(f"expected at most {_MOST_BYTES} bytes")


FTP = (
    Option("ftp-pasv", "", "", "Passive mode (the default)", _passive),
    Option(
        "ftp-port",
        "P",
        "ADDRESS",
        "Active mode, by BIND at the proxy; -: its address",
        _active,
        note="The server is told where the proxy listens, or another ADDRESS of the proxy's, for"
        " one that does not know how it is reached. curl cannot do it by SOCKS, and takes names,"
        " interfaces and ports as well.",
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
    Option("ssl", "", "", "TLS if the server has it", constant("ssl", "try", undone=True)),
    Option(
        "ssl-reqd",
        "",
        "",
        "TLS, or an error",
        constant("ssl", "require", undone=True),
        note="AUTH TLS is tried before AUTH SSL; curl does it the other way round. ftps:// insists"
        " on TLS for the data as well; curl does not.",
    ),
    Option(
        "ftp-ssl-control", "", "", "TLS for the login only", constant("ssl", "control", undone=True)
    ),
    Option("append", "a", "", "Append to the remote file", switch("append")),
    Option("list-only", "l", "", "Names only", switch("list_only")),
    Option("quote", "Q", "COMMAND", "Commands before (with - in front: after)", append("quotes")),
    Option("use-ascii", "B", "", "Transfer text", switch("ascii"), note="For TFTP: mode netascii."),
    Option("crlf", "", "", "Upload line ends as CR LF", switch("crlf")),
)

TFTP = (
    Option("tftp-blksize", "", "BYTES", "Size of blocks (512)", _block_size),
    Option("tftp-no-options", "", "", "Offer no options", off("tftp_options")),
)
