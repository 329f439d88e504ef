"""-n: credentials from a .netrc file.

Not the standard library's netrc: it keeps one login for each machine, refuses a whole file for a
word that it does not know, and minds who may read the file; curl does none of these.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from .body import read_lines
from .exitcodes import Exit, TransferError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .options import Options

_TOKEN = re.compile(r'[ \t]*(?:"((?:[^"\\]|\\.)*)"|(["#].*)|([^\s"#]\S*))')
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def netrc_credentials(
    options: Options, host: str, user: str | None = None
) -> tuple[str, str] | None:
    """User and password of `host`, if the options ask for them and the file has them.

    `user`: only those of this one. A file that is not there has none. Raises TransferError where
    it is malformed.

    Debian's curl gives `user` the password of any login; here he gets his own, or one without a
    login.
    """
    if options.netrc is None and options.netrc_file is None:
        return None
    name = options.netrc_file or os.path.join(os.path.expanduser("~"), ".netrc")
    try:
        lines = read_lines(name)
    except TransferError:
        return None
    return _find(_tokens(lines), host.lower(), user)


def _find(tokens: Iterator[str], host: str, user: str | None) -> tuple[str, str] | None:
    login, password = user, None
    ours = False
    mine = True  # whether what follows is the wanted user's, or anybody's
    for token in tokens:
        word = token.lower()
        if word in ("machine", "default"):
            if password is not None:
                break
            ours = word == "default" or next(tokens, "").lower() == host
            mine = True
        elif ours and word == "login":
            name = next(tokens, "")
            login = name if user is None else user
            mine = user is None or name == user
        elif ours and word == "password":
            text = next(tokens, "")
            password = text if mine else password
        if login and password is not None:
            break
    if password is None and (user is not None or login is None):
        return None
    return login or "", password or ""


def _tokens(lines: list[str]) -> Iterator[str]:
    macro = False
    for line in lines:
        if macro:
            macro = bool(line.strip())
            continue
        position = 0
        while match := _TOKEN.match(line, position):
            quoted, rest, plain = match.groups()
            if rest is not None:
                if rest.startswith('"'):
                    raise TransferError(Exit.READ_FAILED, "the .netrc file has an open quote")
                break  # a comment
            if plain is not None and plain.lower() == "macdef":
                macro = True
                break
            position = match.end()
            yield plain if quoted is None else _unescaped(quoted)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text)
