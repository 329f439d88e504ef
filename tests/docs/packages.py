"""Two packages for an index: `tiny`, a wheel, and `built`, which takes `tiny` to be built."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

FILES = {"tiny": "tiny-1.0-py3-none-any.whl", "built": "built-1.0.tar.gz"}

# `built` is its own build backend, and is built of what it says of itself.
BACKEND = """\
import pathlib, sys, tiny
def build_wheel(folder, *args):
    pathlib.Path(folder, "built-1.0-py3-none-any.whl").write_bytes(tiny.wheel("built"))
    return "built-1.0-py3-none-any.whl"
"""
SETTINGS = """\
[build-system]
requires = ["tiny"]
build-backend = "backend"
backend-path = ["."]
"""


def content(name: str) -> bytes:
    """The file of this name."""
    if name == FILES["tiny"]:
        return wheel("tiny")
    if name == FILES["built"]:
        return sdist()
    raise ValueError(f"no file {name!r} in the index")


def wheel(name: str) -> bytes:
    """A package that has this module's `wheel`."""
    buffer, info = io.BytesIO(), f"{name}-1.0.dist-info"
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{name}.py", Path(__file__).read_bytes())
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", tags)
        archive.writestr(f"{info}/RECORD", "")
    return buffer.getvalue()


def sdist() -> bytes:
    buffer = io.BytesIO()
    files = {"pyproject.toml": SETTINGS, "backend.py": BACKEND, "PKG-INFO": "Name: built\n"}
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"built-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()
