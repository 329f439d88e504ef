"""From the words of a command line to `Options`, by curl's rules.

Not argparse: there an argument must not start with a dash (`-w "-%{http_code}"`, `-d -1x`),
--name=value is another way to write things, and the order of options and URLs is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .checks import check
from .configfile import default_config, read_config
from .model import Options, UsageError
from .table import TABLE
from .unsupported import UNSUPPORTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .model import Option, Values

_LONG = {option.long: option for option in TABLE}
_SHORT = {option.short: option for option in TABLE if option.short}
_MOST_CONFIGS = 10  # one may name another


def parse(argv: Iterable[str]) -> list[Options]:
    """The operations of `argv` (without the program's name): one, and one more for each --next.

    Raises UsageError, and TransferError where a file of -K cannot be read.
    """
    words = list(argv)
    parser = _Parser()
    if not words or not words[0].startswith(("-q", "--disable")):
        config = default_config()
        if config is not None:
            parser.read(config)
    parser.take(iter(words))
    operations = parser.operations()
    check(operations)
    return operations


class _Parser:
    def __init__(self) -> None:
        self._everywhere: Values = {}
        self._values: list[Values] = [{}]
        self._configs = 0

    def operations(self) -> list[Options]:
        return [Options(**{**values, **self._everywhere}) for values in self._values]

    def take(self, words: Iterator[str]) -> None:
        options_end = False
        for word in words:
            if options_end or not word.startswith("-") or word == "-":
                self._values[-1]["urls"] = (*self._values[-1].get("urls", ()), word)
            elif word == "--":
                options_end = True
            elif word.startswith("--"):
                option, positive = _find_long(word)
                self._option(option, word, "" if positive else None, words)
            else:
                self._cluster(word, words)

    def read(self, name: str) -> None:
        """The options of a file."""
        self._configs += 1
        if self._configs > _MOST_CONFIGS:
            raise UsageError(f"option -K: more than {_MOST_CONFIGS} files")
        self.take(iter(read_config(name)))

    def _cluster(self, word: str, words: Iterator[str]) -> None:
        """Switches in one word, the last of which may have an argument, here or in the next."""
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            option = _SHORT.get(letter)
            if option is None:
                raise _unknown(f"-{letter}", letter)
            if self._option(option, f"-{letter}", letters, words):
                return

    def _option(self, option: Option, word: str, rest: str | None, words: Iterator[str]) -> bool:
        """One option; `rest`: what stands behind it in the same word, None for the --no- form.

        Returns whether it took its argument from there.
        """
        if option.long == "help":
            self._everywhere["help"] = rest or next(words, "")
            return True
        if option.long == "next":
            self._next(word)
        elif option.long == "json" and self._everywhere.get("probe"):
            self._everywhere["probe_json"] = True
        elif not option.argument:
            self._store(option, word, "" if rest is None else "1")
        else:
            text = rest or next(words, None)
            if text is None:
                raise UsageError(f"option {word}: requires a parameter")
            if option.long == "config":
                self.read(text)
            else:
                self._store(option, word, text)
            return True
        return False

    def _next(self, word: str) -> None:
        if not self._values[-1].get("urls"):
            raise UsageError(f"option {word}: no URL before it")
        self._values.append({})

    def _store(self, option: Option, word: str, text: str) -> None:
        try:
            option.store(self._everywhere if option.everywhere else self._values[-1], text)
        except UsageError as error:
            raise UsageError(f"option {word}: {error}") from None


def _find_long(word: str) -> tuple[Option, bool]:
    name = word.removeprefix("--")
    if name in _LONG:
        return _LONG[name], True
    for other in (name.removeprefix("no-"), f"no-{name}"):
        option = _LONG.get(other)
        if option is not None and not option.argument and not name.startswith("no-no-"):
            return option, False
    raise _unknown(word, name)


def _unknown(word: str, name: str) -> UsageError:
    # What follows a = may be a password.
    word, equals, _ = word.partition("=")
    name = name.partition("=")[0]
    if equals and name in _LONG:
        return UsageError(f"option {word}: is unknown; its argument comes as a word of its own")
    reason = UNSUPPORTED.get(name) or UNSUPPORTED.get(name.removeprefix("no-"))
    if reason is not None:
        return UsageError(f"option {word}: is not supported: {reason.why}")
    return UsageError(f"option {word}: is unknown")
