"""The library through real proxies: microsocks with and without a password, danted, `ssh -D`."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
from typing import TYPE_CHECKING

import httpx
import pytest

import socks5client
from socks5client.httpx import Socks5Transport
from tests.origins import Echo, unused_address

if TYPE_CHECKING:
    from pathlib import Path

    from tests.drivers import Driver
    from tests.real_servers import Origin, RealProxy


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_echo(connect: Driver, real_proxy: RealProxy, host: str) -> None:
    if host == "::1" and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with Echo(greeting=b"220 welcome\r\n", host="::1" if host == "::1" else "127.0.0.1") as echo:
        connection = connect((host, echo.address[1]), real_proxy.url)
        connection.sendall(b"x" * 100_000)
        received = b""
        while len(received) < 13 + 100_000:
            piece = connection.recv(65536)
            assert piece
            received += piece
        connection.close()
        assert received == b"220 welcome\r\n" + b"x" * 100_000


def test_refused(connect: Driver, real_proxy: RealProxy) -> None:
    """`ssh -D` hangs up instead of answering; all others say so."""
    says_so = "failures" in real_proxy.features
    kind = socks5client.ConnectionRefused if says_so else socks5client.RemoteProtocolError
    with pytest.raises(kind) as caught:
        connect(unused_address(), real_proxy.url)
    assert isinstance(caught.value, socks5client.SocksError)
    assert "secret" not in str(caught.value)


def test_wrong_password(connect: Driver, microsocks_auth: RealProxy) -> None:
    proxy = f"socks5h://tester:wrong@{microsocks_auth.host}:{microsocks_auth.port}"
    with pytest.raises(socks5client.AuthenticationError, match="refused"):
        connect(("127.0.0.1", 1), proxy)
    with pytest.raises(socks5client.NoAcceptableMethodError, match="none of"):
        connect(("127.0.0.1", 1), f"socks5h://{microsocks_auth.host}:{microsocks_auth.port}")


def test_chain_of_all(connect: Driver, request: pytest.FixtureRequest) -> None:
    names = ["danted", "microsocks_auth", "ssh_dynamic", "microsocks"]
    chain = [request.getfixturevalue(name).url for name in names]
    with Echo() as echo:
        connection = connect(echo.address, chain)
        connection.sendall(b"ping")
        assert connection.recv(4) == b"ping"
        connection.close()


@pytest.mark.parametrize("http2", [False, True])
def test_httpx(real_proxy: RealProxy, origin: Origin, http2: bool) -> None:
    context = ssl.create_default_context(cafile=str(origin.ca_file))
    transport = Socks5Transport(real_proxy.url, verify=context, http2=http2)
    with httpx.Client(transport=transport) as client:
        for _ in range(3):
            assert client.get(origin.http_url).text == "<p>origin</p>\n"
            response = client.get(origin.https_url)
            assert response.text == "<p>origin</p>\n"
            assert response.http_version == ("HTTP/2" if http2 else "HTTP/1.1")


def test_a_large_file(real_proxy: RealProxy, origin: Origin) -> None:
    content = os.urandom(20_000_000)
    path: Path = origin.root / "large"
    path.write_bytes(content)
    try:
        with socks5client.connect(("127.0.0.1", origin.http_port), proxy=real_proxy.url) as sock:
            sock.sendall(b"GET /large HTTP/1.0\r\n\r\n")
            with sock.makefile("rb") as stream:
                while stream.readline().strip():
                    pass
                received = hashlib.sha256(stream.read())
        assert received.digest() == hashlib.sha256(content).digest()
    finally:
        path.unlink()
