"""BIND by real proxies: danted does it, microsocks says that it does not, `ssh -D` hangs up."""

from __future__ import annotations

import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

import socks5client
from tests.drivers import ANYBODY
from tests.origins import Echo
from tests.test_scenarios_bind import come, converse

if TYPE_CHECKING:
    from tests.drivers import BindDriver
    from tests.real_servers import RealProxy


@pytest.mark.parametrize("expected", [ANYBODY, ("127.0.0.1", 0), ("localhost", 0)])
def test_danted(bind: BindDriver, danted: RealProxy, expected: Any) -> None:
    with closing(bind(expected, danted.url, 10)) as meeting:
        host, port = meeting.address
        assert host == "127.0.0.1"
        assert port not in (0, danted.port)
        with pytest.raises(BlockingIOError):
            meeting.accept(0)
        peer = come(meeting.address)
        sock, address = meeting.accept(10)
        assert address == peer.getsockname()
        converse(sock, peer)


def test_danted_lets_nobody_else_come(bind: BindDriver, danted: RealProxy) -> None:
    with (
        closing(bind(("127.0.0.2", 0), danted.url, 10)) as meeting,
        come(meeting.address),
        pytest.raises(socks5client.NotAllowed),
    ):
        meeting.accept(10)


def test_danted_expects_whom_we_connected_to(danted: RealProxy) -> None:
    """As FTP does it: the server that the control connection leads to connects back."""
    with (
        Echo(host="127.0.0.2") as echo,
        socks5client.connect(echo.address, proxy=danted.url) as control,
        socks5client.socket(proxy=danted.url) as listener,
    ):
        listener.settimeout(10)
        listener.listen()
        for _ in range(2):
            peer = socket.create_connection(listener.getsockname(), 10, ("127.0.0.2", 0))
            sock, address = listener.accept()
            assert address == peer.getsockname()
            assert sock.getsockname() == peer.getpeername()
            converse(sock, peer)
        with come(listener.getsockname()), pytest.raises(socks5client.NotAllowed):
            listener.accept()  # from 127.0.0.1
        control.settimeout(10)
        control.sendall(b"x")
        assert control.recv(1) == b"x"


def test_microsocks_says_no(bind: BindDriver, microsocks: RealProxy) -> None:
    begun = time.monotonic()
    with pytest.raises(socks5client.CommandNotSupported, match="command not supported") as caught:
        bind(proxy=microsocks.url, timeout=10)
    assert time.monotonic() - begun < 5
    assert caught.value.code == 7


def test_ssh_hangs_up(bind: BindDriver, ssh_dynamic: RealProxy) -> None:
    begun = time.monotonic()
    with pytest.raises(socks5client.RemoteProtocolError, match="hung up"):
        bind(proxy=ssh_dynamic.url, timeout=10)
    assert time.monotonic() - begun < 5
