"""The page of the documentation that compares the options with curl's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..exitcodes import Exit
from ..options.table import GROUPS, TABLE
from ..options.unsupported import UNSUPPORTED
from .content import names
from .exits import EXITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..options import Option

_HEAD = """\
% Made from the table of options by python -m socks5client.cli.manual

# Options and exit codes

All of curl 7.88's options (`curl --help all`), by groups, and those of `socks5-curl`'s own.

| | options |
|---|---|
| [supported, with curl's meaning](#supported) | {supported} |
| [its own](#its-own) | {ours} |
| [not applicable to a tool that speaks SOCKS5](#not-applicable) | {never} |
| [not supported yet](#not-supported-yet) | {later} |

No option is accepted and ignored: what is not in the first two tables is an error (exit code 2)
that says why. Switches have a `--no-` form where curl's have one. Long options are written whole.
"""


def page() -> str:
    """docs/socks5-curl/options.md"""
    theirs = [option for option in TABLE if not option.ours]
    ours = [option for option in TABLE if option.ours]
    never = {name: missing.why for name, missing in UNSUPPORTED.items() if missing.never}
    later = {name: missing.why for name, missing in UNSUPPORTED.items() if not missing.never}
    lines = [
        _HEAD.format(supported=len(theirs), ours=len(ours), never=len(never), later=len(later)),
        "## Supported",
        *_groups(theirs),
        "",
        "## Its own",
        "",
        *_table(ours),
        "",
        "## Not applicable",
        "",
        *_missing(never),
        "",
        "## Not supported yet",
        "",
        *_missing(later),
        "",
        "## Exit codes",
        "",
        "| code | meaning |",
        "|---|---|",
        *(f"| {int(code)} | {_cell(EXITS[code])} |" for code in Exit),
    ]
    return "\n".join(lines) + "\n"


def _groups(options: list[Option]) -> Iterator[str]:
    for group, (title, _) in GROUPS.items():
        rows = [option for option in options if option.group == group]
        if rows:
            yield from ("", f"### {title} ({len(rows)})", "", *_table(rows))


def _table(options: Iterable[Option]) -> Iterator[str]:
    yield "| option | meaning |"
    yield "|---|---|"
    for option in sorted(options, key=lambda option: option.long):
        written = f"{names(option)} {option.argument}".rstrip()
        meaning = f"{option.help}. {option.note}" if option.note else option.help
        yield f"| `{_cell(written)}` | {_cell(meaning)} |"


def _missing(reasons: dict[str, str]) -> Iterator[str]:
    yield "| option | why |"
    yield "|---|---|"
    for name, why in sorted(reasons.items()):
        yield f"| `--{name}` | {_cell(why)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
