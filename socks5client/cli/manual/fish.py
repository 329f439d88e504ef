"""Completions for fish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..options.table import TABLE
from .arguments import Kind, choices, kind

if TYPE_CHECKING:
    from ..options import Option

_HEAD = """\
# Completions of socks5-curl for fish: socks5-curl --completion fish | source

function __socks5_curl_at
    set -l token (commandline -ct)
    string match -q -- '@*' $token; or return
    string replace -r -- '^' @ (__fish_complete_path (string sub -s 2 -- $token))
end

complete -c socks5-curl -f
"""
_ARGUMENTS = {
    Kind.SWITCH: "",
    Kind.WORD: " -x",
    Kind.FILE: " -r -F",
    Kind.FOLDER: " -x -a '(__fish_complete_directories (commandline -ct))'",
    Kind.AT: " -x -a '(__socks5_curl_at)'",
}


def completion() -> str:
    return _HEAD + "".join(f"complete -c socks5-curl {_option(option)}\n" for option in TABLE)


def _option(option: Option) -> str:
    short = f" -s {_quoted(option.short)}" if option.short else ""
    argument = _ARGUMENTS.get(kind(option))
    if argument is None:
        argument = f" -x -a {_quoted(' '.join(choices(option)))}"
    return f"-l {option.long}{short}{argument} -d {_quoted(option.help)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
