"""Mode netascii (RFC 1350 section 1, RFC 764): CR LF is a line's end, CR NUL a CR."""

from __future__ import annotations


class FromNetwork:
    """A line ends with LF here; in pieces of any size."""

    def __init__(self) -> None:
        self._cr = b""

    def convert(self, piece: bytes) -> bytes:
        """What is complete; the rest comes with the next piece, an empty one is the end."""
        if not piece:
            piece, self._cr = self._cr, b""
            return piece
        piece = self._cr + piece
        self._cr = b"\r" if piece.endswith(b"\r") else b""
        piece = piece.removesuffix(b"\r")
        return piece.replace(b"\r\n", b"\n").replace(b"\r\0", b"\r")


def to_network(piece: bytes) -> bytes:
    return piece.replace(b"\r", b"\r\0").replace(b"\n", b"\r\n")
