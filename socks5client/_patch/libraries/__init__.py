"""Libraries that reach the kernel past the methods of `socket.socket`, a room for each.

Each room says what is to be set on which class (or module) of its library, once that has been
imported, and there are `_PATCHES` by the name of the module that has it.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import aiohttp, gevent, trio, uvloop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from ..shim import Shim
    from .changes import Changes, Original

_PATCHES: dict[str, Callable[[Any, Shim, Original], Changes]] = {
    "aiohttp.connector": aiohttp.changes,
    "gevent._socket3": gevent.changes,
    "trio._socket": trio.changes,
    "uvloop": uvloop.changes,
}

_shim: Shim | None = None
_originals: dict[tuple[Any, str], Any] = {}  # None for what a class inherits


def install(shim: Shim | None) -> None:
    """From now on `shim` decides, for libraries imported later, too; None for none."""
    global _shim
    _shim = shim
    if shim is None:
        if _finder in sys.meta_path:
            sys.meta_path.remove(_finder)
        while _originals:
            (cls, name), original = _originals.popitem()
            if original is None:
                delattr(cls, name)
            else:
                setattr(cls, name, original)
        return
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    for name in _PATCHES:
        if name in sys.modules:
            _patch(name, import_module(name))  # another thread may be about to


def _patch(name: str, module: ModuleType) -> None:
    if _shim is not None:
        for cls, methods in _PATCHES[name](module, _shim, _original):
            for method, function in methods.items():
                _originals.setdefault((cls, method), vars(cls).get(method))
                setattr(cls, method, function)


def _original(owner: Any, name: str) -> Any:
    """What `owner` has by that name without us."""
    return _originals.get((owner, name)) or getattr(owner, name)


class _Finder:
    """Patches a library as soon as it is imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _PATCHES:
            return None
        for finder in sys.meta_path:
            find: Any = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path, target)
            if spec is not None and spec.loader is not None:
                loader: Any = spec.loader
                loader.exec_module = partial(self._execute, loader.exec_module, name)
                return spec
        return None

    def _execute(self, execute: Callable[[Any], None], name: str, module: ModuleType) -> None:
        execute(module)
        _patch(name, module)


_finder: Any = _Finder()
