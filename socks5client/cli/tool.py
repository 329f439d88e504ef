"""From a command line to output, messages and an exit code."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpx

from .. import __version__
from .commandline import parse
from .exitcodes import Exit, TransferError
from .options import UsageError, help_text
from .output import write_text
from .transfer import run
from .verbose import to_stderr
from .writeout import expand, read_format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .options import Options
    from .outcome import Outcome

_TRY_HELP = "; see socks5-curl --help"


def run_command(argv: Sequence[str]) -> int:
    """All of the command but the interrupts. Returns the exit code."""
    try:
        options = parse(argv)
    except UsageError as error:
        _complain(Exit.USAGE, str(error) + _TRY_HELP)
        return Exit.USAGE
    try:
        if options.help or options.version:
            write_text((help_text() if options.help else _version_text()) + "\n")
            return Exit.OK
        write_out = None if options.write_out is None else read_format(options.write_out)
    except TransferError as error:
        return _report(error, options)
    outcome = run(options)
    code = Exit.OK if outcome.error is None else _report(outcome.error, options)
    if write_out is None:
        return code
    return _write_out(write_out, outcome, options) or code


def _write_out(text: str, outcome: Outcome, options: Options) -> int:
    try:
        write_text(expand(text, outcome.variables(), outcome.headers, _warn))
    except TransferError as error:
        return _report(error, options)
    return Exit.OK


def _report(error: TransferError, options: Options) -> Exit:
    if str(error) and (options.show_error or not options.silent):
        _complain(error.code, str(error))
    return error.code


def _complain(code: Exit, message: str) -> None:
    _say(f"({code:d}) {message}")


def _warn(message: str) -> None:
    _say(message)


def _say(message: str) -> None:
    to_stderr(f"socks5-curl: {' '.join(message.split())}")


def _version_text() -> str:
    return (
        f"socks5-curl {__version__} (httpx {httpx.__version__}, {ssl.OPENSSL_VERSION})\n"
        "Protocols: http https\n"
        "Features: HTTP2 IPv6 SOCKS5 TLS UnixSockets"
    )
