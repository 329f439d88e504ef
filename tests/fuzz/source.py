"""Decisions and pieces out of a fuzzer's bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")


class Source:
    """Reads `data` from its start; what is not there is zero, so every input says something."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        piece = self.bytes(1)
        return piece[0] if piece else 0

    def choice(self, values: Sequence[T]) -> T:
        return values[self.byte() % len(values)]

    def bytes(self, size: int) -> bytes:
        piece = self._data[self._at : self._at + size]
        self._at += size
        return piece

    def rest(self) -> bytes:
        return self.bytes(len(self._data))

    def pieces(self) -> Iterator[bytes]:
        """The rest in pieces: a byte says how long each is (0 to 255), but for the last."""
        while self._at < len(self._data):
            yield self.bytes(self.byte())


def text(data: bytes) -> str:
    """Any bytes as text, lone surrogates included: that is how the system gives arguments."""
    return data.decode("utf-8", "surrogateescape")
