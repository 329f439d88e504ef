"""Python programs that a patched one starts are patched, too.

The environment carries the settings, and a `sitecustomize` of ours that applies them before any
code of the program runs. Where it cannot, the program does not run. What gives a child another
environment gives it these all the same.
"""

from __future__ import annotations

import os
import pickle
import sys
from base64 import b85decode, b85encode
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

with suppress(ImportError):  # on Windows
    import _posixsubprocess  # noqa: F401  # which `subprocess` takes its function from

_SETTINGS = "SOCKS5CLIENT_PATCH"
_PATH = "PYTHONPATH"
_FOLDER = str(Path(__file__).with_name("child"))
_CANNOT = "cannot: "

_told: str | None = None


def announce(settings: dict[str, Any] | None) -> None:
    """What a child is to give `patch()`; None for a child that is not to be patched."""
    global _told
    text = None if settings is None else _text(settings)
    if text != _told:
        _told = text
        _tell_here()
        _put_in_place(text is not None)
        _renew_fork_server()


def told(text: str) -> dict[str, Any]:
    """In a child: what to give `patch()`. RuntimeError where its parent could not pass that on."""
    if text.startswith(_CANNOT):
        raise RuntimeError(text.removeprefix(_CANNOT))
    settings: dict[str, Any] = pickle.loads(b85decode(text))
    return settings


def _text(settings: dict[str, Any]) -> str:
    try:
        return b85encode(pickle.dumps(settings)).decode()
    except Exception as error:  # whatever a user's own method of authentication raises, and says
        return (
            f"{_CANNOT}the settings of the program that started it cannot be passed on:"
            f" {type(error).__name__}"
        )


def _telling(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` such that it tells a child what it is to know, and nothing else of ours."""
    telling = {name: value for name, value in environ.items() if name not in (_SETTINGS, _PATH)}
    path = environ.get(_PATH)
    folders = [folder for folder in path.split(os.pathsep) if folder != _FOLDER] if path else []
    if _told is not None:
        telling[_SETTINGS] = _told
        folders.insert(0, _FOLDER)
    if folders:
        telling[_PATH] = os.pathsep.join(folders)
    return telling


def _tell_here(_: None = None) -> None:
    """The same with the environment of this program, which may have changed it meanwhile."""
    telling = _telling(os.environ)
    for name in (_SETTINGS, _PATH):
        if name in telling:
            if os.environ.get(name) != telling[name]:
                os.environ[name] = telling[name]
        else:
            os.environ.pop(name, None)


def _tell(environ: Any) -> Any:
    """The same with one that a child is given, a mapping; None: that of this program."""
    if environ is None:
        return _tell_here()
    try:
        texts = {os.fsdecode(name): os.fsdecode(value) for name, value in environ.items()}
    except (AttributeError, TypeError):
        return environ  # the system is to say so
    return _telling(texts)


def _tell_in_bytes(environ: Any) -> Any:
    """The same with a list of b"NAME=VALUE", as `fork_exec` takes it."""
    if environ is None:
        return _tell_here()
    telling = _tell(dict(entry.split(b"=", 1) for entry in environ))
    return [os.fsencode(f"{name}={value}") for name, value in telling.items()]


# What starts a program: how to tell it, and which argument of the call has its environment.
_STARTING: dict[str, tuple[Callable[[Any], Any], int]] = {
    "execv": (_tell, 2),  # an argument that it has not: the environment of this program
    "execve": (_tell, 2),
    "fork_exec": (_tell_in_bytes, 5),
    "posix_spawn": (_tell, 2),
    "posix_spawnp": (_tell, 2),
    "system": (_tell, 1),
}
_MODULES = (os.name, "os", "_posixsubprocess", "subprocess")  # they import from one another
_originals: dict[Any, Any] = {}  # by what stands for them


def _put_in_place(telling: bool) -> None:
    """From now on what starts a program tells it, or is again as it was."""
    for module in filter(None, map(sys.modules.get, _MODULES)):
        for name, (tell, place) in _STARTING.items():
            for known in (name, f"_{name}"):
                function = vars(module).get(known)
                original = _originals.get(function, function)
                if original is not None:
                    setattr(module, known, _starter(original, tell, place) if telling else original)


def _starter(original: Any, tell: Callable[[Any], Any], place: int) -> Any:
    """What stands for `original`, always the same."""
    for starter, function in _originals.items():
        if function is original:
            return starter

    @wraps(original)
    def start(*args: Any, **kwargs: Any) -> Any:
        if "env" in kwargs:
            kwargs["env"] = tell(kwargs["env"])
        elif len(args) > place:
            args = (*args[:place], tell(args[place]), *args[place + 1 :])
        else:
            _tell_here()
        return original(*args, **kwargs)

    _originals[start] = original
    return start


def _renew_fork_server() -> None:
    """What multiprocessing's fork server has been told it does not forget: the next is another.

    Children of the last one live on, and so does it.
    """
    module: Any = sys.modules.get("multiprocessing.forkserver")
    if module is None:
        return
    server = module.ForkServer()
    server.set_forkserver_preload(module._forkserver._preload_modules)
    for name, value in list(vars(module).items()):
        if getattr(value, "__self__", None) is module._forkserver:
            setattr(module, name, getattr(server, name))
    module._forkserver = server
