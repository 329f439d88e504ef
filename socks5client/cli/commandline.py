"""From the words of a command line to `Options`, by curl's rules.

Not argparse: there an argument must not start with a dash (`-w "-%{http_code}"`, `-d -1x`),
--name=value is another way to write things, and the order of options and URLs is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .options import TABLE, Options, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .options import Option, Values

_LONG = {option.long: option for option in TABLE}
_SHORT = {option.short: option for option in TABLE if option.short}


def parse(argv: Sequence[str]) -> Options:
    """`argv` without the program's name. Raises UsageError."""
    values: Values = {}
    words = iter(argv)
    options_end = False
    for word in words:
        if options_end or not word.startswith("-") or word == "-":
            values["urls"] = (*values.get("urls", ()), word)
        elif word == "--":
            options_end = True
        elif word.startswith("--"):
            option, positive = _find_long(word)
            if not option.argument:
                _store(option, word, values, "1" if positive else "")
            else:
                _store(option, word, values, _argument(word, next(words, None)))
        else:
            _short_cluster(word, values, words)
    options = Options(**values)
    if not (options.help or options.version):
        _check(options)
    return options


def _find_long(word: str) -> tuple[Option, bool]:
    name = word.removeprefix("--")
    option = _LONG.get(name)
    if option is not None:
        return option, True
    option = _LONG.get(name.removeprefix("no-"))
    if option is not None and not option.argument and not name.startswith("no-no-"):
        return option, False
    hint = "; its argument comes as a word of its own" if name.partition("=")[0] in _LONG else ""
    # What follows a = may be a password.
    raise UsageError(f"option --{name.partition('=')[0]}: is unknown{hint}")


def _short_cluster(word: str, values: Values, words: Iterator[str]) -> None:
    """Switches in one word, the last of which may have an argument, here or in the next word."""
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        option = _SHORT.get(letter)
        if option is None:
            raise UsageError(f"option -{letter}: is unknown")
        if not option.argument:
            _store(option, f"-{letter}", values, "1")
            continue
        text = letters or _argument(f"-{letter}", next(words, None))
        _store(option, f"-{letter}", values, text)
        return


def _argument(word: str, text: str | None) -> str:
    if text is None:
        raise UsageError(f"option {word}: requires a parameter")
    return text


def _store(option: Option, word: str, values: Values, text: str) -> None:
    try:
        option.store(values, text)
    except UsageError as error:
        raise UsageError(f"option {word}: {error}") from None


def _check(options: Options) -> None:
    """What cannot go together."""
    if not options.urls:
        raise UsageError("no URL specified")
    if len(options.urls) > 1:
        raise UsageError("more than one URL is not supported yet: run the command once for each")
    if options.output is not None and options.remote_name:
        raise UsageError("-o and -O name two files for one URL")
    posts = bool(options.data) and not options.get
    ways = (("HEAD (-I)", options.head), ("POST (-d)", posts), ("PUT (-T)", bool(options.upload)))
    chosen = [name for name, wanted in ways if wanted]
    if options.get and options.upload:
        chosen.append("GET (-G)")
    if len(chosen) > 1:
        raise UsageError(f"only one HTTP request method can be selected, not {', '.join(chosen)}")
    if options.resume not in (None, "0") and (posts or options.upload):
        raise UsageError("-C resumes downloads only, not -d or -T")
    if options.upload == ".":
        raise UsageError("-T . (reading the response meanwhile) is not supported; use -T -")
    if options.method is not None and not _is_token(options.method):
        raise UsageError("the method of -X is empty or has characters that no method can have")


def _is_token(text: str) -> bool:
    return (
        text.isascii() and bool(text) and all(c.isalnum() or c in "!#$%&'*+-.^_`|~" for c in text)
    )
