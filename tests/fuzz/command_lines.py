"""Targets: what socks5-curl is told: arguments, configuration files, URLs, .netrc."""

from __future__ import annotations

from unittest import mock

from socks5client.cli import netrc
from socks5client.cli.exitcodes import TransferError
from socks5client.cli.globbing import expand, fill_in
from socks5client.cli.jobs import jobs_of
from socks5client.cli.options import TABLE, Options, UsageError, configfile, parse
from socks5client.cli.urls import MalformedUrl, UnsupportedScheme, Url

from .source import Source, text
from .texts import SECRET

WORDS = [f"--{option.long}" for option in TABLE] + [
    f"-{option.short}" for option in TABLE if option.short
]
MOST = 200  # of what a glob stands for: it may be billions


def arguments(data: bytes) -> None:
    """Options, or an error of one line that shows no password."""
    words = []
    for piece in Source(data).pieces():
        # Half of them are options that exist: a fuzzer seldom finds their names.
        words.append(WORDS[piece[0] % len(WORDS)] if len(piece) == 1 else text(piece))
    with (
        mock.patch("socks5client.cli.options.commandline.read_config", lambda name: iter(())),
        mock.patch("socks5client.cli.options.commandline.default_config", lambda: None),
    ):
        try:
            operations = parse([*words, "-u", f"me:{SECRET}", "u"])
        except UsageError as error:
            assert str(error)
            assert SECRET not in str(error)
            return
        except TransferError:
            return
    assert operations
    assert all(SECRET not in repr(options) for options in operations)
    try:
        for number, job in enumerate(jobs_of(operations)):
            assert SECRET not in repr(job)
            if number == MOST:
                break
    except (MalformedUrl, UsageError) as error:
        assert str(error)


def configuration(data: bytes) -> None:
    """A file of -K: words, or an error that names the line and not what is in it."""
    with mock.patch("socks5client.cli.options.configfile.read_file", lambda name: data):
        try:
            lines = list(configfile.read_config("file"))
        except UsageError as error:
            assert str(error).startswith("file:")
            return
    for line in lines:
        assert line.where.startswith("file:")
        assert line.option.startswith("-")


def url(data: bytes) -> None:
    """A URL that can be sent, or an error; where a redirect leads to as well."""
    source = Source(data)
    location = text(source.bytes(source.byte()))
    pattern = text(source.rest())
    try:
        for number, (expanded, chosen) in enumerate(expand(pattern)):
            assert "#0" in fill_in("#0#1#2", chosen)
            _follow(expanded, location)
            if number == MOST:
                break
    except MalformedUrl as error:
        assert str(error)


def _follow(said: str, location: str) -> None:
    try:
        made = Url.parse(said)
        for parsed in (made, made.follow(location)):
            assert parsed.target.isascii()
            assert not set(parsed.target) & set(" \r\n\t\0")
            assert parsed.connect_host.isascii()
            assert 0 <= parsed.effective_port < 65536
            assert parsed.password is None or str(parsed) == str(Url.parse(str(parsed)))
    except (MalformedUrl, UnsupportedScheme) as error:
        assert str(error)


def netrc_file(data: bytes) -> None:
    """A .netrc: credentials of the host that is asked for, none, or an error of ours."""
    lines = [text(line) for line in data.split(b"\n")]
    options = Options(netrc="required", netrc_file="file")
    with mock.patch("socks5client.cli.netrc.read_lines", lambda name: lines):
        for user in (None, "me"):
            try:
                found = netrc.netrc_credentials(options, "example.com", user)
            except TransferError:
                continue
            assert found is None or len(found) == 2
            assert found is None or user in (None, found[0])
