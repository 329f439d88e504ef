"""-F: how it is understood, and that nothing is read before it is sent."""

from __future__ import annotations

import io
import os
import threading
from email import message_from_bytes
from typing import TYPE_CHECKING

import pytest

from socks5client.cli.deadline import Deadline
from socks5client.cli.exitcodes import Exit, TransferError
from socks5client.cli.http.multipart import Form, _quoted
from socks5client.cli.options import FormPart, UsageError
from socks5client.cli.options.forms import Field, parse_form

from .origin import Origin, redirect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Result


def _fields(*texts: str, warnings: list[str] | None = None) -> list[Field]:
    warn = [].append if warnings is None else warnings.append
    return parse_form([FormPart(text, literal=False) for text in texts], warn)


def _form(*fields: Field) -> Form:
    return Form(fields, read_stdin=lambda: b"from stdin")


def _sent(form: Form) -> bytes:
    try:
        return b"".join(form.pieces(Deadline(None, None)))
    finally:
        form.close()


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("a=b", Field("text", "b", "a")),
        ("a= b ", Field("text", "b", "a")),
        ('a="b;c" ', Field("text", "b;c", "a")),
        (r'a="b\"\\\c"', Field("text", r'b"\\c', "a")),
        ('a="b', Field("text", '"b', "a")),
        ("=b", Field("text", "b")),
        ("a=@f", Field("file", "f", "a")),
        ("a=<f;type=x/y", Field("content", "f", "a", type="x/y")),
        ("a=@f;type=x/y; q=1;z ; filename=n", Field("file", "f", "a", "x/y; q=1;z", "n")),
        ("a=b;TYPE=x/y;Encoder=Base64", Field("text", "b", "a", "x/y", encoder="Base64")),
        (
            'a=b;headers="X: 1;2";headers=@f;headers=<g',
            Field("text", "b", "a", headers=["X: 1;2", "@f", "@g"]),
        ),
    ],
)
def test_what_a_field_means(text: str, field: Field) -> None:
    assert _fields(text) == [field]


def test_files_and_groups() -> None:
    assert _fields('a=@f;type=x/y,"g,h";filename=n') == [
        Field(
            "parts",
            name="a",
            parts=[Field("file", "f", type="x/y"), Field("file", "g,h", filename="n")],
        )
    ]
    assert _fields("g=(;type=x/y", "a=1", "=(", "=)", "=)", "b=2") == [
        Field(
            "parts",
            name="g",
            type="x/y",
            parts=[Field("text", "1", "a"), Field("parts")],
        ),
        Field("text", "2", "b"),
    ]


def test_what_is_left_out_is_said() -> None:
    warnings: list[str] = []
    assert _fields('a="b"c;d', warnings=warnings) == [Field("text", "b", "a")]
    assert len(warnings) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a", "no ="),
        ("a=b;type=c", "content type"),
        ("a=b;encoder=zip", "encoders are"),
        ("=)", "no group"),
    ],
)
def test_what_is_no_field(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        _fields(text)


def test_the_standard_library_understands_it(tmp_path: Path) -> None:
    file = tmp_path / "f.bin"
    file.write_bytes(bytes(range(256)) * 500)
    form = _form(
        Field("text", "\u00e9=", "t", encoder="quoted-printable"),
        Field("file", str(file), "f", encoder="base64"),
        Field("file", "-", "s"),
        Field("parts", name="g", parts=[Field("text", "1"), Field("text", "2")]),
    )
    assert form.length is None  # quoted-printable tells only when it has been read
    body = _sent(form)
    assert form.sent == len(body)
    message = message_from_bytes(f"Content-Type: {form.content_type}\r\n\r\n".encode() + body)
    text, data, stdin, group = message.get_payload()
    assert text.get_payload(decode=True) == "\u00e9=".encode()
    assert data.get_payload(decode=True) == file.read_bytes()
    assert data.get_filename() == "f.bin"
    assert stdin.get_payload() == "from stdin"
    assert [part.get_payload() for part in group.get_payload()] == ["1", "2"]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 56, 57, 58, 114, 65535, 65536, 200_000])
@pytest.mark.parametrize("encoder", [None, "base64", "binary"])
def test_the_length_is_that_of_what_is_sent(tmp_path: Path, size: int, encoder: str | None) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"x" * size)
    form = _form(Field("file", str(file), "f", encoder=encoder))
    assert form.length == len(_sent(form))


def test_a_form_is_sent_twice(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"content")
    form = _form(Field("file", str(file), "f"), Field("text", "x", "t"))
    first = b"".join(form.pieces(Deadline(None, None)))
    form.rewind()
    assert _sent(form) == first
    assert form.sent == form.length == len(first)


def test_a_large_file_is_not_read_at_once(tmp_path: Path) -> None:
    file = tmp_path / "sparse"
    with open(file, "wb") as sparse:
        sparse.truncate(3 << 40)
    form = _form(Field("file", str(file), "f"))
    assert form.length is not None
    assert form.length > 3 << 40
    pieces = form.pieces(Deadline(None, None))
    assert len(next(pieces)) < 500
    assert len(next(pieces)) == 65536
    form.close()


def test_what_is_not_7bit() -> None:
    with pytest.raises(TransferError, match="7bit") as caught:
        _sent(_form(Field("text", "\u00e9", "f", encoder="7bit")))
    assert caught.value.code == Exit.READ_FAILED


@pytest.mark.parametrize("cut", range(1, 40))
def test_quoted_lines_do_not_mind_where_a_piece_ends(cut: int) -> None:
    text = b"caf\xe9 = \t\r\n \r\r\nend\t " + b"x" * 80
    whole = b"".join(_quoted(iter([text])))
    assert b"".join(_quoted(iter([text[:cut], text[cut:]]))) == whole
    assert whole == b"caf=E9 =3D =09\r\n =0D\r\nend\t " + b"x" * 70 + b"=\r\n" + b"x" * 10


def test_stdin_goes_to_every_url(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    with Origin() as origin:
        assert run("-F", "f=@-", origin.url, origin.url).code == 0
        assert [b"piped" in request for request in origin.requests] == [True, True]


def test_a_form_whose_file_cannot_be_read_again(run: Callable[..., Result], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"once",))
    writer.start()
    with Origin(redirect("/n", 307)) as origin:
        result = run("-L", "-F", f"f=@{pipe}", origin.url)
        writer.join(10)
        assert result.code == Exit.REWIND_FAILED
        assert len(origin.requests) == 1
        assert "Transfer-Encoding: chunked" in origin.lines
        assert b"once" in origin.body
