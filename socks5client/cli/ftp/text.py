"""Line ends of TYPE A (RFC 959 section 3.1.1.1): CR LF there, LF here."""

from __future__ import annotations


class FromNetwork:
    """CR LF, and a CR alone, become LF; in pieces of any size."""

    def __init__(self) -> None:
        self._after_cr = False

    def convert(self, piece: bytes) -> bytes:
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
        if piece:
            self._after_cr = piece.endswith(b"\r")
        return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def to_network(piece: bytes) -> bytes:
    """Each LF becomes CR LF, also behind a CR, as in curl."""
    return piece.replace(b"\n", b"\r\n")
