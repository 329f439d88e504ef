"""What cannot go together, found before anything is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .forms import parse_form
from .model import UsageError

if TYPE_CHECKING:
    from .model import Options


def check(operations: list[Options]) -> None:
    """Raises UsageError."""
    command = operations[0]
    if command.help is not None or command.version or command.manual or command.completion:
        return
    if command.probe:
        return
    for options in operations:
        _check(options)


def _check(options: Options) -> None:
    if not options.urls and not options.listen:
        raise UsageError("no URL specified")
    posts = bool(options.data) and not options.get
    ways = (
        ("HEAD (-I)", options.head),
        ("POST (-d)", posts),
        ("POST (-F)", bool(options.form)),
        ("PUT (-T)", bool(options.uploads)),
    )
    chosen = [name for name, wanted in ways if wanted]
    if options.get and options.data and (options.uploads or options.form):
        chosen.append("GET (-G)")
    if len(chosen) > 1:
        raise UsageError(f"only one HTTP request method can be selected, not {', '.join(chosen)}")
    parse_form(options.form)
    if options.resume is not None and options.range is not None:
        raise UsageError("-C and -r are two ways to say which bytes")
    if options.remote_header_name and (options.include or options.head or options.resume):
        raise UsageError("-J goes neither with -i or -I nor with -C")
    if "." in options.uploads:
        raise UsageError("-T . (reading the response meanwhile) is not supported; use -T -")
    if options.method is not None and not _is_token(options.method) and not _only_ftp(options):
        raise UsageError("the method of -X is empty or has characters that no method can have")


def _only_ftp(options: Options) -> bool:
    """Whether -X is a command for a list, with its argument."""
    return all(url.lower().startswith(("ftp://", "ftps://")) for url in options.urls)


def _is_token(text: str) -> bool:
    return (
        text.isascii() and bool(text) and all(c.isalnum() or c in "!#$%&'*+-.^_`|~" for c in text)
    )
