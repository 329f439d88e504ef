"""Run at the start of a Python program that a patched one has started; see `_patch.children`.

It is written for any Python 3, so that one which is too old for the package says so.
"""

import os
import sys


def _start() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    package = os.path.dirname(os.path.dirname(os.path.dirname(here)))
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != here]
    if not os.environ.get("SOCKS5CLIENT_PATCH"):
        return
    sys.path.insert(0, package)
    try:
        if sys.version_info < (3, 11):  # noqa: UP036
            raise RuntimeError("socks5client needs Python 3.11 or later")
        from socks5client._patch import children

        children.take_over()
    except BaseException as error:
        message = "socks5client: this program is not run without the proxy: "
        sys.stderr.write(message + str(error) + "\n")
        sys.stderr.flush()
        os._exit(1)
    finally:
        sys.path.remove(package)


def _go_on() -> None:
    """The one that would have been run in the place of this."""
    this = sys.modules.pop("sitecustomize")
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    sys.modules.setdefault("sitecustomize", this)


_start()
_go_on()
