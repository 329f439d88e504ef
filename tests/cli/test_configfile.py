"""Files of -K are read by curl's rules, but for what is wrong in them."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from socks5client.cli.exitcodes import Exit, TransferError
from socks5client.cli.options import UsageError, parse
from tests.real_servers import require

from .origin import Origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from socks5client.cli.options import Options
    from tests.server_fixture import Server

    from .conftest import Result


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def options(tmp_path: Path) -> Callable[..., Options]:
    """What a file's text says, for one URL."""

    def read(text: str | bytes) -> Options:
        file = tmp_path / "config"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        (options,) = parse(["-K", str(file), "u"])
        return options

    return read


# Each says --user-agent x, or --referer x.
@pytest.mark.parametrize(
    "line",
    [
        "user-agent x",
        "user-agent = x",
        "user-agent=x",
        "user-agent: x",
        "user-agent:x",
        "user-agent \t = : x",
        "--user-agent x",
        "--user-agent \t x",
        "-A x",
        "-Ax",
        "-sAx",
        "-sA x",
        'user-agent = "x"',
        '-A "x"',
        "  user-agent = x  ",
        "user-agent = x # a comment",
        'user-agent = "x" # a comment',
        "user-agent = x\r",
        "\ufeffuser-agent = x",
    ],
)
def test_forms_of_a_line(options: Callable[..., Options], line: str) -> None:
    assert options(f"{line}\n").user_agent == "x"
    assert options(line).user_agent == "x"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"a b"', "a b"),
        (r'"a\"b\\c"', r'a"b\c'),
        (r'"\t\n\r\v\x\#"', "\t\n\r\vx#"),
        ('"# no comment"', "# no comment"),
        ('" = x"', " = x"),
        ('""', ""),
        ("a=b:c", "a=b:c"),
        ("a#b", "a#b"),
        ("'x'", "'x'"),
        (r"a\tb", r"a\tb"),
        ("é", "é"),
    ],
)
def test_arguments(options: Callable[..., Options], written: str, meant: str) -> None:
    assert options(f"referer = {written}").referer == meant


def test_what_is_no_option(options: Callable[..., Options]) -> None:
    text = "# a\n  # b\n\n \t \n/ c\n* d\n\r\nsilent\n"
    assert options(text).silent


def test_switches_and_their_no_forms(options: Callable[..., Options]) -> None:
    found = options("location\nno-location\n-sS\n--insecure\n")
    assert (found.location, found.silent, found.show_error, found.insecure) == (False, *[True] * 3)


def test_next_and_urls(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text('url = "a"\n-L\nnext\nurl = b\n')
    first, second = parse(["-K", str(file), "-I", "c"])
    assert (first.urls, first.location, first.head) == (("a",), True, False)
    assert (second.urls, second.location, second.head) == (("b", "c"), False, True)


def test_a_file_in_a_file(tmp_path: Path) -> None:
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    inner.write_text("location\n")
    outer.write_text(f"silent\nconfig = {inner}\nuser-agent = x\n")
    (options,) = parse(["-K", str(outer), "u"])
    assert (options.silent, options.location, options.user_agent) == (True, True, "x")


def test_a_file_in_itself_has_an_end(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(f"config = {file}\n")
    with pytest.raises(UsageError, match="more than 10 files"):
        parse(["-K", str(file), "u"])


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"silent\nfrob\n")))
    with pytest.raises(UsageError, match=r"^stdin:2: option --frob: is unknown$"):
        parse(["-K", "-", "u"])


def test_the_file_of_the_home_folder(home: Path) -> None:
    (home / ".socks5-curlrc").write_text("location\nreferer = x\n")
    assert parse(["u"])[0].location
    assert parse(["-e", "y", "u"])[0].referer == "y"
    # Names that merely begin like --disable.
    assert parse(["--disable-epsv", "u"])[0].location
    assert not parse(["-q", "u"])[0].location
    assert not parse(["-qs", "u"])[0].location
    assert not parse(["--disable", "u"])[0].location
    assert parse(["-s", "-q", "u"])[0].location  # as with curl: only as the first one


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("frob = s3cret", "option --frob: is unknown"),
        ("-y s3cret", "option -y: expected a number of seconds"),
        ("--proxy-user=s3cret", "option --proxy-user: its argument comes as a word of its own"),
        ("--proxy-user:s3cret", "option --proxy-user: its argument comes as a word of its own"),
        ("proxy-user", "option --proxy-user: requires a parameter"),
        ("silent = s3cret", "option --silent: takes no argument"),
        ("-s s3cret", "option -s: takes no argument"),
        ("user = a s3cret", "an argument with spaces has to stand in double quotes"),
        ('user = "a:s3cret', "the quotes are not closed"),
        ('user = "a:b" s3cret', "something follows the closing quotes"),
        ("http://u:s3cret@h/", "option --http: is unknown"),
        ("socks4 = s3cret", "option --socks4: is not supported: "),
    ],
)
def test_errors_name_the_place_and_not_the_value(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "config"
    file.write_text(f"# first\n\n{line}\n")
    with pytest.raises(UsageError) as caught:
        parse(["-K", str(file), "u"])
    assert str(caught.value).startswith(f"{file}:3: {said}")
    assert "s3cret" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TransferError) as caught:
        parse(["-K", str(tmp_path / "none"), "u"])
    assert caught.value.code == Exit.READ_FAILED


TEXTS = {
    "plain": 'url = URL\nuser-agent = "a b"\nheader = "X-A: \\"q\\"\\tt"\n',
    "dashes": '--url URL\n-H "X-A: b"\n-A me\n-sS\n',
    "two": 'url URL\ndata "a=1"\nnext\nurl: URLtwo\nwrite-out "\\n%{http_code}\\n"\n',
    "odd spaces": "\t url \t=\t URL \nreferer:x\n",
    "escapes": 'url = URL\nreferer = "a\\qb\\\\c"\n',
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_same_as_curl(
    bare: Callable[..., Result], proxy: Server, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "config"
    with Origin() as origin:
        file.write_text(TEXTS[name].replace("URL", origin.url))
        where = f"{proxy.host}:{proxy.port}"
        words = ["-q", "-sS", "--socks5-hostname", where, "-K", str(file)]
        words += ["--next", "-A", "z", "--socks5-hostname", where, origin.url]
        if name == "two":
            file.write_text(file.read_text().replace("next", f"next\nsocks5-hostname {where}"))
        curl = subprocess.run([require("curl"), *words], capture_output=True, timeout=30)
        theirs = [_without_agent(request) for request in origin.requests]
        origin.requests.clear()
        result = bare(*words)
        assert (result.code, result.out) == (curl.returncode, curl.stdout) == (0, curl.stdout)
        assert [_without_agent(request) for request in origin.requests] == theirs
        assert len(theirs) == (3 if name == "two" else 2)


def _without_agent(request: bytes) -> bytes:
    lines = request.split(b"\r\n")
    return b"\r\n".join(
        line for line in lines if not line.startswith((b"User-Agent: curl", b"User-Agent: socks5"))
    )
