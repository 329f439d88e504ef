from __future__ import annotations

from socks5client.protocol.encapsulation import ended, finish, unfinished, unwrap, wrap


class Tag:
    """Puts its letter around what it wraps."""

    def __init__(self, letter: bytes) -> None:
        self.letter = letter

    def wrap(self, data: bytes) -> bytes:
        return self.letter + data + self.letter

    def unwrap(self, data: bytes) -> bytes:
        assert data[:1] == data[-1:] == self.letter
        return data[1:-1]

    def finish(self) -> bytes:
        return self.letter.upper()


LAYERS = [Tag(b"o"), Tag(b"i")]  # the outermost first


def test_layers_wrap_inside_each_other() -> None:
    assert wrap(LAYERS, b"data") == b"oidataio"
    assert unwrap(LAYERS, b"oidataio") == b"data"


def test_the_inner_end_travels_inside_the_outer_layer() -> None:
    assert finish(LAYERS) == b"oiiIoO"


class Counted(Tag):
    """One whose messages have a length, and that has an end of its own."""

    ended = False
    unfinished = False


def test_what_layers_tell_of_themselves() -> None:
    counted = Counted(b"c")
    layers = [*LAYERS, counted]
    assert not ended(LAYERS)
    assert not unfinished(LAYERS)
    assert not ended(layers)
    assert not unfinished(layers)
    counted.ended = counted.unfinished = True
    assert ended(layers)
    assert unfinished(layers)


def test_no_layer() -> None:
    assert wrap([], b"data") == unwrap([], b"data") == b"data"
    assert finish([]) == b""
