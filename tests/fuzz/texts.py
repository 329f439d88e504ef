"""Targets: what a user, an environment or a configuration says."""

from __future__ import annotations

import pickle

from socks5client import Address, Bypass, Proxy
from socks5client._fakeip import Placeholders

from .source import Source, text

SECRET = "s3cr3t-0f-th3-fuzz3r"


def address(data: bytes) -> None:
    """A host is one that the wire gives back, or a ValueError."""
    source = Source(data)
    port = int.from_bytes(source.bytes(2), "big")
    host = text(source.rest())
    try:
        made = Address(host, port)
    except ValueError:
        return
    wire = made.encode()
    assert len(wire) <= 259
    assert Address.decode(wire) == made
    assert Address(made.host, port) == made
    assert made.host.isascii()
    assert made.host.isprintable()


def proxy_url(data: bytes) -> None:
    """A proxy, whose text shows no password, or a ValueError that shows none either."""
    said = text(data)
    scheme = said.replace("/", "")  # behind a slash it would be a path
    for url in (said, f"socks5h://user:{SECRET}@{said}", f"{scheme}://:{SECRET}@h"):
        try:
            proxy = Proxy.from_url(url)
        except ValueError as error:
            assert SECRET not in str(error)
            continue
        assert SECRET not in f"{proxy} {proxy!r} {proxy.auth!r}"
        assert proxy == pickle.loads(pickle.dumps(proxy)) == proxy.replace()
        assert hash(proxy) == hash(proxy.replace())
        assert (proxy.unix_path is None) == bool(proxy.host)
        assert proxy.unix_path is not None or 0 < proxy.port < 65536


def environment(data: bytes) -> None:
    """Proxy and exceptions from variables: a value or a ValueError that names the variable."""
    names = ("SOCKS5CLIENT_PROXY", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")
    source = Source(data)
    environ = {name: text(source.bytes(source.byte())) for name in names}
    try:
        proxy = Proxy.from_env(environ)
    except ValueError as error:
        assert any(name in str(error) for name in names[:3])
    else:
        assert proxy is None or isinstance(proxy, Proxy)
    bypass = Bypass.from_env(environ)
    host = text(source.rest()) or "example.com"
    for port in (0, 80, 65535):
        assert bypass.matches(host, port) in (True, False)
    assert Bypass(bypass.text) == bypass


def placeholders(data: bytes) -> None:
    """A bounded table: what it gives for a name leads back to the name, or nowhere."""
    table = Placeholders(most=4)
    names = [text(piece) or "x" for piece in Source(data).pieces()]
    for name in names:
        given = table.addresses(name)
        assert len(table) <= 4
        for host in given:
            assert table.name_of(host) == name
            assert table.name_of("192.0.2.1") is None
