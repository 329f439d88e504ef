"""Run at the start of a Python program that a patched one has started; see `_patch.children`.

It is written for any Python, so that one which is too old for the package says so.
"""

import os
import sys


def _start():  # type: () -> None
    here = os.path.dirname(os.path.abspath(__file__))
    package = os.path.dirname(os.path.dirname(os.path.dirname(here)))
    folders = [folder for folder in sys.path if os.path.normpath(folder) != here]
    # The environment, too, is what it would be: the program may end it all.
    path = os.environ.pop("PYTHONPATH", "").split(os.pathsep)
    path = [folder for folder in path if os.path.normpath(folder) != here]
    if any(path):
        os.environ["PYTHONPATH"] = os.pathsep.join(path)
    settings = os.environ.pop("SOCKS5CLIENT_PATCH", "")
    if settings:
        if sys.version_info < (3, 11):  # noqa: UP036
            raise RuntimeError("socks5client needs Python 3.11 or later")
        # Last: what is beside the package is not to stand for anything of this program's.
        sys.path[:] = folders + [package]  # noqa: RUF005
        from socks5client._patch import patch
        from socks5client._patch.children import told

        patch(**told(settings))
    sys.path[:] = folders


def _go_on():  # type: () -> None
    """The one that would have been run in the place of this."""
    this = sys.modules.pop("sitecustomize")
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault("sitecustomize", this)


try:
    _start()
except BaseException as error:
    # Whatever is raised here, the interpreter would go on without us.
    try:
        message = "socks5client: this program is not run without the proxy: "
        sys.stderr.write(message + str(error) + "\n")
        sys.stderr.flush()
    finally:
        os._exit(1)
_go_on()
