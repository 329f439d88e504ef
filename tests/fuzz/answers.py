"""Targets: what servers tell socks5-curl."""

from __future__ import annotations

import os

from socks5client.cli.dates import parse_date
from socks5client.cli.exitcodes import TransferError
from socks5client.cli.http.cookies import Jar
from socks5client.cli.http.disposition import file_name
from socks5client.cli.http.heads import read_heads
from socks5client.cli.tftp import packets

from .source import Source, text

HOSTS = ("example.com", "www.example.com", "other.test", "192.0.2.1")


def cookies(data: bytes) -> None:
    """Set-Cookie headers: what is kept goes to its own hosts alone, in lines that are lines."""
    jar = Jar()
    source = Source(data)
    sender = source.choice(HOSTS)
    for piece in source.pieces():
        jar.learn([(b"Set-Cookie", piece)], sender, "/a/b", bool(len(piece) % 2))
    for host in HOSTS:
        header = jar.header(host, "/a/b", False)
        assert not set(header) & set("\r\n\0")
        related = host.endswith("example.com") and sender.endswith("example.com")
        assert not header or host == sender or related, (sender, host, header)
    for line in jar.text().split("\n"):
        assert not line or line.startswith("# ") or line.count("\t") == 6


def disposition(data: bytes) -> None:
    """A file name in the folder, or none."""
    name = file_name(text(data))
    if name:
        assert os.path.basename(name) == name
        assert name.isprintable()


def heads(data: bytes) -> None:
    """The heads of an answer and what is behind them: nothing is lost, nothing is added."""
    found, rest = read_heads(data)
    assert data.endswith(rest)
    assert len(found) <= data.count(b"\n")


def date(data: bytes) -> None:
    """Seconds, or no date."""
    seconds = parse_date(text(data))
    assert seconds is None or abs(seconds) < 1 << 50


def tftp_packet(data: bytes) -> None:
    """Options or none of a packet, and an error of ours of an ERROR, however short."""
    options = packets.read_options(data)
    assert options is None or all(value >= 0 for value in options.values())
    if packets.is_error(data) and len(data) >= 4:  # shorter ones are no packets
        assert isinstance(packets.read_error(data), TransferError)
