"""Completions for zsh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..options.table import TABLE
from .arguments import Kind, choices, kind

if TYPE_CHECKING:
    from ..options import Option

_SCRIPT = """\
#compdef socks5-curl
# Completions of socks5-curl for zsh: as _socks5-curl in a folder of $fpath,
# or behind compinit: source <(socks5-curl --completion zsh)

_socks5_curl_at() {{
  compset -P '@' && _files
}}

_socks5_curl() {{
  _arguments -s -S \\
{specs}
    '*:URL:_urls'
}}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _socks5_curl "$@"
else
  compdef _socks5_curl socks5-curl
fi
"""
_ACTIONS = {
    Kind.FILE: "_files",
    Kind.FOLDER: "_path_files -/",
    Kind.AT: "_socks5_curl_at",
    Kind.WORD: " ",
}


def completion() -> str:
    specs = [spec for option in TABLE for spec in _specs(option)]
    return _SCRIPT.format(specs="\n".join(f"    '{spec}' \\" for spec in specs))


def _specs(option: Option) -> list[str]:
    found = kind(option)
    text = f"[{_escaped(option.help)}]"
    argument = ""
    if found is not Kind.SWITCH:
        action = _ACTIONS.get(found) or f"({' '.join(choices(option))})"
        argument = f":{_escaped(option.argument)}:{action}"
    specs = [f"*--{option.long}{text}{argument}"]
    if option.short:
        # +: the argument may stand in the same word.
        name = f"\\{option.short}" if option.short == ":" else option.short
        specs.append(f"*-{name}{'+' if argument else ''}{text}{argument}")
    return specs


def _escaped(text: str) -> str:
    for char in "\\[]:":
        text = text.replace(char, f"\\{char}")
    return text.replace("'", "'\\''")
