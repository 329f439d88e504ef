"""What autodoc shows of an object, where it would show what is private or read the text wrongly."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from docutils import nodes
from public_names import MODULES, PACKAGE, public_names, public_objects, real_names

if TYPE_CHECKING:
    from types import ModuleType

    from docutils.nodes import document
    from sphinx.application import Sphinx

# Names of types that are for type checkers alone: in signatures they stay as they are.
ALIASES = {
    "socks5client.route": {"Chain", "Direct", "ProxyLike"},
    "socks5client.proxy": {"AuthMethods"},
    "socks5client.handshake": {"Trace"},
    "socks5client.protocol.auth": {"SubNegotiation"},
    "socks5client.protocol.negotiation": {"Step", "Steps"},
    "socks5client._socket.stream": {"SocketAddress"},
}


def import_types(app: Sphinx) -> None:
    """Runs what modules import for type checkers alone, so that signatures can be read."""
    for name in MODULES:
        module = import_module(name)
        for public in public_names(module):
            getattr(module, public)
    seen: set[str] = set()
    left: list[tuple[ModuleType, ast.stmt]] = []
    while new := [name for name in sys.modules if name.startswith(PACKAGE) and name not in seen]:
        seen.update(new)
        left += [
            (sys.modules[name], types) for name in new for types in types_of(sys.modules[name])
        ]
        left = run_in_some_order(left)
    if left:
        raise ImportError("; ".join(f"{module.__name__}: {ast.unparse(s)}" for module, s in left))


def run_in_some_order(
    statements: list[tuple[ModuleType, ast.stmt]],
) -> list[tuple[ModuleType, ast.stmt]]:
    """Runs each in its module, as one may need what another defines; returns those that fail."""
    while True:
        failed = []
        for module, statement in statements:
            try:
                if name := alias_of(module, statement):
                    vars(module)[name] = type(name, (), {"__module__": module.__name__})
                    continue
                exec(compile(ast.Module([statement], []), str(module), "exec"), vars(module))
            except (ImportError, NameError):
                failed.append((module, statement))
        if len(failed) == len(statements):
            return failed
        statements = failed


def alias_of(module: ModuleType, statement: ast.stmt) -> str | None:
    """The name of the alias that a statement defines, if it is one of `ALIASES`."""
    if not isinstance(statement, ast.AnnAssign):
        return None
    name = ast.unparse(statement.target)
    return name if name in ALIASES.get(module.__name__, ()) else None


def types_of(module: ModuleType) -> list[ast.stmt]:
    """The statements of a module under `if TYPE_CHECKING:`."""
    return [
        statement
        for branch in ast.parse(inspect.getsource(module)).body
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for statement in branch.body
    ]


def mark_own_names(
    app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]
) -> None:
    """A parameter or attribute in backticks is code, also where something public is called so."""
    try:
        own = set(inspect.signature(value).parameters)
        if isinstance(value, type):
            own |= set(re.findall(r"\bself\.(\w+)(?:: .+)? = ", inspect.getsource(value)))
    except (OSError, TypeError, ValueError):
        return
    for number, line in enumerate(lines):
        lines[number] = re.sub(
            r"(?<!`)`(\w+)`(?!`)",
            lambda code: f"`{code[0]}`" if code[1] in own else code[0],
            line,
        )


def keep_colons(
    app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]
) -> None:
    """Napoleon takes what is before a colon in an attribute's first line for its type."""
    if what in ("attribute", "property"):
        lines[:0] = ["..", ""]  # an empty comment


def show_public_bases(app: Sphinx, name: str, value: type, options: Any, bases: list[type]) -> None:
    """What a class derives from, without the private classes between."""
    public = [other for _, other in public_objects()]

    def shown(base: type) -> list[type]:
        if base.__module__.partition(".")[0] != PACKAGE or any(base is other for other in public):
            return [base]
        return [above for below in base.__bases__ for above in shown(below)]

    found = {base for direct in bases for base in shown(direct)} | {object}
    bases[:] = [
        base
        for base in dict.fromkeys(value.__mro__)
        if base in found and not any(o is not base and issubclass(o, base) for o in found)
    ]


def drop_object(app: Sphinx, doctree: document) -> None:
    """That a class derives from nothing but `object` is not worth a line."""
    for paragraph in list(doctree.findall(nodes.paragraph)):
        if paragraph.astext() == "Bases: object":
            paragraph.parent.remove(paragraph)


def hide_constructors(
    app: Sphinx, what: str, name: str, value: Any, options: Any, signature: str | None, result: Any
) -> tuple[str, None] | None:
    """No signature where one would not help.

    Who cannot be made without what is private is made by a function; errors are made alike.
    """
    if what == "exception" and "__init__" not in vars(value):
        return "", None
    if what != "class" or signature is None:
        return None
    aliases = {f"{module}.{name}" for module, names in ALIASES.items() for name in names}
    known = {*real_names(), *aliases}
    private = set(re.findall(rf"{PACKAGE}(?:\.\w+)+", signature)) - known
    return ("", None) if private else None


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", import_types)
    app.connect("autodoc-process-docstring", keep_colons, priority=100)  # before napoleon
    app.connect("autodoc-process-docstring", mark_own_names, priority=900)  # after it
    app.connect("autodoc-process-bases", show_public_bases)
    app.connect("doctree-read", drop_object)
    app.connect("autodoc-process-signature", hide_constructors)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
