"""The command itself: what it does, with which URLs, how many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kinds import append, choice, number, switch
from .model import Option, UsageError

if TYPE_CHECKING:
    from .model import Values


def _by_the_parser(values: Values, text: str) -> None:
    if not text:
        raise UsageError("has no such form")


ROWS = (
    Option("url", "", "URL", "What to fetch", append("urls")),
    Option("globoff", "g", "", "Take {} and [] in URLs as they are", switch("globoff")),
    Option("next", ":", "", "What follows is for the next URLs only", _by_the_parser),
    Option("config", "K", "FILE", "Read options from a file; - is stdin", _by_the_parser),
    Option(
        "disable",
        "q",
        "",
        "As the first one: do not read ~/.socks5-curlrc",
        switch("disable_config"),
        everywhere=True,
    ),
    Option("parallel", "Z", "", "Several transfers at once", switch("parallel"), everywhere=True),
    Option(
        "parallel-max", "", "N", "At most so many (50)", number("parallel_max", 1), everywhere=True
    ),
    Option(
        "fail-early", "", "", "Stop at the first failure", switch("fail_early"), everywhere=True
    ),
    Option(
        "listen",
        "",
        "",
        "Wait for a peer at the proxy (BIND), then pipe",
        switch("listen"),
        ours=True,
        usual=True,
    ),
    Option(
        "probe",
        "",
        "",
        "Find out what the proxy can do",
        switch("probe"),
        everywhere=True,
        ours=True,
        usual=True,
        note="As a table; with --json behind it as JSON.",
    ),
    Option(
        "completion",
        "",
        "SHELL",
        "Print completions for bash, zsh or fish",
        choice("completion", "bash", "zsh", "fish"),
        everywhere=True,
        ours=True,
    ),
    Option(
        "help",
        "h",
        "[CATEGORY]",
        "Help; with a category, or all",
        _by_the_parser,
        everywhere=True,
        usual=True,
    ),
    Option("manual", "M", "", "The manual", switch("manual"), everywhere=True),
    Option(
        "version",
        "V",
        "",
        "Versions, protocols and features",
        switch("version"),
        everywhere=True,
        usual=True,
    ),
)
