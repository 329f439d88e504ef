"""The manual, the man page and the completions, all made of the table of options."""

from __future__ import annotations

from . import bash, fish, roff, text, zsh
from .content import sections

__all__ = ["completion", "man_page", "manual_text"]

_COMPLETIONS = {"bash": bash.completion, "zsh": zsh.completion, "fish": fish.completion}


def manual_text(width: int | None = None) -> str:
    """The manual as --manual prints it; `width`: columns, default: the terminal's."""
    return text.render(sections(), width)


def man_page() -> str:
    """The manual in roff, for man(1)."""
    return roff.render(sections())


def completion(shell: str) -> str:
    """The script that teaches "bash", "zsh" or "fish" the options."""
    return _COMPLETIONS[shell]()
