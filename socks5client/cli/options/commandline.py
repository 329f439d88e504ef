"""From the words of a command line to `Options`, by curl's rules.

Not argparse: there an argument must not start with a dash (`-w "-%{http_code}"`, `-d -1x`),
--name=value is another way to write things, and the order of options and URLs is lost.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .checks import check
from .configfile import default_config, read_config
from .model import Options, UsageError
from .table import TABLE
from .unsupported import UNSUPPORTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .configfile import Line
    from .model import Option, Values

_LONG = {option.long: option for option in TABLE}
_SHORT = {option.short: option for option in TABLE if option.short}
_SHORT_MISSING = {missing.short: missing for missing in UNSUPPORTED.values() if missing.short}
_MOST_CONFIGS = 10  # one may name another


def parse(argv: Iterable[str]) -> list[Options]:
    """The operations of `argv` (without the program's name): one, and one more for each --next.

    Raises UsageError, and TransferError where a file of -K cannot be read.
    """
    words = list(argv)
    parser = _Parser()
    if not words or not (words[0].startswith("-q") or words[0] == "--disable"):
        config = default_config()
        if config is not None:
            parser.read(config)
    parser.take(words)
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

    def take(self, argv: Iterable[str]) -> None:
        """The words of a command line, up to one that asks for a text instead."""
        words = iter(argv)
        for word in words:
            if self._asked:
                return
            if word == "--":
                for url in words:
                    self._add_url(url)
            elif word.startswith("-"):
                self._word(word, words)
            else:
                self._add_url(word)

    def read(self, name: str) -> None:
        """The options of a file."""
        self._configs += 1
        if self._configs > _MOST_CONFIGS:
            raise UsageError(f"option -K: more than {_MOST_CONFIGS} files")
        for line in read_config(name):
            if self._asked:
                return
            self._line(line)

    @property
    def _asked(self) -> bool:
        """Whether --help or a relative was there: what follows is not looked at, as with curl."""
        texts = ("help", "version", "manual", "completion")
        return any(self._everywhere.get(name, False) is not False for name in texts)

    def _line(self, line: Line) -> None:
        rest = iter(() if line.argument is None else (line.argument,))
        try:
            self._word(line.option, rest)
        except UsageError as error:
            raise UsageError(f"{line.where}: {error}") from None
        if next(rest, ""):
            raise UsageError(f"{line.where}: option {line.option}: takes no argument")

    def _add_url(self, url: str) -> None:
        self._values[-1]["urls"] = (*self._values[-1].get("urls", ()), url)

    def _word(self, word: str, words: Iterator[str]) -> None:
        """An option, or several in one word; `words` has their arguments."""
        if word.startswith("--"):
            option, positive = _find_long(word)
            self._option(option, word, "" if positive else None, words)
            return
        # Switches in one word, the last of which may have an argument, here or in the next.
        letters = word[1:]
        if not letters:
            raise UsageError(f"option {word}: is unknown")
        while letters:
            letter, letters = letters[0], letters[1:]
            option = _find_short(letter)
            if self._option(option, f"-{letter}", letters, words) or self._asked:
                return

    def _option(self, option: Option, word: str, rest: str | None, words: Iterator[str]) -> bool:
        """One option; `rest`: what stands behind it in the same word, None for the --no- form.

        Returns whether it took its argument from there.
        """
        if option.long == "help":
            self._everywhere["help"] = rest or next(words, "")
            return True
        if option.long == "next" and rest is not None:
            # curl: with no URL before it, it is as if it were not there.
            if self._values[-1].get("urls"):
                self._values.append({})
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

    def _store(self, option: Option, word: str, text: str) -> None:
        try:
            option.store(self._everywhere if option.everywhere else self._values[-1], text)
        except UsageError as error:
            raise UsageError(f"option {word}: {error}") from None


def _find_long(word: str) -> tuple[Option, bool]:
    """The option that `word` names, and whether it does so without taking it back."""
    name = word.removeprefix("--")
    if name in _LONG:
        return _LONG[name], True
    for other in (name.removeprefix("no-"), f"no-{name}"):
        option = _LONG.get(other)
        if option is not None and not option.argument and not name.startswith("no-no-"):
            return option, False
    # What follows the name, behind a = or else, may be a password.
    name, whole = re.split("[^A-Za-z0-9.-]", name)[0], name
    if name != whole and name in _LONG:
        raise UsageError(f"option --{name}: its argument comes as a word of its own, without =")
    if name.startswith("no-") and name.removeprefix("no-") in _LONG:
        raise UsageError(f"option --{name}: has no such form")
    missing = UNSUPPORTED.get(name) or UNSUPPORTED.get(name.removeprefix("no-"))
    if missing is not None:
        raise UsageError(f"option --{name}: {missing}")
    raise UsageError(f"option --{name}: is unknown")


def _find_short(letter: str) -> Option:
    if letter in _SHORT:
        return _SHORT[letter]
    missing = _SHORT_MISSING.get(letter)
    if missing is not None:
        raise UsageError(f"option -{letter}: {missing}")
    raise UsageError(f"option -{letter}: is unknown")
