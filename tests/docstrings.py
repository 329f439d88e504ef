"""What a docstring of a public name has to say, as rules that a machine can check.

A rule looks for words, so it finds what was forgotten, not what is wrong. Where a docstring says
that something is "those of `connect`", "as `connect`" or "see `connect`", that one is read, too.

What is left out: a method that another library's class has (or, "As in the system", the module
`socket`) needs no more than a docstring; a class that another name makes ("`associate` makes one")
does not tell its constructor's parameters; constants have no docstring.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import pkgutil
import re
import socket
import sys
import textwrap
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import socks5client
from socks5client import errors, protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FunctionType

_PACKAGE = "socks5client"
_OURS = (_PACKAGE, "tests")
_SOURCE = re.compile(r"RFC (1928|1929|1961)|socks-extensions")
# What makes a SOCKS message, or stands for one.
_PROTOCOL = ("socks5client.protocol", "socks5client.dns.tor")
_COMMANDS = ("connect", "bind", "associate", "Rendezvous", "DatagramSocket")
_TIMES = {"timeout", "seconds", "pause", "delay", "now", "start"}
_SIZES = {"size", "limit", "bytes"}
# A summary that begins with a verb says what is done, any other what is returned.
_VERB = re.compile(r"(?!(?:As|Addresses|Bytes|Datagrams|Methods|This) )[A-Z][a-z]+s\b")
_ELSEWHERE = re.compile(r"(?:those of|[Aa]s|see) `([\w.]+)`")
# A class that programs do not make by themselves: its constructor is nobody's affair.
_MADE_BY = re.compile(r"(?s)`[\w.]+(\(\))?`\s+(makes|make)\s+(one|them)")


class Public(NamedTuple):
    """A public name: what it is called, the object, and the class that it is looked up in."""

    name: str
    value: Any
    owner: type | None = None


def modules() -> list[str]:
    """The public modules of the package, without the command."""
    found = [module.name for module in pkgutil.walk_packages(socks5client.__path__, _PACKAGE + ".")]
    inner = [name for name in found if not re.search(r"\._|\.cli(\.|$)", name)]
    return [_PACKAGE, *inner]


def public_names(name: str) -> Iterator[Public]:
    """Module, functions, classes, their methods and properties; constants have no docstring."""
    module = importlib.import_module(name)
    yield Public(name, module)
    names = getattr(module, "__all__", None)
    if names is None:
        names = [each for each, value in vars(module).items() if _is_from(value, name)]
    for each in names:
        value = getattr(module, each)
        if each.startswith("_") or not getattr(value, "__module__", "").startswith(_PACKAGE):
            continue
        if inspect.isclass(value):
            yield Public(f"{name}.{each}", value)
            yield from members(f"{name}.{each}", value)
        elif inspect.isfunction(value):
            yield Public(f"{name}.{each}", value)


def _is_from(value: object, module: str) -> bool:
    return getattr(value, "__module__", None) == module


def members(name: str, cls: type) -> Iterator[Public]:
    """The public methods and properties of `cls` that the package itself defines."""
    seen = set()
    for base in cls.__mro__:
        for attribute, value in vars(base).items():
            if attribute in seen or attribute.startswith("_"):
                continue
            seen.add(attribute)
            if _is_ours(base) and _function_of(value) is not None:
                yield Public(f"{name}.{attribute}", value, cls)


def _is_ours(value: type | FunctionType) -> bool:
    return value.__module__.split(".")[0] in _OURS


def _function_of(value: object) -> FunctionType | None:
    """What is executed, of a function, method or property; None for anything else."""
    if isinstance(value, property):
        value = value.fget
    elif isinstance(value, cached_property):
        value = value.func
    elif isinstance(value, (classmethod, staticmethod)):
        value = value.__func__
    value = inspect.unwrap(value) if callable(value) else value
    return value if inspect.isfunction(value) else None


def complaints(public: Public) -> list[str]:
    """What the docstring of `public` does not say."""
    own = _own_docstring(public.value)
    if not own:
        return ["no docstring"]
    if inspect.ismodule(public.value) or _overrides(public):
        return []
    text = own + _elsewhere(own, public.value)
    return [
        *(f"parameter {each} is not named" for each in _parameters(public) if not _has(text, each)),
        *_of_units(public, text),
        *_of_returned(public, own),
        *_of_raised(public, text),
        *_of_source(public, text),
    ]


def _own_docstring(value: Any) -> str:
    """Not an inherited one."""
    if inspect.isclass(value):
        return inspect.cleandoc(vars(value).get("__doc__") or "")
    function = _function_of(value)
    return inspect.cleandoc((value if function is None else function).__doc__ or "")


def _overrides(public: Public) -> bool:
    """Whether a class of another package has the method: then it is documented there."""
    attribute = public.name.rpartition(".")[2]
    if _own_docstring(public.value).startswith("As in the system"):
        return hasattr(socket.socket, attribute)
    bases = public.owner.__mro__ if public.owner else ()
    return any(attribute in vars(base) for base in bases if not _is_ours(base))


def _elsewhere(text: str, value: Any) -> str:
    """The docstrings that `text` refers to."""
    found = [_named(each, value) for each in _ELSEWHERE.findall(text)]
    if inspect.isclass(value):
        found += [base for base in value.__mro__[1:] if _constructor(base) is _constructor(value)]
    return "".join(_own_docstring(each) for each in found)


def _named(path: str, value: Any) -> Any:
    """What a docstring calls `path`, of the package: in its module, else at the top of it."""
    first, *rest = path.split(".")
    module = sys.modules[getattr(_function_of(value) or value, "__module__", _PACKAGE)]
    for scope in (sys.modules, vars(module), vars(protocol), vars(socks5client)):
        found = scope.get(first)
        for each in rest:
            found = getattr(found, each, None)
        if getattr(found, "__module__", "").split(".")[0] in _OURS:
            return found
    return None


def _has(text: str, parameter: str) -> bool:
    """In backticks, or at the beginning of a line of a "Parameters:" block."""
    in_line = rf"`\*{{0,2}}{parameter}(=[^`]*)?`"
    in_block = rf"(?ms)^Parameters:\n.*^    ([\w, *]+, )?\*{{0,2}}{parameter}(,[\w, *\n]+)?:"
    return bool(re.search(in_line, text) or re.search(in_block, text))


def _constructor(cls: type) -> FunctionType | None:
    for base in cls.__mro__:
        for name in ("__init__", "__new__"):
            function = vars(base).get(name)
            if _is_ours(base) and inspect.isfunction(function):
                return function
    return None


def _signature(public: Public) -> dict[str, str]:
    """The public parameters and their annotations, as they are written."""
    value = public.value
    if inspect.isclass(value):
        if issubclass(value, Enum) or _MADE_BY.search(_own_docstring(value)):
            return {}
        function = _constructor(value)
        if function is None:
            fields = getattr(value, "_fields", ())
            return {each: str(value.__annotations__.get(each, "")) for each in fields}
    else:
        function = _function_of(value)
    assert function is not None
    found = inspect.signature(function).parameters
    names = list(found)
    if not isinstance(value, staticmethod) and (public.owner or inspect.isclass(value)):
        names = names[1:]
    return {each: str(found[each].annotation) for each in names if not each.startswith("_")}


def _parameters(public: Public) -> list[str]:
    return list(_signature(public))


def _of_units(public: Public, text: str) -> Iterator[str]:
    function = _function_of(public.value)
    quantities = dict(_signature(public))
    if function is not None:
        returned = str(function.__annotations__.get("return", ""))
        quantities[public.name.rpartition(".")[2]] = returned
    for name, annotation in quantities.items():
        parts = set(name.split("_"))
        if parts & _TIMES and "float" in annotation and "second" not in text:
            yield f"{name}: no word of seconds"
        if parts & _SIZES and "int" in annotation and "byte" not in text:
            yield f"{name}: no word of bytes"


def _of_returned(public: Public, text: str) -> Iterator[str]:
    function = _function_of(public.value)
    if function is None or isinstance(public.value, (property, cached_property)):
        return
    returned = str(function.__annotations__.get("return", "None"))
    if returned.removeprefix("Waiting[").rstrip("]") in ("None", "NoReturn"):
        return
    if _VERB.match(text) and not re.search(r"\b[Rr]eturn(s|ed)\b", text):
        yield "what it returns is not said"


def _of_raised(public: Public, text: str) -> Iterator[str]:
    value = public.value
    function = _constructor(value) if inspect.isclass(value) else _function_of(value)
    if function is None or not _is_ours(function):
        return
    owner = value if inspect.isclass(value) else public.owner
    for error in sorted(_raised(function, owner), key=lambda each: each.__name__):
        kinds = [base.__name__ for base in error.__mro__ if issubclass(base, Exception)]
        kinds.remove("Exception")
        if not re.search(rf"\b({'|'.join(kinds)})\b", text):
            yield f"{error.__name__} is not named"


def _raised(function: FunctionType, owner: type | None, *, deep: bool = True) -> set[type]:
    """The errors that leave the body, or that of a private helper it calls."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))

    def leaving(node: ast.AST) -> set[type]:
        found: set[type] = set()
        if isinstance(node, ast.Raise):
            found |= _errors(node.exc, function)
        elif isinstance(node, ast.Call) and deep:
            called = _called(node.func, function, owner)
            found |= _raised(called, owner, deep=False) if called else set()
        children = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.Try):
            inside = set().union(*[leaving(each) for each in node.body])
            found |= {error for error in inside if not _is_caught(error, node, function)}
            children = [each for each in children if each not in node.body]
        return found.union(*[leaving(each) for each in children])

    return leaving(tree)


def _errors(node: ast.expr | None, function: FunctionType) -> set[type]:
    """The classes that an expression behind `raise` or `except` names."""
    if isinstance(node, ast.Tuple):
        return set().union(*[_errors(each, function) for each in node.elts])
    named = node.func if isinstance(node, ast.Call) else node
    if not isinstance(named, ast.Name):
        return set()
    error = function.__globals__.get(named.id, getattr(builtins, named.id, None))
    return {error} if inspect.isclass(error) and error is not NotImplementedError else set()


def _is_caught(error: type, statement: ast.Try, function: FunctionType) -> bool:
    """Whether a handler catches it for good."""
    for handler in statement.handlers:
        if issubclass(error, tuple(_errors(handler.type, function))):
            again = [each for each in ast.walk(handler) if isinstance(each, ast.Raise)]
            return all(each.exc is not None for each in again)
    return False


def _called(node: ast.expr, function: FunctionType, owner: type | None) -> FunctionType | None:
    """A private function of the module, or method of the class, or None."""
    called: object = None
    name = ast.unparse(node)
    if name.startswith("_"):
        called = function.__globals__.get(name)
    elif re.fullmatch(r"(self|cls)\._\w+", name):
        called = _function_of(inspect.getattr_static(owner, name.partition(".")[2], None))
    return called if inspect.isfunction(called) and _is_ours(called) else None


def _of_source(public: Public, text: str) -> Iterator[str]:
    value = public.value
    if public.owner is not None:
        return  # its class says it
    if inspect.isclass(value) and issubclass(value, errors.ReplyError):
        text = "".join(_own_docstring(base) for base in value.__mro__ if _is_ours(base))
    elif not value.__module__.startswith(_PROTOCOL) and value.__name__ not in _COMMANDS:
        return
    if not _SOURCE.search(text):
        yield "no source: which RFC, or Tor's socks-extensions"
