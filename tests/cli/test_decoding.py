"""--compressed: what comes out, in how much memory, and what is refused."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import brotli
import pytest
import zstandard

from socks5client.cli.exitcodes import Exit, TransferError
from socks5client.cli.http.decoding import ACCEPTED, decoded

from .origin import Origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Result

TEXT = b"some text, " * 10_000
ENCODED = {
    "gzip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "br": brotli.compress(TEXT),
    "zstd": zstandard.ZstdCompressor().compress(TEXT),
}


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize("name", list(ENCODED))
def test_each(name: str, size: int) -> None:
    assert b"".join(decoded(_pieces(ENCODED[name], size), name)) == TEXT
    assert b"".join(decoded(_pieces(ENCODED[name], size), f"identity, {name.upper()},")) == TEXT
    assert list(decoded([], name)) == []


@pytest.mark.parametrize("name", list(ENCODED))
def test_what_is_cut_or_garbage(name: str) -> None:
    for data in (ENCODED[name][:-5], b"garbage" * 10):
        with pytest.raises(TransferError) as caught:
            list(decoded([data], name))
        assert caught.value.code == Exit.BAD_ENCODING


def test_unknown_or_too_many() -> None:
    with pytest.raises(TransferError, match="rot13"):
        list(decoded([b"x"], "gzip, rot13"))
    with pytest.raises(TransferError, match="more than 10"):
        list(decoded([b"x"], ",".join(["gzip"] * 11)))


@pytest.mark.parametrize("name", list(ENCODED))
def test_a_bomb_comes_in_pieces(name: str) -> None:
    size = 64 << 20
    bombs = {
        "gzip": lambda: gzip.compress(bytes(size), 9),
        "deflate": lambda: zlib.compress(bytes(size), 9),
        "br": lambda: brotli.compress(bytes(size), quality=1),
        "zstd": lambda: zstandard.ZstdCompressor().compress(bytes(size)),
    }
    total, largest = 0, 0
    for piece in decoded(_pieces(bombs[name](), 65536), name):
        total += len(piece)
        largest = max(largest, len(piece))
    assert total == size
    assert largest <= 4 << 20


def test_over_the_wire(run: Callable[..., Result]) -> None:
    head = "HTTP/1.1 200 OK\r\nContent-Encoding: {}\r\nContent-Length: {}\r\n\r\n"
    for name, data in ENCODED.items():
        with Origin(head.format(name, len(data)).encode() + data) as origin:
            assert run("--compressed", origin.url) == (0, TEXT, "")
            assert f"Accept-Encoding: {ACCEPTED}" in origin.lines
            assert run(origin.url).out == data
            assert "Accept-Encoding" not in "".join(origin.lines)
    assert ACCEPTED == "deflate, gzip, br, zstd"
