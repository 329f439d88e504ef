"""The built documentation: no link is broken, every page is found, every public name is there."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from sphinx.util.inventory import InventoryFile

import socks5client
from tests.docs.links import Page, faults, markdown_links

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
public_names = import_module("public_names")
signatures = import_module("signatures")

# No pages: one that is included in others, and what the extensions write.
NO_PAGES = {DOCS / "_ext", DOCS / "_static", DOCS / "benchmarks"}


def pages() -> list[Path]:
    return [path for path in sorted(DOCS.rglob("*.md")) if not NO_PAGES & set(path.parents)]


def test_no_link_is_broken(site: Path) -> None:
    assert faults(site) == []


def test_every_page_is_in_the_menu(site: Path) -> None:
    menu = {
        (site / urlsplit(link).path).resolve()
        for _, link in Page((site / "index.html").read_text()).links
    }
    for path in pages():
        built = site / path.relative_to(DOCS).with_suffix(".html")
        assert built.is_file(), f"{path} is no page of the site"
        if path != DOCS / "index.md":
            assert built.resolve() in menu, f"{path} is in no toctree"


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.css"):
        text = path.read_text()
        assert "url(http" not in text
        assert "url(//" not in text
        assert "@import" not in text


@pytest.mark.parametrize("path", [ROOT / "README.md", *pages()], ids=lambda path: path.name)
def test_files_that_markdown_names_exist(path: Path) -> None:
    for link in markdown_links(path.read_text()):
        parts = urlsplit(link)
        if not parts.scheme and parts.path:
            assert (path.parent / parts.path).exists(), f"{path.name}: {link}"


def inventory(site: Path) -> dict[str, set[str]]:
    """Full name -> the kinds of object (py:class, ...) that the reference has of it."""
    with (site / "objects.inv").open("rb") as file:
        loaded = InventoryFile.load(file, "", lambda base, uri: uri)
    names: dict[str, set[str]] = {}
    for kind, objects in loaded.items():
        for name in objects:
            names.setdefault(name, set()).add(kind)
    return names


@pytest.mark.parametrize("name", public_names.MODULES)
def test_every_public_name_is_in_the_reference(site: Path, name: str) -> None:
    known = inventory(site)
    shown = [_value(full) for full in known if full.startswith("socks5client.")]
    module = import_module(name)
    listed = public_names.public_names(module)
    assert listed
    for public in listed:
        value = getattr(module, public)
        assert f"{name}.{public}" in known or any(value is other for other in shown), public


def test_every_public_module_is_in_the_reference(site: Path) -> None:
    """Those that neither begin with an underscore nor are what the others are made of."""
    inner = {"_patch", "_socket", "cli", "sync", "tunnel"}
    inner |= {"bypass", "handshake", "proxy", "recent", "route"}
    package = Path(socks5client.__file__).parent
    found = {path.stem if path.suffix else path.name for path in package.iterdir()}
    found = {name for name in found if not name.startswith("_") and name != "py"}
    assert {f"socks5client.{name}" for name in found - inner} == {
        *public_names.MODULES,
    } - {"socks5client"}
    for module in public_names.MODULES:
        assert "py:module" in inventory(site).get(module, ()), module


def test_docstrings_link_to_what_they_name(site: Path) -> None:
    """Code in single backticks: names of here are links, those of Python's and parameters not."""
    page = Page((site / "reference" / "sockets.html").read_text())
    links = {link for _, link in page.links}
    assert {"proxies.html#socks5client.Proxy", "proxies.html#socks5client.DIRECT"} <= links
    assert "#socks5client.socket.connect" in links
    asyncio = (site / "reference" / "asyncio.html").read_text()
    assert re.search(r'<code[^>]*><span class="pre">asyncio.open_connection<', asyncio)
    assert not re.search(r"<a [^>]*><code[^>]*><span[^>]*>asyncio.open_connection<", asyncio)
    patch = (site / "reference" / "patch.html").read_text()
    assert "socks5client.bind" not in patch
    assert "types.html#socks5client.route.ProxyLike" in patch


def test_types_are_as_they_are_written() -> None:
    text = (DOCS / "reference" / "types.md").read_text()
    for module, names in signatures.ALIASES.items():
        source = Path(str(import_module(module).__file__)).read_text()
        written = {
            ast.unparse(node.target): node.value
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.AnnAssign) and node.value is not None
        }
        for name in names:
            value = written[name]
            literal = isinstance(value, ast.Constant) and isinstance(value.value, str)
            expected = value.value if literal else ast.unparse(value)
            assert f".. py:type:: {module}.{name}\n   :canonical: {expected}\n" in text


def test_a_broken_site_is_found(tmp_path: Path) -> None:
    (tmp_path / "one.html").write_text('<p id="here"><a href="two.html#there">x</a>')
    (tmp_path / "two.html").write_text(
        '<a href="one.html#here">good</a><a href="one.html#gone">x</a><a href="three.html">x</a>'
        '<a href="../outside.html">x</a><a href="https://example.com/">x</a>'
        '<img src="https://github.com/x.png"><a href="https://github.com/">good</a>'
    )
    assert faults(tmp_path) == [
        "one.html: two.html#there: no such place in it",
        "two.html: one.html#gone: no such place in it",
        "two.html: three.html: no such file",
        "two.html: ../outside.html: no such file",
        "two.html: https://example.com/: leads to a host that is not in HOSTS",
        "two.html: https://github.com/x.png: is loaded from elsewhere",
    ]


def test_links_of_markdown() -> None:
    text = "[a](b.md) ![i](c.svg)\n```python\nx[0](no.md)\n```\n`[a](no.md)` [d](e.md#f)\n"
    assert markdown_links(text) == ["b.md", "c.svg", "e.md#f"]


def _value(full_name: str) -> object:
    """The object of a name in the reference; none where it is a type's, for checkers alone."""
    module: ModuleType | None = None
    name, rest = full_name, []
    while module is None:
        try:
            module = import_module(name)
        except ImportError:
            name, _, last = name.rpartition(".")
            rest.insert(0, last)
    value: object = module
    for part in rest:
        value = getattr(value, part, None)
    return value
