"""A form as multipart/form-data (RFC 7578), as curl writes it."""

from __future__ import annotations

import binascii
import os
import secrets
from typing import TYPE_CHECKING

from ..body import Body, read_lines
from ..exitcodes import Exit, TransferError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..deadline import Deadline
    from ..options.forms import Field

    Encoder = Callable[[Iterator[bytes]], Iterator[bytes]]

FORM_DATA = "multipart/form-data"
_TYPES = {
    ".gif": "image/gif",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".htm": "text/html",
    ".html": "text/html",
    ".pdf": "application/pdf",
    ".xml": "application/xml",
}
_BROWSERS = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
_BACKSLASHES = str.maketrans({"\\": "\\\\", '"': '\\"'})
_LINE = 76
_LINE_BYTES = _LINE // 4 * 3
_PLAIN = frozenset(range(33, 127)) - {ord("=")}


class Form(Body):
    """A form, read piece by piece. `content_type` is its Content-Type."""

    def __init__(
        self,
        fields: Sequence[Field],
        *,
        kind: str = FORM_DATA,
        backslashes: bool = False,
        read_stdin: Callable[[], bytes],
    ) -> None:
        """`kind` is its content type, but for the boundary.

        Raises TransferError where a file cannot be read.
        """
        self._read_stdin = read_stdin
        boundary = _boundary()
        self.content_type = f"{kind}; boundary={boundary}"
        self._escapes = _BACKSLASHES if backslashes else _BROWSERS
        self._opened: list[Body] = []
        try:
            self._parts = list(self._multipart(fields, boundary, form=_is_form(kind)))
        except BaseException:
            self.close()
            raise
        lengths = [part.length for part in self._parts]
        length = None if None in lengths else sum(size for size in lengths if size is not None)
        super().__init__(b"", length, is_stdin=False)

    def pieces(self, deadline: Deadline) -> Iterator[bytes]:
        self.sent = 0
        for part in self._parts:
            for piece in part.pieces(deadline):
                self.sent += len(piece)
                yield piece

    def rewind(self) -> None:
        for body in self._opened:
            body.rewind()

    def close(self) -> None:
        for body in self._opened:
            body.close()

    def _multipart(self, fields: Sequence[Field], boundary: str, *, form: bool) -> Iterator[Body]:
        between = f"--{boundary}\r\n"
        for field in fields:
            inner = _boundary() if field.source == "parts" else None
            lines = [between, *self._headers(field, form, inner), "\r\n"]
            yield _text("".join(lines))
            if inner is None:
                yield self._content(field)
            else:
                form_too = _is_form(field.type or "")
                yield from self._multipart(field.parts, inner, form=form_too)
            between = f"\r\n--{boundary}\r\n"
        yield _text(between.removesuffix("\r\n") + "--\r\n")

    def _headers(self, field: Field, form: bool, boundary: str | None) -> Iterator[str]:
        own = list(_own_headers(field))
        given = {line.partition(":")[0].strip().lower() for line in own}
        filename = field.filename
        if filename is None and field.source == "file":
            filename = os.path.basename(field.text)
        own_type = next((line.partition(":")[2].strip() for line in own if _is_type(line)), None)
        kind = field.type or own_type or _content_type(field, filename)
        if kind == "text/plain" and not (field.type or own_type or filename is not None):
            kind = None
        disposition = "form-data" if form else "attachment"
        named = field.name is not None or filename is not None
        if "content-disposition" not in given and (named or form):
            line = f"Content-Disposition: {disposition}"
            for word, value in (("name", field.name), ("filename", filename)):
                if value is not None:
                    line += f'; {word}="{value.translate(self._escapes)}"'
            yield f"{line}\r\n"
        if kind is not None:
            yield f"Content-Type: {kind}{f'; boundary={boundary}' if boundary else ''}\r\n"
        if field.encoder is not None and "content-transfer-encoding" not in given:
            yield f"Content-Transfer-Encoding: {field.encoder.lower()}\r\n"
        for line in own:
            if not _is_type(line):
                yield f"{line}\r\n"

    def _content(self, field: Field) -> Body:
        if field.source == "text":
            body = _text(field.text)
        elif field.text == "-":
            body = Body.from_data(self._read_stdin())
        else:
            body = Body.from_upload(field.text)
        self._opened.append(body)
        if field.encoder is None or field.encoder.lower() in ("binary", "8bit"):
            return body
        encode, size = _ENCODERS[field.encoder.lower()]
        return _Encoded(body, encode, None if body.length is None else size(body.length))


class _Encoded(Body):
    def __init__(self, body: Body, encode: Encoder, length: int | None) -> None:
        super().__init__(b"", length, is_stdin=False)
        self._body = body
        self._encode = encode

    def pieces(self, deadline: Deadline) -> Iterator[bytes]:
        return self._encode(self._body.pieces(deadline))


def _text(text: str) -> Body:
    return Body.from_data(os.fsencode(text))


def _boundary() -> str:
    return "-" * 24 + secrets.token_hex(8)


def _own_headers(field: Field) -> Iterator[str]:
    """Those of ;headers=, where lines of a file go on with a space, and # begins a comment."""
    for header in field.headers:
        if not header.startswith("@"):
            yield header
            continue
        line = ""
        for text in read_lines(header[1:]):
            if text.startswith("#"):
                continue
            if text[:1] in (" ", "\t"):
                line += text.rstrip()
                continue
            if line:
                yield line
            line = text.rstrip()
        if line:
            yield line


def _is_form(kind: str) -> bool:
    return kind.lower().startswith(FORM_DATA)


def _is_type(line: str) -> bool:
    return line.lower().startswith("content-type:")


def _content_type(field: Field, filename: str | None) -> str | None:
    """What curl makes of a name's ending."""
    if field.source == "parts":
        return "multipart/mixed"
    names = [filename, None if field.source == "text" or field.text == "-" else field.text]
    for name in names:
        for ending, kind in _TYPES.items():
            if (name or "").lower().endswith(ending):
                return kind
    is_file = field.source == "file" and field.text != "-"
    return "application/octet-stream" if is_file else None


def _only_ascii(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if not piece.isascii():
            raise TransferError(Exit.READ_FAILED, "a field with ;encoder=7bit is not ASCII")
        yield piece


def _base64(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest, between = b"", b""
    for piece in pieces:
        rest += piece
        while len(rest) >= _LINE_BYTES:
            line, rest = rest[:_LINE_BYTES], rest[_LINE_BYTES:]
            yield between + binascii.b2a_base64(line, newline=False)
            between = b"\r\n"
    if rest:
        yield between + binascii.b2a_base64(rest, newline=False)


def _base64_size(size: int) -> int:
    encoded = (size + 2) // 3 * 4
    return encoded + max(encoded - 1, 0) // _LINE * 2


def _quoted(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Line by line; quopri breaks lines elsewhere, and takes LF for a line's end."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\r\n")
        for line in lines:
            yield _quoted_line(line) + b"\r\n"
    yield _quoted_line(rest)


def _quoted_line(line: bytes) -> bytes:
    made, width = b"", 0
    for place, byte in enumerate(line):
        last = place == len(line) - 1
        plain = byte in _PLAIN or (byte in b" \t" and not last)
        code = bytes((byte,)) if plain else b"=%02X" % byte
        if width + len(code) > _LINE - (not last):
            made, width = made + b"=\r\n", 0
        made, width = made + code, width + len(code)
    return made


_ENCODERS: dict[str, tuple[Encoder, Callable[[int], int | None]]] = {
    "7bit": (_only_ascii, lambda size: size),
    "base64": (_base64, _base64_size),
    "quoted-printable": (_quoted, lambda size: None if size else 0),
}
