"""From a connection to a session: welcome, TLS, login, where it led to."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ..connecting import connect
from ..exitcodes import Exit, Stage, TransferError
from ..netrc import netrc_credentials
from ..urls import MalformedUrl
from ..ways import credentials, server_context
from .control import Control

if TYPE_CHECKING:
    from ..options import Options
    from ..transfer import Transfer
    from .control import Reply

_ANONYMOUS = ("anonymous", "ftp@example.com")  # as curl
_QUOTED = re.compile(rb'"((?:[^"]|"")*)"')


def user_of(transfer: Transfer) -> tuple[str, str]:
    """Who logs in: of -u, else of a .netrc file or the URL, else anybody.

    Raises UsageError, MalformedUrl, TransferError.
    """
    user, password = _given(transfer)
    if any(char < " " for char in user + password):
        raise MalformedUrl("the user or the password has control characters")
    return user, password


def _given(transfer: Transfer) -> tuple[str, str]:
    options, url = transfer.options, transfer.url
    given = options.user
    if given is not None:
        return transfer.session.shared(("user", given), lambda: credentials(given, "host"))
    if options.netrc != "optional" or not (url.user and url.password):
        found = netrc_credentials(options, url.connect_host, url.user or None)
        if found is not None:
            return found
    if url.user is None:
        return _ANONYMOUS
    return url.user, url.password or ""


def log_in(transfer: Transfer, user: tuple[str, str]) -> Control:
    """A session of its own. Raises what `Transfer.connect` does, OSError and TransferError."""
    url, options = transfer.url, transfer.options
    transfer.outcome.connections += 1
    connection = connect(transfer, url.connect_host, url.effective_port)
    control = Control(transfer, connection, url.connect_host)
    try:
        transfer.stage = Stage.WAIT
        if url.scheme == "ftps":
            control.start_tls(server_context(options))
        welcome = control.reply()
        if welcome.code not in (220, 230):
            raise TransferError(
                Exit.WEIRD_REPLY, f"the FTP server does not say 220 but {welcome.code}"
            )
        if options.ssl is not None and control.context is None:
            _ask_for_tls(control, options)
        if welcome.code == 220:
            _authenticate(control, options, user)
        if control.context is not None:
            _protect(control, options)
        _find_entry(control)
        transfer.mark("pretransfer")
        control.connecting = False
        return control
    except BaseException:
        control.close()
        raise


def _ask_for_tls(control: Control, options: Options) -> None:
    """RFC 4217 section 4; SSL is what servers before it understand."""
    for mechanism in (b"TLS", b"SSL"):
        if control.command("AUTH", mechanism).code in (234, 334):
            control.start_tls(server_context(options))
            return
    if options.ssl != "try":
        raise TransferError(Exit.TLS_REQUIRED, "the FTP server does not do TLS")


def _authenticate(control: Control, options: Options, user: tuple[str, str]) -> None:
    name, password = map(os.fsencode, user)
    reply = control.command("USER", name)
    alternative = options.ftp_alternative_to_user
    while True:
        if reply.code == 331:
            reply = control.command("PASS", password)
        if reply.good:
            return
        if reply.code == 332:
            _say_account(control, options)
            return
        if alternative is None:
            raise TransferError(Exit.LOGIN_DENIED, f"the FTP server denies the login: {reply.code}")
        word, space, argument = alternative.partition(" ")
        reply, alternative = (
            control.command(word, os.fsencode(argument) if space else None, secret=True),
            None,
        )


def _say_account(control: Control, options: Options) -> None:
    if options.ftp_account is None:
        raise TransferError(Exit.LOGIN_DENIED, "the FTP server wants an account: say --ftp-account")
    reply = control.command("ACCT", os.fsencode(options.ftp_account))
    if reply.code != 230:
        raise TransferError(
            Exit.FTP_WEIRD_PASS, f"the FTP server refuses the account: {reply.code}"
        )


def _protect(control: Control, options: Options) -> None:
    """RFC 4217 section 9: TLS for the data, too; ftps:// promises it (curl lets it go)."""
    control.command("PBSZ", b"0")
    wanted = options.ssl != "control"
    agreed = control.command("PROT", b"P" if wanted else b"C").good
    if (
        wanted
        and not agreed
        and (options.ssl == "require" or control.transfer.url.scheme == "ftps")
    ):
        raise TransferError(Exit.TLS_REQUIRED, "the FTP server does not protect the data")
    control.private = agreed and wanted


def _find_entry(control: Control) -> None:
    reply = control.command("PWD")
    match = _QUOTED.search(reply.text) if reply.code == 257 else None
    if match is None:
        return
    control.entry = match[1].replace(b'""', b'"')
    control.transfer.outcome.ftp_entry_path = os.fsdecode(control.entry)
    if control.entry and not control.entry.startswith(b"/"):
        _name_format(control, control.command("SYST"))


def _name_format(control: Control, system: Reply) -> None:
    """OS/400 has paths like others only after it is told so."""
    if system.code == 215 and system.text.startswith(b"OS/400"):
        control.command("SITE", b"NAMEFMT 1")
