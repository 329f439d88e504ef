"""`python -m socks5client`: runs a program, unmodified, through a proxy."""

from __future__ import annotations

import argparse
import builtins
import io
import os
import runpy
import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec

from ._patch import patch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_DESCRIPTION = """\
Runs a Python program through a SOCKS5 proxy: what it does by its sockets, the look-up of names,
and Python programs that it starts. Without --proxy the environment names the proxy."""


def parser() -> argparse.ArgumentParser:
    """The options; all that follows the program is the program's."""
    options = argparse.ArgumentParser(
        "python -m socks5client",
        usage="%(prog)s [options] (SCRIPT | -m MODULE) [ARGS ...]",
        description=_DESCRIPTION,
        allow_abbrev=False,
    )
    add = options.add_argument
    add("--proxy", metavar="URL", action="append", help="again: a chain, first hop first")
    add("--dns", choices=("remote", "tunnel", "local"), help="who looks names up")
    add(
        "--nameserver",
        metavar="SERVER",
        action="append",
        help="for --dns tunnel: an IP address, tls://, https:// or tor; again: another one",
    )
    add("--bypass", metavar="RULES", help='in the place of NO_PROXY; "none": not even loopback')
    add("--strict", action="store_true", help="what would pass the proxy by is an error")
    add("--bind", action="store_true", help="listeners are rendezvous at the proxy")
    add("-m", dest="module", metavar="MODULE", nargs=argparse.REMAINDER, help="run a module")
    add("program", metavar="SCRIPT", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the program; what it raises, SystemExit among it, is raised here."""
    options = parser()
    given = options.parse_args(arguments)
    words: list[str] = given.module or given.program
    if not words:
        options.error("no program: name a SCRIPT, or -m MODULE")
    bypass = {} if given.bypass is None else {"bypass": given.bypass}
    if given.bypass == "none":
        bypass = {"bypass": None}
    try:
        patch(
            given.proxy,
            dns=given.dns,
            nameservers=given.nameserver,
            strict=given.strict,
            bind=given.bind,
            **bypass,
        )
    except (ValueError, ImportError) as error:
        options.error(str(error))
    if given.module:
        sys.argv = words  # runpy puts the module's file first
        sys.path[0] = os.getcwd()
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        _run_script(words[0])


def _run_script(path: str) -> None:
    """As the interpreter runs it: in a module `__main__` that stays, for threads and pickles."""
    if os.path.isdir(path) or path.endswith((".zip", ".pyz")):
        runpy.run_path(path, run_name="__main__")
        return
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    with io.open_code(os.path.abspath(path)) as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    module = module_from_spec(ModuleSpec("__main__", None, origin=path))
    names: dict[str, Any] = vars(module)
    names.update(__file__=path, __builtins__=builtins, __spec__=None)
    sys.modules["__main__"] = module
    exec(code, names)


if __name__ == "__main__":
    main()
