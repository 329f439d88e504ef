"""The command line is read by curl's rules."""

from __future__ import annotations

import ast
import dataclasses
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import socks5client.cli
from socks5client.cli.exitcodes import TransferError
from socks5client.cli.options import TABLE, DataPart, FormPart, Options, UsageError
from socks5client.cli.options import parse as parse_all
from socks5client.cli.options.kinds import Choice
from socks5client.cli.options.unsupported import UNSUPPORTED
from tests.real_servers import require

if TYPE_CHECKING:
    from socks5client.cli.options import Option


@pytest.fixture(autouse=True)
def _no_config_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


def parse(*argv: str) -> Options:
    """The only operation of `argv`."""
    (options,) = parse_all(argv)
    return options


def test_short_options_combine_and_the_last_takes_the_argument() -> None:
    options = parse("-sSfLo", "file", "-XPOST", "http://h/")
    assert options.silent
    assert options.show_error
    assert options.fail
    assert options.location
    assert options.outputs == ("file",)
    assert options.method == "POST"
    assert options.urls == ("http://h/",)


def test_an_argument_may_start_with_a_dash() -> None:
    options = parse("-w", "-%{http_code}", "--max-redirs", "-1", "-C", "-", "-d", "--next", "u")
    assert options.write_out == "-%{http_code}"
    assert options.max_redirs == -1
    assert options.resume == "-"
    assert options.data[0].text == "--next"


def test_an_argument_may_be_empty() -> None:
    options = parse("-A", "", "--data", "", "-o", "", "u")
    assert options.user_agent == ""
    assert options.data == (DataPart("", True, False),)
    assert options.outputs == ("",)


def test_options_follow_urls_and_two_dashes_end_them() -> None:
    assert parse("u", "-s").silent
    assert parse("-s", "--", "-u", "--", "-").urls == ("-u", "--", "-")


def test_urls_by_option_and_by_word_keep_their_order() -> None:
    assert parse("a", "--url", "b", "c", "--url", "-d").urls == ("a", "b", "c", "-d")


def test_the_outputs_belong_to_the_urls_by_their_order() -> None:
    options = parse("a", "-O", "-o", "x", "b", "c", "--no-remote-name", "--remote-name-all")
    assert options.urls == ("a", "b", "c")
    assert options.outputs == (None, "x", "-")
    assert options.remote_name_all


def test_no_takes_a_switch_back() -> None:
    assert not parse("-L", "--no-location", "u").location
    assert parse("--no-keepalive", "--keepalive", "u").keepalive
    assert parse("--digest", "--no-digest", "u").auth == "basic"
    assert parse("-n", "--no-netrc", "u").netrc is None


def test_data_keeps_order_and_kind() -> None:
    parts = parse("-d", "a", "--data-raw", "@b", "--data-binary", "@c", "u").data
    assert parts == (
        DataPart("a", True, False),
        DataPart("@b", False, False),
        DataPart("@c", True, True),
    )
    assert parse("-F", "a=@b", "--form-string", "c=@d", "u").form == (
        FormPart("a=@b", False),
        FormPart("c=@d", True),
    )


def test_next_starts_anew_but_for_what_is_said_for_all() -> None:
    first, second, third = parse_all(
        ["-sL", "-d", "x", "a", "--next", "-o", "f", "b", "-:", "--url", "c", "-v", "-Z"]
    )
    assert (first.urls, second.urls, third.urls) == (("a",), ("b",), ("c",))
    assert (first.location, second.location) == (True, False)
    assert (first.data, second.data) != ((), ())
    assert second.outputs == ("f",)
    assert third.outputs == ()
    for options in (first, second, third):
        assert (options.silent, options.verbose, options.parallel) == (True, True, True)


def test_next_without_a_url_before_it_changes_nothing() -> None:
    assert parse("--next", "-L", "--next", "u").location


@pytest.mark.parametrize(
    ("argv", "seconds"),
    [("1", 1.0), ("1.5", 1.5), (".5", 0.5), ("5.", 5.0), ("0", None), ("9" * 400, 2_000_000.0)],
)
def test_seconds(argv: str, seconds: float | None) -> None:
    assert parse("-m", argv, "u").max_time == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("2b", 2),
        ("3K", 3 << 10),
        ("4m", 4 << 20),
        ("5G", 5 << 30),
        ("1.5k", 1536),
        ("1T", 1 << 40),
        ("1P", 1 << 50),
        ("9007199254740993", 9007199254740993),
        ("0", None),
    ],
)
def test_sizes(text: str, size: int | None) -> None:
    assert parse("--limit-rate", text, "u").limit_rate == size


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "no URL"),
        (["-"], "option -: is unknown"),
        (["--frob", "u"], "--frob: is unknown"),
        (["--silen", "u"], "--silen: is unknown"),
        (["--output=x", "u"], "a word of its own"),
        (["-s=", "u"], "-=: is unknown"),
        (["--no-output", "u"], "--no-output: has no such form"),
        (["--no-http2", "u"], "--no-http2: has no such form"),
        (["--no-next", "u"], "--no-next: has no such form"),
        (["--no-no-silent", "u"], "--no-no-silent: is unknown"),
        (["--no-no-alpn", "u"], "--no-no-alpn: has no such form"),
        (["--no-hsts", "u"], "--no-hsts: is not supported yet"),
        (["--socks4", "u"], "--socks4: is not supported: SOCKS4 has no"),
        (["-p", "u"], "-p: is not supported: it is for HTTP proxies"),
        (["u", "-o"], "-o: requires"),
        (["u", "--output"], "--output: requires"),
        (["-m", "soon", "u"], "number of seconds"),
        (["-m", "nan", "u"], "number of seconds"),
        (["-m", "-1", "u"], "number of seconds"),
        (["-m", ".", "u"], "number of seconds"),
        (["-m", "\u0661", "u"], "number of seconds"),
        (["--max-redirs", "-2", "u"], "number from -1 on"),
        (["--retry", "9" * 5000, "u"], "number from 0 on"),
        (["--retry", "1x", "u"], "number from 0 on"),
        (["--limit-rate", "1x", "u"], "number of bytes"),
        (["--limit-rate", "k", "u"], "number of bytes"),
        (["--limit-rate", "-1", "u"], "number of bytes"),
        (["--tls-max", "9", "u"], "one of default, 1.0, "),
        (["-C", "x", "u"], "offset"),
        (["-C", "-5", "u"], "offset"),
    ],
)
def test_what_is_refused(argv: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        parse_all(argv)


@pytest.mark.parametrize(
    "argv",
    [
        ["--proxy-user=me:s3cret", "u"],
        ["--proxy-user:s3cret", "u"],
        ["--proxy-user s3cret", "u"],
        ["--frob=s3cret", "u"],
        *([f"--{option.long}", "s3cret", "u"] for option in TABLE if option.argument),
    ],
)
def test_what_is_refused_is_not_shown(argv: list[str]) -> None:
    said = ""
    try:
        _unchecked(argv)
    except (UsageError, TransferError) as error:
        said = str(error)
    # A file's name is told, and what is in it is not.
    assert argv[0] == "--config" or "s3cret" not in said


def test_the_options_do_not_show_credentials() -> None:
    url = "socks5h://a:s3cret@h"
    secrets = {
        **dict.fromkeys(("proxy", "preproxy", "url"), url),
        **dict.fromkeys(("socks5", "socks5-hostname"), "a:s3cret@h"),
        **dict.fromkeys(("user", "proxy-user", "cert", "proxy-cert"), "a:s3cret"),
        **dict.fromkeys(("data", "form", "header", "cookie", "url-query"), "a=s3cret"),
        **dict.fromkeys(("pass", "proxy-pass", "oauth2-bearer", "ftp-account", "quote"), "s3cret"),
    }
    assert secrets.keys() <= {option.long for option in TABLE}
    argv = [word for name, value in secrets.items() for word in (f"--{name}", value)]
    assert "s3cret" not in repr(_unchecked(argv))


@pytest.mark.parametrize("option", TABLE, ids=lambda option: option.long)
def test_every_row_says_something_to_the_options(option: Option) -> None:
    if option.long in ("next", "config", "disable"):
        return  # tested above, and with the files
    argv = _example(option)
    before: list[str] = {
        # Those that say what is so anyway take something else back.
        "http2": ["--http1.1"],
        "tcp-nodelay": ["--no-tcp-nodelay"],
        "basic": ["--digest"],
        "ftp-pasv": ["--ftp-port", "-"],
        "ftp-skip-pasv-ip": ["--no-ftp-skip-pasv-ip"],
    }.get(option.long, [])
    assert _unchecked([*before, *argv]) != _unchecked(before)
    if option.short:
        assert _unchecked([*before, f"-{option.short}", *argv[1:]]) == _unchecked([*before, *argv])


def _example(option: Option) -> list[str]:
    if not option.argument:
        return [f"--{option.long}"]
    if option.long == "ftp-port":
        return ["--ftp-port", "-"]
    allowed = option.store.allowed if isinstance(option.store, Choice) else ("9",)
    return [f"--{option.long}", allowed[-1]]


def _unchecked(argv: list[str]) -> list[Options]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("socks5client.cli.options.commandline.check", lambda operations: None)
        return parse_all(["-q", *argv])


def test_no_option_is_there_twice() -> None:
    for names in ([o.long for o in TABLE], [o.short for o in TABLE if o.short]):
        assert len(set(names)) == len(names)


# Read where the words are, before there are Options.
BY_THE_PARSER = {"disable_config"}


def test_every_field_of_the_options_is_read_somewhere() -> None:
    """Nothing is accepted and ignored."""
    folder = Path(socks5client.cli.__file__).parent
    read = {
        node.attr
        for path in folder.rglob("*.py")
        if path.relative_to(folder).parts[0] != "options"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and _is_options(node.value)
    }
    fields = {field.name for field in dataclasses.fields(Options)}
    assert fields - read == BY_THE_PARSER


def _is_options(node: ast.expr) -> bool:
    """Whether an expression is, by its name, an `Options`."""
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in ("options", "_options", "command", "_command")


@pytest.fixture(scope="module")
def theirs() -> dict[str, tuple[str, str]]:
    """curl's options: long name -> short name and argument."""
    lines = _curl("--help", "all").splitlines()[1:]
    rows = [re.match(r" (?:-(.), |    )--(\S+)( [<\[].*?[>\]](?=[ :]|host))?", s) for s in lines]
    assert all(rows)
    found = {row[2]: (row[1] or "", row[3] or "") for row in rows if row}
    assert len(found) > 240
    return found


def _curl(*args: str) -> str:
    command = [require("curl"), *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


def test_every_option_of_curl_is_here_or_there_is_a_reason(
    theirs: dict[str, tuple[str, str]],
) -> None:
    supported = {option.long for option in TABLE if not option.ours}
    assert supported | UNSUPPORTED.keys() == theirs.keys()
    assert not supported & UNSUPPORTED.keys()
    assert not {option.long for option in TABLE if option.ours} & theirs.keys()


def test_options_are_of_the_same_kind_as_curls(theirs: dict[str, tuple[str, str]]) -> None:
    for option in TABLE:
        if not option.ours:
            short, argument = theirs[option.long]
            assert (option.long, option.short) == (option.long, short)
            assert (option.long, bool(option.argument)) == (option.long, bool(argument))
    for name, missing in UNSUPPORTED.items():
        assert (name, missing.short) == (name, theirs[name][0])
        if missing.never:
            assert missing.why


@pytest.mark.parametrize("option", TABLE, ids=lambda option: option.long)
def test_the_no_forms_are_those_of_curl(option: Option) -> None:
    if option.ours or option.long == "help":
        return
    other = option.long.removeprefix("no-")
    other = f"--{other}" if other != option.long else f"--no-{other}"
    curl = subprocess.run(
        [require("curl"), "-q", other, "-V"], capture_output=True, timeout=30, check=False
    )
    try:
        _unchecked([other])
        ours = 0
    except UsageError:
        ours = 2
    assert (other, ours) == (other, curl.returncode)


@pytest.mark.parametrize(
    "argv", [["-V", "--frob"], ["-V", "-o"], ["--frob", "-V"], ["-Vp"], ["-M", "--frob"]]
)
def test_what_asks_for_a_text_ends_the_options_as_with_curl(argv: list[str]) -> None:
    curl = subprocess.run(
        [require("curl"), "-q", *argv], capture_output=True, timeout=30, check=False
    )
    try:
        parse_all(argv)
        assert curl.returncode == 0
    except UsageError:
        assert curl.returncode == 2
