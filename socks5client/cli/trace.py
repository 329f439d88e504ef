"""--trace and --trace-ascii: all that is sent and received, in curl's format; credentials never."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exitcodes import Exit, TransferError
from .output import write_bytes
from .verbose import Narrator, masked, to_stderr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .options import Options
    from .session import Session
    from .verbose import Headers

_HEX_WIDTH, _ASCII_WIDTH = 16, 64


class Tracer(Narrator):
    """Writes to a file, to stdout ("-") or to stderr ("%").

    `in_hex`: in hex as well. What masks a secret counts as if it had been sent: the lengths are
    those of what is shown.
    """

    def __init__(self, name: str, *, in_hex: bool, timed: bool) -> None:
        super().__init__(True, timed=timed)
        self._name = name
        self._in_hex = in_hex

    @classmethod
    def of(cls, options: Options, session: Session) -> Tracer:
        """Raises TransferError where the file cannot be made."""
        in_hex = options.trace is not None
        name = (options.trace if in_hex else options.trace_ascii) or "-"
        tracer = cls(name, in_hex=in_hex, timed=options.trace_time)
        session.shared(("trace", name), tracer._begin)
        return tracer

    def request(self, line: str, headers: Headers) -> None:
        text = "".join(f"{each}\r\n" for each in masked(line, headers))
        self._event("=> Send header", text.encode("utf-8", "surrogateescape"))

    def told(self, line: str) -> None:
        self._event("=> Send header", line.encode("utf-8", "surrogateescape") + b"\r\n")

    def heard(self, line: str) -> None:
        self._event("<= Recv header", line.encode("utf-8", "surrogateescape") + b"\r\n")

    def sent(self, data: bytes) -> None:
        self._event("=> Send data", data)

    def received(self, data: bytes) -> None:
        self._event("<= Recv data", data)

    def _say(self, prefix: str, text: str) -> None:
        self._write(f"{self._time()}== Info: {text}\n")

    def _event(self, what: str, data: bytes) -> None:
        head = f"{self._time()}{what}, {len(data)} bytes ({len(data):#x})\n"
        lines = _in_hex(data) if self._in_hex else _as_text(data)
        self._write(head + "".join(f"{line}\n" for line in lines))

    def _begin(self) -> bool:
        if self._name not in ("-", "%"):
            self._to_file("wb", b"")
        return True

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", "surrogateescape")
        if self._name == "-":
            write_bytes(data)
        elif self._name == "%":
            to_stderr(text, end="")
        else:
            self._to_file("ab", data)

    def _to_file(self, mode: str, data: bytes) -> None:
        try:
            with open(self._name, mode) as file:
                file.write(data)
        except OSError as error:
            raise TransferError(
                Exit.WRITE_FAILED, f"cannot write {self._name}: {error.strerror or error}"
            ) from None


def _in_hex(data: bytes) -> Iterator[str]:
    for start in range(0, len(data), _HEX_WIDTH):
        row = data[start : start + _HEX_WIDTH]
        yield f"{start:04x}: {row.hex(' '):{_HEX_WIDTH * 3}}{_shown(row)}"


def _as_text(data: bytes) -> Iterator[str]:
    """A row ends where a line does, too."""
    start = 0
    while start < len(data):
        end = data.find(b"\r\n", start, start + _ASCII_WIDTH + 2)
        row = data[start : start + _ASCII_WIDTH] if end < 0 else data[start:end]
        yield f"{start:04x}: {_shown(row)}"
        start = start + len(row) if end < 0 else end + 2


def _shown(row: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
