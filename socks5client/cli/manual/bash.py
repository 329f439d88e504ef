"""Completions for bash, from 3.2 on."""

from __future__ import annotations

from .arguments import Kind, choices, options_of, words

_SCRIPT = """\
# Completions of socks5-curl for bash: eval "$(socks5-curl --completion bash)"

_socks5_curl_reply() {{
    local word
    while IFS= read -r word; do
        COMPREPLY+=("$word")
    done < <(compgen "$@")
}}

_socks5_curl() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} option=${{COMP_WORDS[COMP_CWORD-1]}}
    COMPREPLY=()
    if [[ $option == @ ]]; then  # in COMP_WORDS it is a word of its own; to readline it is not
        option=${{COMP_WORDS[COMP_CWORD-2]}} current=@$current
    fi
    case $option in
    {files})
        compopt -o filenames 2>/dev/null
        _socks5_curl_reply -f -- "$current"
        ;;
    {folders})
        compopt -o filenames 2>/dev/null
        _socks5_curl_reply -d -- "$current"
        ;;
    {ats})
        if [[ $current == @* ]]; then
            compopt -o filenames 2>/dev/null
            _socks5_curl_reply -P @ -f -- "${{current#@}}"
        fi
        ;;
{choices}
    {others}) ;;
    *)
        if [[ $current == -* ]]; then
            _socks5_curl_reply -W '{options}' -- "$current"
        fi
        ;;
    esac
}}

complete -F _socks5_curl socks5-curl
"""
_CHOICE = """\
    {names})
        _socks5_curl_reply -W '{words}' -- "$current"
        ;;"""


def completion() -> str:
    everything = [word for option in options_of(*Kind) for word in words(option)]
    return _SCRIPT.format(
        files=_names(Kind.FILE),
        folders=_names(Kind.FOLDER),
        ats=_names(Kind.AT),
        others=_names(Kind.WORD),
        choices="\n".join(
            _CHOICE.format(names="|".join(words(option)), words=" ".join(choices(option)))
            for option in options_of(Kind.CHOICE)
        ),
        options=" ".join(everything),
    )


def _names(kind: Kind) -> str:
    return "|".join(word for option in options_of(kind) for word in words(option))
