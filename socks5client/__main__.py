"""`python -m socks5client`: runs a program, unmodified, through a proxy."""

from __future__ import annotations

import argparse
import builtins
import io
import os
import pkgutil
import runpy
import sys
from importlib.machinery import BuiltinImporter, SourceFileLoader
from types import ModuleType

from ._patch import patch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Any

_DESCRIPTION = """\
Runs a Python program through a SOCKS5 proxy: what it does by its sockets, the look-up of names,
and Python programs that it starts. Without --proxy the environment names the proxy."""
_WITH_VALUES = ("--proxy", "--dns", "--nameserver", "--bypass")


def parser() -> argparse.ArgumentParser:
    """The options; all that follows the program is the program's."""
    options = argparse.ArgumentParser(
        "python -m socks5client",
        usage="%(prog)s [options] (SCRIPT | - | -m MODULE) [ARGS ...]",
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
    add("-m", metavar="MODULE", help="run a module")  # it is for --help: see _split
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the program; what it raises, SystemExit among it, is raised here."""
    options = parser()
    ours, words = _split(sys.argv[1:] if arguments is None else list(arguments))
    given = options.parse_args(ours)
    is_module = words[:1] == ["-m"]
    if is_module or words[:1] == ["--"]:
        del words[0]
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
    if is_module:
        # This is what the interpreter calls for -m.
        sys.argv = ["-m", *words[1:]]
        _begin_main()
        runpy._run_module_as_main(words[0])  # type: ignore[attr-defined]
    else:
        sys.argv = words
        _run_script(words[0])


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Our options, and the program with what is its own, of whatever form that is."""
    at = 0
    while arguments[at : at + 1] and arguments[at].startswith("-"):
        if arguments[at] in ("-", "--", "-m"):
            break
        if arguments[at].startswith("-m"):
            return arguments[:at], ["-m", arguments[at][2:], *arguments[at + 1 :]]
        at += 2 if arguments[at] in _WITH_VALUES else 1
    return arguments[:at], arguments[at:]


def _run_script(path: str) -> None:
    """As the interpreter runs it, a folder or a zip file, too, or "-"."""
    names = _begin_main()
    file = os.path.join(os.getcwd(), path)
    if path == "-":
        file, source = "<stdin>", sys.stdin.buffer.read()
        _set_first_folder("")
    elif pkgutil.get_importer(path) is not None:
        if sys.flags.safe_path:
            sys.path.insert(0, file)
        _set_first_folder(file)
        runpy._run_module_as_main("__main__", False)  # type: ignore[attr-defined]
        return
    else:
        try:
            with io.open_code(file) as code:
                source = code.read()
        except OSError as error:
            message = f"can't open file {file!r}: [Errno {error.errno}] {error.strerror}"
            print(f"{sys.executable}: {message}", file=sys.stderr)
            sys.exit(2)
        names["__loader__"] = SourceFileLoader("__main__", file)
        _set_first_folder(os.path.dirname(os.path.realpath(path)))
    names.update(__file__=file, __cached__=None)
    exec(compile(source, file, "exec", dont_inherit=True), names)


def _begin_main() -> dict[str, Any]:
    """The names of a new module `__main__`, which stays, for threads and pickles."""
    module = ModuleType("__main__")
    vars(module).update(__builtins__=builtins, __annotations__={}, __loader__=BuiltinImporter)
    sys.modules["__main__"] = module
    return vars(module)


def _set_first_folder(folder: str) -> None:
    """In the place of this module's own, which Python does not put there in safe mode."""
    if not sys.flags.safe_path:
        sys.path[0] = folder


def _show_less() -> None:
    """What the program fails of is shown without the frames of this module."""
    show = sys.excepthook  # the program's own, perhaps

    def excepthook(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        rest = trace
        while trace is not None:
            here, trace = trace.tb_frame.f_globals is globals(), trace.tb_next
            if here:
                rest = trace
        show(kind, error.with_traceback(rest), rest)

    sys.excepthook = excepthook


if __name__ == "__main__":
    try:
        main()
    except (Exception, KeyboardInterrupt):
        _show_less()
        raise
