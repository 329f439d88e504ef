"""--compressed: bodies that are decoded as they come (RFC 9110 section 8.4)."""

from __future__ import annotations

import zlib
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from ..exitcodes import Exit, TransferError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_MOST = 10  # encodings of one body
_ZSTD_PIECE = 64  # bytes, of which each may stand for 32 kB
_PIECE = 1 << 18  # bytes that are decoded at once: a bomb fills no memory


class Decoder(Protocol):
    """What undoes one encoding."""

    def decode(self, data: bytes) -> Iterator[bytes]: ...

    def finish(self) -> None:
        """Raises ValueError where the body ended too early."""


class _Zlib:
    """gzip, and deflate with its head or without."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._object: Any = None
        self._over = False

    def decode(self, data: bytes) -> Iterator[bytes]:
        while data and not self._over:
            if self._object is None:
                bits = self._bits
                if bits == zlib.MAX_WBITS and data[0] & 0x0F != zlib.DEFLATED:
                    bits = -bits  # raw, as some servers send it
                self._object = zlib.decompressobj(bits)
            yield self._object.decompress(data, _PIECE)
            if self._object.eof:
                self._over = True  # what follows is none of the body, says curl
                return
            data = self._object.unconsumed_tail

    def finish(self) -> None:
        if self._object is not None and not self._over:
            raise ValueError("the compressed body is not complete")


class _Brotli:
    def __init__(self) -> None:
        name = "brotli" if find_spec("brotli") is not None else "brotlicffi"
        self._module = import_module(name)
        self._object = self._module.Decompressor()

    def decode(self, data: bytes) -> Iterator[bytes]:
        try:
            if not hasattr(self._object, "can_accept_more_data"):  # before brotli 1.2
                yield self._object.process(data)
                return
            while out := self._object.process(data, output_buffer_limit=_PIECE):
                yield out
                data = b""
        except self._module.error as error:
            raise ValueError(str(error)) from None

    def finish(self) -> None:
        if not self._object.is_finished():
            raise ValueError("the compressed body is not complete")


class _Zstandard:
    def __init__(self) -> None:
        self._module = import_module("zstandard")
        self._object = self._module.ZstdDecompressor().decompressobj()

    def decode(self, data: bytes) -> Iterator[bytes]:
        try:
            for start in range(0, len(data), _ZSTD_PIECE):
                if self._object.eof:
                    return
                yield self._object.decompress(data[start : start + _ZSTD_PIECE])
        except self._module.ZstdError as error:
            raise ValueError(str(error)) from None

    def finish(self) -> None:
        if not self._object.eof:
            raise ValueError("the compressed body is not complete")


class _Identity:
    def decode(self, data: bytes) -> Iterator[bytes]:
        yield data

    def finish(self) -> None:
        pass


_GZIP = zlib.MAX_WBITS | 16
_DECODERS: dict[str, Callable[[], Decoder]] = {
    "deflate": lambda: _Zlib(zlib.MAX_WBITS),
    "gzip": lambda: _Zlib(_GZIP),
    "x-gzip": lambda: _Zlib(_GZIP),
    "identity": _Identity,
}
_ASKED_FOR = ["deflate", "gzip"]  # in curl's order
if find_spec("brotli") is not None or find_spec("brotlicffi") is not None:
    _DECODERS["br"] = _Brotli
    _ASKED_FOR.append("br")
if find_spec("zstandard") is not None:
    _DECODERS["zstd"] = _Zstandard
    _ASKED_FOR.append("zstd")

ACCEPTED = ", ".join(_ASKED_FOR)
"""What Accept-Encoding says with --compressed."""


def decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """`pieces` without what `encoding`, of Content-Encoding, has done to them.

    Raises TransferError (61) where it is unknown, or the body is not what it says.
    """
    names = [name for word in encoding.split(",") if (name := word.strip().lower())]
    if len(names) > _MOST:
        raise TransferError(Exit.BAD_ENCODING, f"the body has more than {_MOST} encodings")
    unknown = [name for name in names if name not in _DECODERS]
    if unknown:
        raise TransferError(
            Exit.BAD_ENCODING,
            f"the body's encoding is not known here: {unknown[0]!r} (known: {ACCEPTED})",
        )
    for name in reversed(names):
        pieces = _through(_DECODERS[name](), pieces)
    yield from pieces


def _through(decoder: Decoder, pieces: Iterable[bytes]) -> Iterator[bytes]:
    begun = False
    try:
        for piece in pieces:
            begun = True
            for out in decoder.decode(piece):
                if out:
                    yield out
        if begun:  # an answer without a body has no encoding
            decoder.finish()
    except (ValueError, zlib.error) as error:
        raise TransferError(Exit.BAD_ENCODING, f"the body cannot be decoded: {error}") from None
