"""Find the programs of other projects; say which Debian package has a missing one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LIST = Path(__file__).with_name("packages.txt")

# Servers live in the administrator's folders, which an ordinary user's PATH lacks.
ADMIN_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin")


def debian_packages() -> dict[str, str]:
    """Which Debian package brings each binary: the list that installs them in CI."""
    lines = (line.partition("#")[0].split() for line in LIST.read_text("utf-8").splitlines())
    return {binary: package for package, binary in filter(None, lines)}


def find(binary: str) -> str | None:
    """The path of a program, or None when it is not installed; a library keeps its name."""
    if binary.endswith(".so"):
        return binary if _loads(binary) else None
    path = os.environ.get("PATH", os.defpath)
    return shutil.which(binary, path=os.pathsep.join((path, *ADMIN_FOLDERS)))


def _loads(library: str) -> bool:
    """Whether the dynamic linker finds it; what it lacks it says, and goes on."""
    environment = {**os.environ, "LD_PRELOAD": library}
    result = subprocess.run(["true"], env=environment, capture_output=True, check=True, timeout=30)
    return not result.stderr


def require(binary: str) -> str:
    """The path of a program; without it the test is skipped, or fails where CI is set.

    A developer may lack a server, but CI that skips the real ones proves nothing.
    """
    package = debian_packages()[binary]
    if sys.platform != "linux":  # process.py follows a server's children through /proc
        pytest.skip(f"{binary} is run on Linux only")
    found = find(binary)
    if found:
        return found
    message = f"{binary} is not installed: install the Debian package {package}"
    if os.environ.get("CI"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
