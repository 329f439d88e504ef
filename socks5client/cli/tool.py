"""From a command line to output, messages and an exit code."""

from __future__ import annotations

import ssl
from importlib.util import find_spec
from typing import TYPE_CHECKING

import httpx

from .. import __version__
from .exitcodes import Exit, TransferError
from .handlers import SCHEMES
from .http.cookies import save as save_cookies
from .interrupts import restoring
from .jobs import jobs_of
from .options import UsageError, parse
from .options.help import help_text
from .output import write_text
from .progress import Display
from .running import run_all
from .session import Session
from .urls import MalformedUrl
from .verbose import printable, stderr_of, to_stderr
from .waterfall import show
from .writeout import read_format, write_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .options import Options
    from .outcome import Outcome

_TRY_HELP = "; see socks5-curl --help"


def run_command(argv: Sequence[str]) -> int:
    """All of the command but the interrupts. Returns the exit code."""
    try:
        operations = parse(argv)
    except UsageError as error:
        _complain(Exit.USAGE, str(error) + _TRY_HELP)
        return Exit.USAGE
    except TransferError as error:
        _complain(error.code, str(error))
        return error.code
    with stderr_of(operations[0]):
        return _run(operations)


def _run(operations: list[Options]) -> int:
    command = operations[0]
    try:
        text = _text_asked_for(command)
        if text is not None:
            write_text(text + "\n")
            return Exit.OK
        if command.probe:
            from .probe import probe  # nothing else needs it

            return probe(command)
        return _transfer(operations)
    except TransferError as error:
        return _report(error, command)
    except MalformedUrl as error:
        return _report(TransferError(Exit.URL_MALFORMED, str(error)), command)


def _text_asked_for(command: Options) -> str | None:
    if command.help is not None:
        return help_text(command.help)
    if command.version:
        return _version_text()
    if command.manual or command.completion:
        from .manual import completion, manual_text  # nothing else needs them

        return manual_text() if command.completion is None else completion(command.completion)
    return None


def _transfer(operations: list[Options]) -> int:
    """All transfers; the code of the last one, or of the last that failed with -Z."""
    command = operations[0]
    formats = {
        options: read_format(options.write_out)
        for options in operations
        if options.write_out is not None
    }
    code: int = Exit.OK
    with (
        Display.of(*operations) as display,
        restoring(display.stop),
        Session(display) as session,
    ):
        for job, outcome in run_all(jobs_of(operations), session, command):
            this = Exit.OK if outcome.error is None else _report(outcome.error, job.options)
            if job.options in formats:
                with display.aside():
                    this = _write_out(formats[job.options], outcome, job.options) or this
            if job.options.cookie_jar is not None:
                save_cookies(job, session)
            if command.waterfall:
                show(outcome)
            if session.stopping.is_set():
                continue  # the failure that stopped the others counts
            if this or not command.parallel:
                code = this
            if this and command.fail_early:
                session.stop()
    return code


def _write_out(text: str, outcome: Outcome, options: Options) -> Exit:
    try:
        write_out(text, outcome, _warn)
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
    to_stderr(f"socks5-curl: {printable(' '.join(message.split()))}")


def _version_text() -> str:
    features = ["HTTP2", "IPv6", "SOCKS5", "TLS", "UnixSockets"]
    if find_spec("gssapi") is not None:
        features.insert(0, "GSSAPI")
    return (
        f"socks5-curl {__version__} (httpx {httpx.__version__}, {ssl.OPENSSL_VERSION})\n"
        f"Protocols: {' '.join(sorted(SCHEMES))}\n"
        f"Features: {' '.join(features)}"
    )
