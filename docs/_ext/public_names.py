"""Which public name is meant: by the type in a signature, or by the code in a docstring.

Signatures name a class by where it is written (`socks5client.protocol.address.Address`), the
reference by where it is imported from (`socks5client.Address`). What is of another package gets
no link, but it must exist there; whatever else has no meaning is a warning.
"""

from __future__ import annotations

import builtins
import re
import sys
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from docutils import nodes
from sphinx.addnodes import pending_xref

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from docutils.nodes import Element, document
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

PACKAGE = "socks5client"
MODULES = [
    PACKAGE,
    *(
        f"{PACKAGE}.{name}"
        for name in (
            "errors",
            "asyncio",
            "trio",
            "httpx",
            "httpcore",
            "urllib3",
            "requests",
            "aiohttp",
            "dns",
            "protocol",
        )
    ),
]

# Hosts of RFC 2606, in the URLs of examples.
EXAMPLE = re.compile(r"^\w+://[^/]*\b(example|example\.(com|net|org)|test|invalid)(:\d+)?(/|#|$)")

# Words of docstrings that mean Python's own, though something public has the name, too.
STANDARD = frozenset({*sys.stdlib_module_names, *vars(builtins)})


def public_names(module: ModuleType) -> list[str]:
    """`__all__`, or without one what the module defines itself and does not hide."""
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return list(listed)
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def public_objects() -> Iterator[tuple[str, object]]:
    """The full name of each public object, and the object."""
    for module in map(import_module, MODULES):
        for name in public_names(module):
            yield f"{module.__name__}.{name}", getattr(module, name)


@cache
def real_names() -> dict[str, str]:
    """Where each public object is written -> where it is imported from."""
    names: dict[str, str] = {}
    for name, value in public_objects():
        if hasattr(value, "__qualname__"):
            names.setdefault(f"{value.__module__}.{value.__qualname__}", name)
    return names


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: Element
) -> Element | None:
    """A link to the public name that is meant, or no link, or None: there is no such thing."""
    if node["refdomain"] != "py":
        return None
    python, target = env.domains.python_domain, node["reftarget"]
    in_docstring = node["reftype"] == "code-or-name"
    if is_elsewhere(target) or (in_docstring and target in STANDARD):
        return shown
    prefixes = [PACKAGE, f"{PACKAGE}.protocol", f"{PACKAGE}.errors"]
    if module := node.get("py:module"):
        prefixes.insert(0, module)
        if node.get("py:class"):
            prefixes.insert(0, f"{module}.{node['py:class']}")
    target = real_names().get(target, target)
    for full_name in [target, *(f"{prefix}.{target}" for prefix in prefixes)]:
        if full_name in python.objects:
            return python.resolve_xref(
                env, node["refdoc"], app.builder, "obj", full_name, node, shown
            )
    return shown if in_docstring else None


def unlink(app: Sphinx, doctree: document) -> None:
    """Takes away links that lead nowhere: of examples, and of Python's own names.

    For `type` Sphinx would look for an attribute of that name.
    """
    for reference in list(doctree.findall(nodes.reference)):
        if EXAMPLE.search(reference.get("refuri", "")):
            reference.replace_self(reference.children)
    for node in list(doctree.findall(pending_xref)):
        if node.get("refdomain") == "py" and hasattr(builtins, node["reftarget"]):
            node.replace_self(node.children)


def is_elsewhere(name: str) -> bool:
    """Whether another package, or Python itself, has an object of this name."""
    module, _, attribute = name.rpartition(".")
    try:
        value = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError):
        return False
    return module.partition(".")[0] != PACKAGE or isinstance(value, TypeVar)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", unlink)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
