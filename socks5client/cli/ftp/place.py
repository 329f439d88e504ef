"""The path of an FTP URL: folders to change to, a file, a type (RFC 1738 section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from ..urls import MalformedUrl

if TYPE_CHECKING:
    from ..options import Options
    from ..urls import Url


@dataclass(frozen=True)
class Place:
    """`folders` for CWD, one after the other; `file`, b"" for the folder itself.

    `listed` is LIST's argument, where the folders are not changed to (--ftp-method nocwd).
    """

    folders: tuple[bytes, ...]
    file: bytes
    listed: bytes
    ascii: bool
    names_only: bool
    changes: bool  # whether folders are changed to at all

    @classmethod
    def of(cls, url: Url, options: Options) -> Place:
        """Raises MalformedUrl for control characters: they would be another command."""
        text, ascii_, names_only = url.target.partition("?")[0], options.ascii, options.list_only
        text, semicolon, type_ = text.partition(";type=")
        if semicolon:
            letter = type_[:1].upper()
            ascii_, names_only = letter == "A", names_only or letter == "D"
        path = unquote_to_bytes(text.removeprefix("/"))
        if any(byte < 0x20 for byte in path):
            raise MalformedUrl("the URL's path has control characters")
        folder, slash, name = path.rpartition(b"/")
        if slash and not folder:
            folder = b"/"
        method = options.ftp_method
        if method == "nocwd":
            file, listed = (path, b"") if name else (b"", folder)
            return cls((), file, listed, ascii_, names_only, changes=False)
        if method == "singlecwd":
            folders = (folder,) if folder else ()
        else:
            root = (b"/",) if path.startswith(b"/") else ()
            folders = (*root, *(part for part in path.split(b"/")[:-1] if part))
        return cls(folders, name, b"", ascii_, names_only, changes=True)
