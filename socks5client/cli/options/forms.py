"""What -F means: NAME=TEXT, NAME=@FILE,FILE2;type=..., NAME=<FILE, NAME=(... and =)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .model import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .model import FormPart

ENCODERS = frozenset({"binary", "8bit", "7bit", "base64", "quoted-printable"})

_TYPE = re.compile(r"[^/ ;,]+/[^;, \n]+")
_SPACE = " \t\n\v\f\r"


@dataclass
class Field:
    """A part of a form. `source` says what `text` is.

    "text" itself; "file": the name of a file that is sent as one; "content": the name of a file
    whose content is sent as if it had been typed; "parts": nothing, `parts` are what is sent.
    `headers` begin with an @ where they are in a file.
    """

    source: str
    text: str = field(default="", repr=False)
    name: str | None = None
    type: str | None = None
    filename: str | None = None
    encoder: str | None = None
    headers: list[str] = field(default_factory=list)
    parts: list[Field] = field(default_factory=list)


def parse_form(
    parts: Iterable[FormPart], warn: Callable[[str], None] = lambda text: None
) -> list[Field]:
    """The fields of a form, in order. `warn` is told what is left out, as by curl.

    Raises UsageError.
    """
    root = Field("parts")
    open_groups = [root]
    for part in parts:
        name, equals, content = part.text.partition("=")
        current = open_groups[-1].parts
        if not equals:
            raise UsageError("option -F: a field has no =")
        if part.literal:
            current.append(Field("text", content))
        elif content.startswith("("):
            group, _ = _Words(content, warn).field("parts", "")
            current.append(group)
            open_groups.append(group)
        elif not name and content == ")":
            if len(open_groups) == 1:
                raise UsageError("option -F: there is no group to end")
            open_groups.pop()
            continue
        elif content.startswith("@"):
            current.append(_files(content[1:], warn))
        elif content.startswith("<"):
            current.append(_Words(content[1:], warn).field("content", "")[0])
        else:
            current.append(_Words(content, warn).field("text", "")[0])
        current[-1].name = name or None
    return root.parts


def _files(text: str, warn: Callable[[str], None]) -> Field:
    """One file, or several, which are a group."""
    files = []
    rest: str | None = text
    while rest is not None:
        file, rest = _Words(rest, warn).field("file", ",")
        files.append(file)
    return files[0] if len(files) == 1 else Field("parts", parts=files)


class _Words:
    """Reads the words between semicolons, as curl does."""

    def __init__(self, text: str, warn: Callable[[str], None]) -> None:
        self._text = text
        self._warn = warn
        self._at = 0

    def field(self, source: str, end: str) -> tuple[Field, str | None]:
        """A field, and what stands behind the next `end`, None where there is none."""
        made = Field(source, self._word(end))
        while self._peek() == ";":
            self._at += 1
            self._skip_space()
            self._attribute(made, source, end)
        if source == "parts":
            made.text = ""
        if made.encoder is not None and made.encoder.lower() not in ENCODERS:
            raise UsageError(f"option -F: the encoders are {', '.join(sorted(ENCODERS))}")
        return made, self._text[self._at + 1 :] if self._at < len(self._text) else None

    def _attribute(self, made: Field, source: str, end: str) -> None:
        if self._take("type="):
            made.type = self._content_type(end)
        elif source in ("text", "file") and self._take("filename="):
            made.filename = self._word(end)
        elif self._take("headers="):
            mark = "@" if self._peek() in ("@", "<") else ""
            self._at += len(mark)
            made.headers.append(mark + self._word(end))
        elif source != "parts" and self._take("encoder="):
            made.encoder = self._word(end)
        elif self._word(end):
            self._warn("option -F: what stands behind a ; is no attribute of a field: left out")

    def _content_type(self, end: str) -> str:
        """With its own parameters: all up to the next attribute that is known."""
        self._skip_space()
        start = self._at
        if not _TYPE.match(self._text, start):
            raise UsageError("option -F: the content type is not one")
        while self._at < len(self._text) and self._text[self._at] != end:
            if self._peek() == ";":
                rest = self._text[self._at + 1 :].lstrip(_SPACE).lower()
                if rest.startswith(("filename=", "headers=", "encoder=")):
                    break
            self._at += 1
        return self._text[start : self._at].rstrip(_SPACE)

    def _word(self, end: str) -> str:
        """Up to a semicolon or `end`; in quotes it may have these."""
        self._skip_space()
        if self._peek() == '"':
            match = re.compile(r'"((?:\\[\\"]|[^"])*)"').match(self._text, self._at)
            if match is not None:
                self._at = match.end()
                if self._plain(end).strip(_SPACE):
                    self._warn("option -F: what stands behind a closing quote is left out")
                return re.sub(r'\\([\\"])', r"\1", match[1])
        return self._plain(end).rstrip(_SPACE)

    def _plain(self, end: str) -> str:
        start = self._at
        while self._at < len(self._text) and self._text[self._at] not in f";{end}":
            self._at += 1
        return self._text[start : self._at]

    def _take(self, word: str) -> bool:
        found = self._text[self._at : self._at + len(word)].lower() == word
        self._at += len(word) if found else 0
        return found

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip_space(self) -> None:
        while self._peek() and self._peek() in _SPACE:
            self._at += 1
