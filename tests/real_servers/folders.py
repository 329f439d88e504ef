"""Folders and files for servers that serve as another user, whatever the umask is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def open_folders(root: Path, uploads: Path) -> None:
    """Make the folder that others may read, and the one in which they may write."""
    for folder, mode in ((root, 0o755), (uploads, 0o777)):
        folder.mkdir()
        folder.chmod(mode)


def publish(file: Path, content: bytes) -> None:
    """Write a file that others may read."""
    file.write_bytes(content)
    file.chmod(0o644)
