"""Python programs that a patched one starts are patched, too.

The environment carries the settings, and a `sitecustomize` of ours that applies them before any
code of the program runs. Where it cannot, the program does not run.
"""

from __future__ import annotations

import os
import pickle
from base64 import b85decode, b85encode
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

_SETTINGS = "SOCKS5CLIENT_PATCH"
_PATH = "PYTHONPATH"
_FOLDER = str(Path(__file__).with_name("child"))
_CANNOT = "cannot: "

_before: dict[str, str | None] = {}


def announce(settings: dict[str, Any] | None) -> None:
    """What a child is to give `patch()`; None for a child that is not to be patched."""
    if settings is None:
        for name, value in _before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _before.clear()
        return
    if not _before:
        _before.update({name: os.environ.get(name) for name in (_SETTINGS, _PATH)})
    os.environ[_SETTINGS] = _text(settings)
    others = (_before[_PATH] or "").split(os.pathsep)
    os.environ[_PATH] = os.pathsep.join([_FOLDER, *filter(None, others)])


def _text(settings: dict[str, Any]) -> str:
    try:
        return b85encode(pickle.dumps(settings)).decode()
    except Exception as error:  # whatever a user's own method of authentication raises
        return f"{_CANNOT}the settings of the program that started it cannot be passed on: {error}"


def take_over() -> None:
    """In a child: patches it as its parent was. Raises what `patch()` does."""
    from .patching import patch

    text = os.environ[_SETTINGS]
    if text.startswith(_CANNOT):
        raise RuntimeError(text.removeprefix(_CANNOT))
    patch(**pickle.loads(b85decode(text)))
