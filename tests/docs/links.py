"""The links of HTML pages and of Markdown, and what they may point to."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from pathlib import Path

# Where the pages may point to besides themselves: what stays, and what a reader can trust.
HOSTS = {
    "datatracker.ietf.org",
    "docs.python.org",
    "github.com",
    "keepachangelog.com",
    "pypi.org",
    "semver.org",
    "spec.torproject.org",
    "www.rfc-editor.org",
}
# The theme's own, in every page's footer.
THEME = {"https://www.sphinx-doc.org/", "https://pradyunsg.me", "https://github.com/pradyunsg/furo"}


class Page(HTMLParser):
    """A page's anchors; its links, each with the attribute that holds it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value or "")
            if name in ("href", "src", "action", "srcset", "data") and value:
                self.links.append((tag, value))


def faults(site: Path) -> list[str]:
    """What is wrong with the links of the site in this folder, one line each."""
    pages = {path: Page(path.read_text()) for path in sorted(site.rglob("*.html"))}
    return [
        f"{path.relative_to(site)}: {link}: {fault}"
        for path, page in pages.items()
        for tag, link in page.links
        if (fault := _fault(site, pages, path, tag, link))
    ]


def _fault(site: Path, pages: dict[Path, Page], page: Path, tag: str, link: str) -> str | None:
    parts = urlsplit(link)
    if parts.scheme == "data":
        return None
    if parts.scheme or parts.netloc:
        if tag != "a":
            return "is loaded from elsewhere"
        if parts.scheme != "https" or (parts.netloc not in HOSTS and link not in THEME):
            return "leads to a host that is not in HOSTS"
        return None
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if target.is_dir():
        target /= "index.html"
    if not target.is_relative_to(site.resolve()) or not target.is_file():
        return "no such file"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
        return "no such place in it"
    return None


def markdown_links(text: str) -> list[str]:
    """What the links and images of Markdown point to; fenced code has none."""
    prose = re.sub(r"^(`{3,})[^\n]*\n.*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)
    prose = re.sub(r"`[^`\n]*`", "", prose)
    return re.findall(r"\]\(<?([^)>\s]+)>?\)", prose)
