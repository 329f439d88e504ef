"""The heads of answers, and the file names in them."""

from __future__ import annotations

import pytest

from socks5client.cli.http.disposition import file_name
from socks5client.cli.http.heads import read_heads

FINAL = b"HTTP/1.1 200 OK\r\nA:  b \r\nC:d\r\n\r\n"


def test_heads_as_they_came() -> None:
    heads, rest = read_heads(FINAL + b"body\r\n\r\nmore")
    assert [head.raw for head in heads] == [FINAL]
    assert heads[0].line == "HTTP/1.1 200 OK"
    assert heads[0].headers == [(b"A", b" b "), (b"C", b"d")]
    assert rest == b"body\r\n\r\nmore"


def test_interim_ones_come_first() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    heads, rest = read_heads(hints + b"HTTP/1.1 100 Continue\r\n\r\n" + FINAL + b"x")
    assert [head.line[9:12] for head in heads] == ["103", "100", "200"]
    assert rest == b"x"
    switched, rest = read_heads(b"HTTP/1.1 101 Switching\r\n\r\nHTTP/9\r\n\r\n")
    assert [head.line for head in switched] == ["HTTP/1.1 101 Switching"]
    assert rest == b"HTTP/9\r\n\r\n"


def test_old_ways_to_write_them() -> None:
    heads, rest = read_heads(b"HTTP/1.0 200 OK\nA: b\n c\nD: e\n\nrest")
    assert heads[0].headers == [(b"A", b"b c"), (b"D", b"e")]
    assert rest == b"rest"
    assert read_heads(b"") == ([], b"")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("attachment; filename=plain.txt", "plain.txt"),
        ("attachment; filename=two words ; x=y", "two words "),
        ('attachment; filename="quo;ted"; x', "quo;ted"),
        ("attachment; filename='single'", "single"),
        ('attachment; filename="/etc/passwd"', "passwd"),
        ('attachment; filename="..\\..\\up"', "up"),
        ("filename=first", "first"),
        ("inline", None),
        ("", None),
        ('attachment; filename="folder/"', None),
        ("attachment; filename*=UTF-8''x", None),
        ('attachment; filename=""', ""),
        ('attachment; filename="a\x1b[31m\nb"', "a[31mb"),
        ('attachment; filename="open', "open"),
    ],
)
def test_file_names(value: str, name: str | None) -> None:
    assert file_name(value) == name
