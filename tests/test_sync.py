"""The blocking driver: the way to the proxy, and trouble before it is reached."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest

import socks5client
from socks5client import DIRECT, Address, Proxy, sync
from tests.origins import Echo, read_exactly, unused_address
from tests.server_fixture import Server


def addresses(*places: tuple[str, int]) -> Any:
    """A resolver that answers with these, whatever it is asked."""
    infos = [
        (
            socket.AF_INET6 if ":" in host else socket.AF_INET,
            socket.SOCK_STREAM,
            6,
            "",
            (host, port),
        )
        for host, port in places
    ]
    return lambda *args: infos


def test_a_plain_socket(echo: Echo) -> None:
    with Server() as server:
        sock = sync.connect(echo.address, proxy=f"{server.host}:{server.port}", timeout=5)
        with sock:
            assert type(sock) is socket.socket
            assert sock.gettimeout() is None
            sock.sendall(b"x")
            assert read_exactly(sock, 1) == b"x"


def test_direct(echo: Echo) -> None:
    with sync.connect(echo.address, proxy=DIRECT) as sock:
        assert sock.getpeername() == echo.address


def test_the_proxy_by_name(echo: Echo) -> None:
    """Where localhost is ::1 first, nobody listens there: the next address is tried."""
    with Server() as server:
        sock = sync.connect(echo.address, proxy=f"socks5h://localhost:{server.port}", timeout=5)
        sock.close()
        assert len(server.requests) == 1


def test_each_address_of_the_proxy_is_tried(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server() as server:
        resolver = addresses(unused_address(), server.address)
        monkeypatch.setattr("socks5client.tunnel.dial._getaddrinfo", resolver)
        sync.connect(echo.address, proxy="socks5h://proxy.test", timeout=5).close()
        assert len(server.requests) == 1
        monkeypatch.setattr("socks5client.tunnel.dial._getaddrinfo", addresses(unused_address()))
        with pytest.raises(socks5client.ProxyConnectionError) as caught:
            sync.connect(echo.address, proxy="socks5h://proxy.test", timeout=5)
        assert caught.value.errno == errno.ECONNREFUSED
        monkeypatch.setattr("socks5client.tunnel.dial._getaddrinfo", addresses())
        with pytest.raises(socks5client.ProxyConnectionError, match="no address"):
            sync.connect(echo.address, proxy="socks5h://proxy.test", timeout=5)


def test_the_system_gives_no_socket(echo: Echo) -> None:
    def make(family: int) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    with pytest.raises(socks5client.ProxyConnectionError, match="Too many open files") as caught:
        sync.open_tunnel((Proxy("127.0.0.1"),), Address(*echo.address), None, make=make)
    assert caught.value.errno == errno.EMFILE


def test_interrupted_while_it_reaches_for_the_proxy(echo: Echo) -> None:
    made = []

    class Interrupted(socket.socket):
        def bind(self, address: Any) -> None:
            raise KeyboardInterrupt

    def make(family: int) -> socket.socket:
        made.append(Interrupted(family))
        return made[-1]

    with pytest.raises(KeyboardInterrupt):
        sync.open_tunnel(
            (Proxy("127.0.0.1"),),
            Address(*echo.address),
            None,
            source_address=("127.0.0.1", 0),
            make=make,
        )
    assert made[0].fileno() == -1


def test_a_default_timeout_of_the_program_does_not_count(echo: Echo) -> None:
    """timeout=None is no limit; and the deadline given is the only one."""
    socket.setdefaulttimeout(0.001)
    try:
        with Server() as server:
            sync.connect(echo.address, proxy=f"{server.host}:{server.port}").close()
            assert len(server.requests) == 1
    finally:
        socket.setdefaulttimeout(None)


def test_one_proxy_twice_in_a_chain(echo: Echo) -> None:
    with Server() as server:
        hop = Proxy(*server.address)
        with sync.connect(echo.address, proxy=(hop, hop), timeout=5) as sock:
            sock.sendall(b"x")
            assert read_exactly(sock, 1) == b"x"
        asked = {exchange.target for exchange in server.requests}
    assert asked == {server.address, echo.address}
