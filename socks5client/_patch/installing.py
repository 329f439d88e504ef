"""Puts a shim in place, another one in its place, and takes it away, to the last object."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from .._plain import CHANGEABLE, System
from .methods import methods
from .resolving import functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .shim import Shim

_ABSENT: Any = object()
# What was on the class before, and what stands for which of the resolver's functions now.
_before: dict[str, Any] = {}
_replaced: dict[Any, Callable[..., Any]] = {}


def install(shim: Shim | None) -> None:
    """From now on `shim` decides; None puts everything back as it was."""
    # Whoever is given a placeholder must find methods that understand it.
    if shim is not None:
        _set_methods(methods(shim))
        _replace(functions(shim))
    else:
        _replace({})
        _set_methods({})


def _set_methods(patched: dict[str, Callable[..., Any]]) -> None:
    if not _before and patched:
        _before.update({name: vars(System).get(name, _ABSENT) for name in CHANGEABLE})
    for name, method in {**_before, **patched}.items():
        if method is not _ABSENT:
            setattr(System, name, method)
        elif name in vars(System):
            delattr(System, name)
    if not patched:
        _before.clear()


def _replace(functions: dict[Any, Callable[..., Any]]) -> None:
    """Puts each function in the place of its original, in whatever module that is known."""
    changes: dict[int, tuple[Any, Any]] = {}
    for original in {**_replaced, **functions}:
        old, new = _replaced.get(original, original), functions.get(original, original)
        # What another thread has imported meanwhile may have any of the two.
        changes[id(old)] = changes[id(original)] = old, new
    for namespace in _namespaces():
        for name, value in list(namespace.items()):
            change = changes.get(id(value))
            if change is not None:
                namespace[name] = change[1]
    _replaced.clear()
    _replaced.update(functions)


def _namespaces() -> Iterator[dict[str, Any]]:
    """Those of all modules but our own."""
    for name, module in list(sys.modules.items()):
        # By type(): there are things that only claim to be modules.
        if name.partition(".")[0] != "socks5client" and issubclass(type(module), ModuleType):
            # Asked for in the usual way, a module that is to be loaded later would be loaded now.
            yield object.__getattribute__(module, "__dict__")
