"""The layers of the package, and which module imports which; the documentation draws them, too."""

from __future__ import annotations

import ast
from pathlib import Path

import socks5client

ROOT = Path(socks5client.__file__).parent

# Lowest first; a module imports only from rows above its own, or from its own row where that
# is marked. Drivers stand side by side and never import each other.
LAYERS = [
    {"errors", "_plain", "_exit"},
    {"protocol"},
    {"proxy", "bypass"},
    {"route"},
    {"recent"},
    {"_tls"},
    {"handshake"},
    {"_pump"},
    {"_pair"},
    {"_end"},
    {"_bridge"},
    {"tunnel"},
    {"_background"},
    {"sync"},
    {"_socket"},
    {"asyncio", "trio"},
    {"httpcore"},
    {"httpx"},
    {"urllib3", "aiohttp", "dns"},
    {"requests"},
    {"_fakeip"},
    {"_patch"},
    {""},  # socks5client itself
    {"cli", "__main__"},
]
INSIDE_PROTOCOL = [
    {"address", "encapsulation"},
    {"messages", "datagram"},
    {"auth", "usual", "reassembly", "gssapi"},
    {"negotiation", "association"},
    {""},
]


def modules() -> list[Path]:
    """The files of the package."""
    return sorted(ROOT.rglob("*.py"))


def name_of(path: Path) -> tuple[str, ...]:
    """The name of a file's module, in its parts, below the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports(path: Path) -> set[tuple[str, ...]]:
    """Modules of the package that `path` imports, relative to it; types alone do not count."""
    found = set()
    package = name_of(path) if path.name == "__init__.py" else name_of(path)[:-1]
    tree = ast.parse(path.read_text())
    typing_only = {
        node
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for child in branch.body
        for node in ast.walk(child)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and node not in typing_only:
            base = package[: len(package) - node.level + 1]
            if node.module:
                found.add((*base, *node.module.split(".")))
            else:
                found |= {(*base, alias.name) for alias in node.names}
    return found


def layer_of(name: tuple[str, ...]) -> str:
    """The name in LAYERS of what stands at `name`; a name of socks5client itself is "" there."""
    top = name[0] if name else ""
    return top if top and ((ROOT / top).exists() or (ROOT / f"{top}.py").exists()) else ""


def dependencies() -> dict[str, set[str]]:
    """Each name in LAYERS -> those that its files import."""
    found: dict[str, set[str]] = {name: set() for layer in LAYERS for name in sorted(layer)}
    for path in modules():
        own = layer_of(name_of(path))
        found[own] |= {layer_of(imported) for imported in imports(path)} - {own}
    return found
