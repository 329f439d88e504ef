"""The command line is read by curl's rules."""

from __future__ import annotations

import pytest

from socks5client.cli.options import TABLE, Options, UsageError
from socks5client.cli.options import parse as parse_all
from socks5client.cli.options.help import help_text


def parse(argv: list[str]) -> Options:
    """The only operation of `argv`."""
    (options,) = parse_all(argv)
    return options


def test_short_options_combine_and_the_last_takes_the_argument() -> None:
    options = parse(["-sSfLo", "file", "-XPOST", "http://h/"])
    assert options.silent
    assert options.show_error
    assert options.fail
    assert options.location
    assert options.output == "file"
    assert options.method == "POST"
    assert options.urls == ("http://h/",)


def test_an_argument_may_start_with_a_dash() -> None:
    options = parse(["-w", "-%{http_code}", "--max-redirs", "-1", "-C", "-", "u"])
    assert options.write_out == "-%{http_code}"
    assert options.max_redirs == -1
    assert options.resume == "-"


def test_options_follow_urls_and_two_dashes_end_them() -> None:
    assert parse(["u", "-s"]).silent
    assert parse(["-s", "--", "-u"]).urls == ("-u",)


def test_no_takes_a_switch_back() -> None:
    assert not parse(["-L", "--no-location", "u"]).location


def test_data_keeps_order_and_kind() -> None:
    parts = parse(["-d", "a", "--data-raw", "@b", "--data-binary", "@c", "u"]).data
    assert [(p.text, p.reads_files, p.keeps_newlines) for p in parts] == [
        ("a", True, False),
        ("@b", False, False),
        ("@c", True, True),
    ]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "no URL"),
        (["u", "v"], "more than one URL"),
        (["--frob", "u"], "--frob: is unknown"),
        (["--silen", "u"], "--silen: is unknown"),
        (["--output=x", "u"], "a word of its own"),
        (["-s=", "u"], "-=: is unknown"),
        (["--no-output", "u"], "--no-output: is unknown"),
        (["--no-http2", "u"], "--no-http2"),
        (["u", "-o"], "-o: requires"),
        (["u", "--output"], "--output: requires"),
        (["-m", "soon", "u"], "number of seconds"),
        (["-m", "nan", "u"], "number of seconds"),
        (["-m", "-1", "u"], "number of seconds"),
        (["--max-redirs", "-2", "u"], "number of redirects"),
        (["-C", "x", "u"], "offset"),
        (["-I", "-d", "x", "u"], "only one HTTP request method"),
        (["-I", "-T", "x", "u"], "only one HTTP request method"),
        (["-d", "x", "-T", "x", "u"], "only one HTTP request method"),
        (["-G", "-T", "x", "u"], "only one HTTP request method"),
        (["-C", "5", "-d", "x", "u"], "downloads only"),
        (["-C", "-", "-T", "x", "u"], "downloads only"),
        (["-T", ".", "u"], "not supported"),
        (["-o", "x", "-O", "u"], "-o and -O"),
        (["-X", "GE T", "u"], "method"),
    ],
)
def test_what_is_refused(argv: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(argv)


def test_a_refused_option_does_not_show_its_value() -> None:
    with pytest.raises(UsageError) as caught:
        parse(["--proxy-user=me:secret", "u"])
    assert "secret" not in str(caught.value)


def test_the_options_do_not_show_credentials() -> None:
    options = parse(
        ["-u", "a:pw1", "-U", "b:pw2", "-x", "c:pw3@h", "-H", "X: pw4", "http://d:pw5@h"]
    )
    assert "pw" not in repr(options)


def test_every_row_of_the_table_says_something_to_the_options() -> None:
    for option in TABLE:
        argument = "1" if option.argument else None
        argv = [f"--{option.long}", *([argument] if argument else [])]
        options = parse([*argv, *([] if option.long == "url" else ["u"])])
        # --http2 is what happens by default, and takes --http1.1 back.
        if option.long == "http2":
            options = parse(["--http1.1", "--http2", "u"])
            assert options.http2
            continue
        assert options != Options(urls=("u",)), option.long
        assert f"--{option.long}" in help_text()
        if option.short:
            assert parse([f"-{option.short}", *argv[1:], "u"]) == options


def test_no_option_is_there_twice() -> None:
    for names in ([o.long for o in TABLE], [o.short for o in TABLE if o.short]):
        assert len(set(names)) == len(names)
