"""Folders and files for servers that serve as another user, whatever the umask is here."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def open_folders(root: Path, uploads: Path) -> None:
    """Make the folder that others may read, and the one in which they may write."""
    for folder, mode in ((root, 0o755), (uploads, 0o777)):
        folder.mkdir()
        folder.chmod(mode)


def publish(file: Path, content: bytes) -> None:
    """Write a file that others may read."""
    file.write_bytes(content)
    file.chmod(0o644)


@contextmanager
def folder_of(user: str) -> Iterator[Path]:
    """A temporary folder of another user's, where root asks for it; else of who asks.

    Not below pytest's folders, which nobody can enter but who runs the tests.
    """
    with tempfile.TemporaryDirectory() as name:
        if os.getuid() == 0:
            shutil.chown(name, user, user)
        yield Path(name)
