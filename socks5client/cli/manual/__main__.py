"""python -m socks5client.cli.manual [FOLDER]: writes what is made of the table of options."""

from __future__ import annotations

import sys
from pathlib import Path

from . import completion, man_page
from .markdown import page


def made() -> dict[str, str]:
    """The files, by their paths in a checkout; those below share are installed by the wheel."""
    return {
        "share/man/man1/socks5-curl.1": man_page(),
        "share/bash-completion/completions/socks5-curl": completion("bash"),
        "share/zsh/site-functions/_socks5-curl": completion("zsh"),
        "share/fish/vendor_completions.d/socks5-curl.fish": completion("fish"),
        "docs/socks5-curl/options.md": page(),
    }


def main(folder: Path) -> None:
    for name, text in made().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else "."))
